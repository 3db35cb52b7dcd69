// Nodes of the autograd graph: how an operation propagates its gradient.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "perdita/tensor/tensor.hpp"

namespace perdita {

/// Whether operations are recorded for differentiation on this thread; true by default.
bool grad_enabled();

/// Disables the recording of gradients on this thread during its lifetime (NoGrad(false) enables it again).
class NoGrad {
 public:
  explicit NoGrad(bool no_grad = true);
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  ~NoGrad();

 private:
  bool before_;
};

class BackwardContext;

namespace detail {

/// Destination of the gradient of an input: the node that created it, or a leaf. Neither: the gradient is not needed.
struct Edge {
  Ref<class Node> node;
  Ref<TensorImpl> leaf;
  bool wanted() const { return node || leaf; }
};

/// One operation with one output. Inputs are edges; what the rule needs is saved by the derived class.
class Node : public Counted<Node> {
 public:
  Node(const char* name, const Tensor& output);
  virtual ~Node();
  /// Passes gradients to context.set(i, ...).
  virtual void run(BackwardContext& context) = 0;
  /// Drops what run() needs.
  virtual void free_saved() = 0;
  /// Whether the tensor recorded as `id` was computed inside this node without being stored.
  virtual bool contains(std::uint64_t) const { return false; }
  /// The gradient by it; `value` is that tensor.
  virtual Tensor inner_gradient(std::uint64_t, const Tensor&) { return {}; }
  void destroy();

  void reserve_inputs(int count);
  void add_input(const Tensor& input);
  int input_count() const { return count_; }
  Edge& input(int i) { return edges_[i]; }

  const char* name;
  DType dtype;
  bool is_freed = false;
  Shape shape;

  // Notes of the backward pass that is under way.
  std::uint64_t visited_in = 0;
  bool is_needed = false;  // its upstream gradient is of use
  bool is_run = false;     // and so are the gradients of its inputs
  int capture = -1;
  Tensor upstream;
  Node* next_dying = nullptr;

 private:
  static constexpr int inline_edges = 3;
  Edge inline_[inline_edges];
  Edge* edges_ = inline_;
  int count_ = 0;
  int capacity_ = inline_edges;
};

template <class Rule>
class NodeOf final : public Node {
 public:
  NodeOf(const char* name_, const Tensor& output, Rule&& rule) : Node(name_, output), rule_(std::move(rule)) {}
  void run(BackwardContext& context) override { (*rule_)(context); }
  void free_saved() override { rule_.reset(); }

 private:
  std::optional<Rule> rule_;
};

void attach(const Tensor& value, Node* node);
bool any_tracks(std::span<const Tensor* const> inputs);
inline bool any_tracks(std::initializer_list<const Tensor*> inputs) {
  return any_tracks({inputs.begin(), inputs.size()});
}

template <class Rule>
Tensor make_node_of(const char* name, Tensor value, std::span<const Tensor* const> inputs, Rule&& rule) {
  const Ref<Node> node(new NodeOf<std::remove_cvref_t<Rule>>(name, value, std::forward<Rule>(rule)));
  node->reserve_inputs(static_cast<int>(inputs.size()));
  for (const Tensor* input : inputs) node->add_input(*input);
  attach(value, node.get());
  return value;
}

}  // namespace detail

/// A tensor saved for backward, which detects later in-place modifications.
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor& tensor);
  /// Throws GraphError that names `operation` when the values are not those that were saved.
  const Tensor& get(const char* operation) const;

 private:
  Tensor tensor_;
  std::uint32_t version_ = 0;
};

/// Context of a backward rule.
class BackwardContext {
 public:
  /// The gradient of the operation's output, of its shape and dtype (perhaps not contiguous).
  const Tensor& upstream() const { return node_->upstream; }
  /// The same, moved out, to be passed on as it is or as a view. May be called once.
  Tensor take_upstream() { return std::move(node_->upstream); }
  /// Whether the gradient of input i is needed.
  bool wants(int i) const;
  /// Sets the gradient of input i, which must have the shape of the input. Use std::move where possible: a leaf without
  /// a gradient then keeps the buffer without a copy.
  void set(int i, Tensor gradient);
  /// The rule must be made of differentiable operations.
  bool create_graph() const { return create_graph_; }
  /// Whether saved tensors are not needed again, so that their buffers may be overwritten and moved.
  bool may_consume() const { return !retain_graph_; }
  const char* name() const { return node_->name; }
  /// The operation's own output, saved as output.detach(): connected again, for second derivatives.
  Tensor output(const Tensor& detached) const;

  BackwardContext(detail::Node* node, bool retain_graph, bool create_graph)
      : node_(node), retain_graph_(retain_graph), create_graph_(create_graph) {}

 private:
  detail::Node* node_;
  bool retain_graph_, create_graph_;
};

/// Makes `value` (just computed, nobody else's) the output of a differentiable operation on `inputs`.
///
/// `rule` is called as rule(BackwardContext&) at most once (or more, with retain_graph) and captures what it needs;
/// tensors as Saved, never `value` itself (a cycle: capture value.detach()). It is kept in a pooled block without
/// indirection. When no input requires a gradient, or under NoGrad, `value` comes back as it is and `rule` is dropped.
///
///     return make_node("mse_loss", value, {&input}, [gradient](BackwardContext& b) mutable { b.set(0, ...); });
template <class Rule>
Tensor make_node(const char* name, Tensor value, std::initializer_list<const Tensor*> inputs, Rule rule) {
  if (!grad_enabled() || !detail::any_tracks(inputs)) return value;
  return detail::make_node_of(name, std::move(value), std::span(inputs.begin(), inputs.size()), std::move(rule));
}
/// The same for any number of inputs.
template <class Rule>
Tensor make_node(const char* name, Tensor value, std::span<const Tensor* const> inputs, Rule rule) {
  if (!grad_enabled() || !detail::any_tracks(inputs)) return value;
  return detail::make_node_of(name, std::move(value), inputs, std::move(rule));
}
template <class Rule>
Tensor make_node(const char* name, Tensor value, std::span<const Tensor> inputs, Rule rule) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  if (!grad_enabled() || !detail::any_tracks(pointers)) return value;
  return detail::make_node_of(name, std::move(value), std::span<const Tensor* const>(pointers), std::move(rule));
}

/// Whether make_node() with these inputs would record anything: a loss asks before it computes gradients ahead.
inline bool needs_grad(std::initializer_list<const Tensor*> inputs) {
  return grad_enabled() && detail::any_tracks(inputs);
}

}  // namespace perdita
