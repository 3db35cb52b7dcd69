// The backward pass: nodes in reverse topological order, found without recursion.
#include <algorithm>
#include <atomic>
#include <vector>

#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/impl.hpp"
#include "perdita/tensor/operators.hpp"

namespace perdita {

namespace detail {

namespace {

/// What grad() wants to know, by position; backward() captures nothing.
struct Captures {
  std::vector<Tensor> gradients;
  std::vector<const TensorImpl*> leaves;  // null where the input is not a leaf
  std::vector<const Node*> nodes;         // null where it is one
  std::vector<Tensor> recorded;           // inputs that may have been computed inside other nodes, or undefined
};

/// What an outer pass has noted on a node, for the time of a pass inside it.
struct OuterNotes {
  explicit OuterNotes(Node* noted)
      : node(noted),
        upstream(std::move(noted->upstream)),
        visited_in(noted->visited_in),
        capture(noted->capture),
        is_needed(noted->is_needed),
        is_run(noted->is_run) {}
  void restore() {
    node->upstream = std::move(upstream);
    node->visited_in = visited_in;
    node->capture = capture;
    node->is_needed = is_needed;
    node->is_run = is_run;
  }
  Ref<Node> node;
  Tensor upstream;
  std::uint64_t visited_in;
  int capture;
  bool is_needed, is_run;
};

/// One pass. Its notes live in the nodes, so two threads must not run over the same graph at once. A rule may run a
/// pass of its own, over nodes that the outer pass has notes on.
struct Pass {
  bool retain_graph, create_graph;
  Captures* captures;
  bool is_inner = false;
  std::vector<OuterNotes> outer_notes = {};
};
thread_local Pass* current_pass = nullptr;

struct Visit {
  Node* node;
  int next_input;
};

/// The position of an input, -1 for what is none.
template <class T>
int position_in(const std::vector<const T*>& inputs, const T* input) {
  const auto found = std::find(inputs.begin(), inputs.end(), input);
  return found == inputs.end() ? -1 : static_cast<int>(found - inputs.begin());
}

int captured_leaf(const TensorImpl* leaf) { return position_in(current_pass->captures->leaves, leaf); }

bool contains_captured(const Node& node) {
  return std::ranges::any_of(current_pass->captures->recorded, [&](const Tensor& input) {
    return input.defined() && node.contains(input.impl()->recorded_id);
  });
}

/// Appends `root` and what it depends on, each after all that it depends on.
void collect(Node* root, std::uint64_t pass_id, std::vector<Visit>& stack, std::vector<Ref<Node>>& order) {
  const bool captures = current_pass->captures != nullptr;
  const auto enter = [&](Node* node) {
    if (node->visited_in == pass_id) return;
    if (node->is_freed) {
      fail<GraphError>(
          "{}: backward through a graph that has already been freed (pass retain_graph = true to the first call)",
          node->name);
    }
    if (current_pass->is_inner) current_pass->outer_notes.emplace_back(node);
    node->visited_in = pass_id;
    node->capture = captures ? position_in<Node>(current_pass->captures->nodes, node) : -1;
    node->is_run = !captures;
    node->upstream = Tensor();
    stack.push_back({node, 0});
  };
  enter(root);
  while (!stack.empty()) {
    Visit& top = stack.back();
    Node* node = top.node;
    if (top.next_input < node->input_count()) {
      const Edge& edge = node->input(top.next_input++);
      if (edge.node) enter(edge.node.get());
      continue;
    }
    for (int i = 0; !node->is_run && i < node->input_count(); ++i) {
      const Edge& edge = node->input(i);
      node->is_run = edge.node ? edge.node->is_needed : edge.leaf && captured_leaf(edge.leaf.get()) >= 0;
    }
    node->is_run = node->is_run || contains_captured(*node);
    node->is_needed = node->is_run || node->capture >= 0;
    if (node->is_needed) order.emplace_back(node);
    stack.pop_back();
  }
}

/// Whether nobody else can see these elements.
bool is_exclusive(const Tensor& tensor) {
  const TensorImpl& impl = *tensor.impl();
  return impl.is_unique() && impl.storage->is_unique() && !impl.is_recorded.load(std::memory_order_relaxed) &&
         impl.storage->buffer.is_unique() && tensor.is_contiguous() && !impl.tracks();
}

/// a + b in the type of a, which is narrow.
Tensor narrow_sum(const Tensor& a, const Tensor& b) {
  Tensor sum = (a + b).to(a.dtype());
  ensure_data(sum);
  return sum;
}

void accumulate(Tensor& sum, Tensor gradient) {
  if (!sum.defined()) {
    sum = std::move(gradient);
  } else if (is_narrow(sum.dtype())) {
    sum = narrow_sum(sum, gradient);
  } else if (!current_pass->create_graph && is_exclusive(sum)) {
    sum.add_(gradient);
  } else {
    sum = sum + gradient;
  }
}

void accumulate_into_leaf(TensorImpl& leaf, Tensor gradient) {
  if (!leaf.grad) {
    ensure_data(gradient);
    leaf.grad = Ref<TensorImpl>(is_exclusive(gradient) ? gradient.impl() : gradient.clone().impl());
  } else if (is_narrow(leaf.dtype)) {
    leaf.grad = narrow_sum(Tensor(leaf.grad), gradient).impl();
  } else {
    Tensor(leaf.grad).add_(gradient);
  }
}

void deliver(Edge& edge, const char* operation, Tensor gradient) {
  const Shape& expected = edge.node ? edge.node->shape : edge.leaf->shape;
  const DType dtype = edge.node ? edge.node->dtype : edge.leaf->dtype;
  if (gradient.shape() != expected) {
    fail<GraphError>("{}: backward returned a gradient of shape {} for an input of shape {}", operation,
                     gradient.shape(), expected);
  }
  if (gradient.dtype() != dtype) gradient = gradient.to(dtype);
  if (edge.node) {
    if (edge.node->is_needed) accumulate(edge.node->upstream, std::move(gradient));
    return;
  }
  if (!current_pass->captures) return accumulate_into_leaf(*edge.leaf, std::move(gradient));
  const int capture = captured_leaf(edge.leaf.get());
  if (capture >= 0)
    accumulate(current_pass->captures->gradients[static_cast<std::size_t>(capture)], std::move(gradient));
}

std::uint64_t next_pass_id() {
  static std::atomic<std::uint64_t> id{0};
  return id.fetch_add(1, std::memory_order_relaxed) + 1;
}

void capture_inner(Node& node, Captures& captures) {
  for (std::size_t i = 0; i < captures.recorded.size(); ++i) {
    const Tensor& input = captures.recorded[i];
    if (!input.defined() || !node.contains(input.impl()->recorded_id)) continue;
    accumulate(captures.gradients[i], node.inner_gradient(input.impl()->recorded_id, input));
  }
}

void run_nodes(Pass& pass, std::vector<Ref<Node>>& order) {
  NoGrad mode(!pass.create_graph);
  for (; !order.empty(); order.pop_back()) {
    Node& node = *order.back();
    if (!node.upstream.defined()) continue;  // only inputs of rules that had nothing to hand on
    if (node.capture >= 0) accumulate(pass.captures->gradients[static_cast<std::size_t>(node.capture)], node.upstream);
    if (!node.is_run) {
      node.upstream = Tensor();
      continue;
    }
    if (pass.captures) capture_inner(node, *pass.captures);
    BackwardContext context(&node, pass.retain_graph, pass.create_graph);
    node.run(context);
    node.upstream = Tensor();
    if (!pass.retain_graph) {
      node.free_saved();
      node.is_freed = true;
    }
  }
}

/// Scratch that keeps its capacity from pass to pass; a pass inside a pass finds it taken and makes its own.
struct Scratch {
  std::vector<Visit> stack;
  std::vector<Ref<Node>> order;
};
thread_local Scratch spare_scratch;

}  // namespace

/// The pass from roots of (output, upstream gradient).
template <class Roots>
void run_backward(Pass& pass, const Roots& roots) {
  Scratch scratch = std::move(spare_scratch);
  scratch.order.clear();
  scratch.stack.clear();
  Pass* const outer = std::exchange(current_pass, &pass);
  pass.is_inner = outer != nullptr;
  struct Restore {
    Pass* outer;
    Scratch& scratch;
    ~Restore() {
      for (const Ref<Node>& node : scratch.order) node->upstream = Tensor();  // after an error
      for (OuterNotes& notes : current_pass->outer_notes) notes.restore();
      scratch.order.clear();
      current_pass = outer;
      spare_scratch = std::move(scratch);
    }
  } restore{outer, scratch};
  const std::uint64_t id = next_pass_id();
  for (const auto& [output, upstream] : roots) {
    if (output.impl()->node) collect(output.impl()->node.get(), id, scratch.stack, scratch.order);
  }
  for (const auto& [output, upstream] : roots) {
    Edge edge;
    if (output.impl()->node)
      edge.node = output.impl()->node;
    else
      edge.leaf = Ref<TensorImpl>(output.impl());
    deliver(edge, "backward", upstream);
  }
  run_nodes(pass, scratch.order);
}

namespace {

struct Root {
  Tensor output, upstream;
};

/// Checks an output and gives it ones where no upstream gradient was given.
Root make_root(const Tensor& output, const Tensor& upstream, const char* operation) {
  require_defined(output, operation);
  if (!output.requires_grad()) {
    fail<GraphError>("{}: the output does not depend on any tensor that requires a gradient", operation);
  }
  ensure_data(output);
  if (!upstream.defined()) {
    if (output.numel() != 1) {
      fail<GraphError>(
          "{}: the output has shape {}; gradients are computed implicitly only for outputs of one element (use "
          "sum() or mean(), or pass the upstream gradient)",
          operation, output.shape());
    }
    // One constant a thread serves every scalar loss; accumulate_into_leaf() never keeps it, since it is shared.
    thread_local const Tensor one32 = Tensor::ones({}), one64 = Tensor::ones({}, DType::float64);
    const Tensor& one = output.dtype() == DType::float32 ? one32 : one64;
    return {output, output.rank() == 0 ? one : Tensor::ones(output.shape(), output.dtype())};
  }
  if (upstream.shape() != output.shape()) {
    fail<ShapeError>("{}: upstream gradient has shape {}, the output {}", operation, upstream.shape(), output.shape());
  }
  return {output, upstream};
}

}  // namespace
}  // namespace detail

using namespace detail;

void Tensor::backward(bool retain_graph) const { backward(Tensor(), retain_graph); }

void Tensor::backward(const Tensor& gradient, bool retain_graph) const {
  const Root roots[1] = {make_root(*this, gradient, "backward")};
  Pass pass{retain_graph, false, nullptr};
  run_backward(pass, roots);
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options) {
  if (!options.grad_outputs.empty() && options.grad_outputs.size() != outputs.size()) {
    fail<ValueError>("grad: {} outputs, but {} grad_outputs", outputs.size(), options.grad_outputs.size());
  }
  std::vector<Root> roots;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    roots.push_back(make_root(outputs[i], options.grad_outputs.empty() ? Tensor() : options.grad_outputs[i], "grad"));
  }
  Captures captures;
  captures.gradients.resize(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    require_defined(inputs[i], "grad");
    if (!inputs[i].requires_grad()) fail<GraphError>("grad: input {} does not require a gradient", i);
    ensure_data(inputs[i]);
    const Node* const node = inputs[i].impl()->node.get();
    captures.leaves.push_back(node ? nullptr : inputs[i].impl());
    captures.nodes.push_back(node);
    captures.recorded.push_back(node && inputs[i].impl()->recorded_id ? inputs[i] : Tensor());
  }
  Pass pass{options.retain_graph || options.create_graph, options.create_graph, &captures};
  run_backward(pass, roots);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Tensor& gradient = captures.gradients[i];
    if (!gradient.defined() && !options.allow_unused) {
      fail<GraphError>(
          "grad: the outputs do not depend on input {} (pass allow_unused = true to get an undefined tensor)", i);
    }
    if (gradient.defined() && !options.create_graph) gradient = gradient.detach();
  }
  return std::move(captures.gradients);
}

bool BackwardContext::wants(int i) const {
  const Edge& edge = node_->input(i);
  if (!edge.wanted()) return false;
  if (!current_pass->captures) return true;
  return edge.node ? edge.node->is_needed : captured_leaf(edge.leaf.get()) >= 0;
}

void BackwardContext::set(int i, Tensor gradient) {
  if (wants(i)) deliver(node_->input(i), node_->name, std::move(gradient));
}

Tensor BackwardContext::output(const Tensor& detached) const {
  if (!create_graph_) return detached;
  Tensor result = detached.detach();
  attach(result, node_);
  return result;
}

}  // namespace perdita
