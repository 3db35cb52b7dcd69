// Nodes of LibTorch's autograd graph for losses: gradients that are computed ahead, and derivatives of any order
// through Perdita's graph.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "perdita/functional/loss_options.hpp"
#include "perdita/libtorch/tensors.hpp"

namespace perdita::libtorch::detail {

using ::torch::autograd::Node;
using ::torch::autograd::variable_list;

/// Nodes are counted by c10::intrusive_ptr, before LibTorch 2.13 by std::shared_ptr.
using NodePointer = decltype(std::declval<Node&>().getptr());

template <class T, class... Args>
NodePointer new_node(Args&&... args) {
  if constexpr (std::is_same_v<NodePointer, std::shared_ptr<Node>>)
    return NodePointer(new T(std::forward<Args>(args)...), [](auto* node) { deleteNode(node); });
  else
    return c10::make_intrusive<T>(std::forward<Args>(args)...);
}

/// Computes a loss of tensors, in the order in which they were given.
using Compute = std::function<Tensor(std::span<const Tensor>, perdita::LossExtras*)>;

/// A tensor whose memory is read by a later pass, which must not find other elements there.
class Kept {
 public:
  Kept() = default;
  explicit Kept(const at::Tensor& tensor) : tensor_(tensor) {
    if (tensor_.defined()) version_ = tensor_._version();
  }
  /// Throws GraphError if the tensor was changed in place.
  const at::Tensor& get(const char* function) const {
    if (tensor_.defined() && tensor_._version() != version_) {
      fail<GraphError>(
          "{}: an operand that backward() needs was changed in place (version {}, expected {}; valid: change a clone)",
          function, tensor_._version(), version_);
    }
    return tensor_;
  }

 private:
  at::Tensor tensor_;
  std::int64_t version_ = 0;
};

/// As many as a loss has operands, without an allocation.
template <class T>
using Few = c10::SmallVector<T, 4>;

/// A part of Perdita's graph that LibTorch sees as one node.
struct Graph {
  Few<Tensor> outputs;
  Few<Tensor> leaves;  ///< one for each edge of the node; undefined where no gradient is wanted
  Few<Kept> memory;    ///< of the leaves and of what else the graph reads
  std::shared_ptr<std::mutex> mutex = std::make_shared<std::mutex>();  ///< of all parts of one graph, which has notes
};

/// Base of the nodes.
class NodeOfLoss : public Node {
 public:
  std::string name() const override { return fmt::format("perdita::{}", function_); }
  void will_release_variables() override { is_last_ = true; }

 protected:
  explicit NodeOfLoss(const char* function) : function_(function) {}
  [[noreturn]] void fail_released() const {
    fail<GraphError>(
        "{}: backward through a graph that has already been freed (pass retain_graph = true to the first "
        "call)",
        function_);
  }
  const char* function_;
  bool is_last_ = false;
};

/// The gradients that a pass through `graph` needs, where `node` is its node: differentiable while LibTorch records.
variable_list gradients_of(const char* function, const Graph& graph, const Node& node, const variable_list& upstream,
                           bool retains);

/// The node of some part of Perdita's graph.
class GraphNode final : public NodeOfLoss {
 public:
  GraphNode(const char* function, Graph graph) : NodeOfLoss(function), graph_(std::move(graph)) {}

  variable_list apply(variable_list&& upstream) override {
    const std::scoped_lock lock(mutex_);
    if (graph_.outputs.empty()) fail_released();
    return gradients_of(function_, graph_, *this, upstream, !is_last_);
  }
  void release_variables() override {
    const std::scoped_lock lock(mutex_);
    const std::scoped_lock graph_lock(*graph_.mutex);
    graph_.outputs.clear();
    graph_.leaves.clear();
    graph_.memory.clear();
  }

 private:
  Graph graph_;
};

/// Tensors of Perdita over the kept ones, of which those that `wanted` has a bit for require gradients.
inline Few<Tensor> leaves_of(const char* function, const Few<Kept>& kept, unsigned wanted) {
  Few<Tensor> tensors;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const at::Tensor& tensor = kept[i].get(function);
    tensors.push_back(tensor.defined() ? borrowed(function, "operand", tensor) : Tensor());
    if (wanted >> i & 1) tensors.back().set_requires_grad();
  }
  return tensors;
}

/// The leaves whose gradients are wanted, others undefined.
inline Few<Tensor> wanted_of(const Few<Tensor>& operands, unsigned wanted) {
  Few<Tensor> leaves(operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (wanted >> i & 1) leaves[i] = operands[i];
  }
  return leaves;
}

/// The node of a loss of one number, whose gradients were computed with it: backward only scales them.
class ScalarLossNode final : public NodeOfLoss {
 public:
  /// gradients: one for each operand; undefined where `wanted` has no bit.
  ScalarLossNode(const char* function, Compute compute, Few<Kept> operands, unsigned wanted, Few<at::Tensor> gradients)
      : NodeOfLoss(function),
        compute_(std::move(compute)),
        operands_(std::move(operands)),
        gradients_(std::move(gradients)),
        wanted_(wanted) {}

  variable_list apply(variable_list&& upstream) override {
    const std::scoped_lock lock(mutex_);
    if (operands_.empty()) fail_released();
    if (!upstream[0].defined()) return variable_list(operands_.size());
    if (c10::GradMode::is_enabled()) return differentiable(upstream);
    const double factor = number_of(upstream[0]);
    variable_list result(operands_.size());
    for (std::size_t i = 0; i < gradients_.size(); ++i) {
      if (gradients_[i].defined() && task_should_compute_output(i)) result[i] = scaled(i, factor);
    }
    if (is_last_) operands_.clear();
    return result;
  }
  void release_variables() override {
    const std::scoped_lock lock(mutex_);
    operands_.clear();
    gradients_.clear();
  }

 private:
  double number_of(const at::Tensor& upstream) const {
    const at::Tensor weight = resolved(upstream);
    check_plain(function_, "upstream gradient", weight);
    if (weight.scalar_type() == at::kFloat) return *weight.const_data_ptr<float>();
    return borrowed(function_, "upstream gradient", weight).item();
  }
  /// A gradient times the upstream gradient, in its own memory in the last pass.
  at::Tensor scaled(std::size_t i, double factor) {
    if (!is_last_) return gradients_[i].mul(factor);
    at::Tensor gradient = std::move(gradients_[i]);
    if (factor != 1.0) gradient.mul_(factor);
    return gradient;
  }
  /// Computes the loss again, now for a graph that can be differentiated.
  variable_list differentiable(const variable_list& upstream) {
    const NoGrad recorded(false);
    Graph graph{.outputs = {}, .leaves = {}, .memory = operands_};
    const Few<Tensor> operands = leaves_of(function_, operands_, wanted_);
    graph.outputs.push_back(compute_({operands.data(), operands.size()}, nullptr));
    graph.leaves = wanted_of(operands, wanted_);
    return gradients_of(function_, graph, *this, upstream, true);
  }

  Compute compute_;
  Few<Kept> operands_;
  Few<at::Tensor> gradients_;
  unsigned wanted_;
};

/// Upstream gradients as Perdita's graph takes them, and the part of the graph that a differentiable pass adds.
struct Upstream {
  std::vector<Tensor> outputs, weights;  ///< of the graph, and d(result)/d(output)
  variable_list memory;                  ///< of the weights
  Graph added;
  ::torch::autograd::edge_list edges;  ///< of the leaves of `added`
};

inline Upstream read_upstream(const char* function, const Graph& graph, const variable_list& upstream, bool records) {
  Upstream all;
  for (std::size_t i = 0; i < upstream.size(); ++i) {
    if (!upstream[i].defined() || !graph.outputs[i].requires_grad()) continue;
    const at::Tensor weight = resolved(upstream[i]);
    check_plain(function, "upstream gradient", weight);
    all.weights.push_back(borrowed(function, "upstream gradient", weight));
    all.outputs.push_back(graph.outputs[i]);
    all.memory.push_back(weight);
    if (!records) continue;
    all.added.memory.emplace_back(weight);
    if (!weight.requires_grad()) continue;
    all.weights.back().set_requires_grad();
    all.added.leaves.push_back(all.weights.back());
    all.edges.push_back(::torch::autograd::impl::gradient_edge(weight));
  }
  return all;
}

/// d(outputs)/d(leaves); zeros for a leaf on which the outputs do not depend.
inline std::vector<Tensor> gradients_of(const Upstream& upstream, const std::vector<Tensor>& leaves, bool retains,
                                        bool records) {
  std::vector<Tensor> found(leaves.size());
  if (!upstream.outputs.empty()) {
    found = grad(
        upstream.outputs, leaves,
        {.grad_outputs = upstream.weights, .retain_graph = retains, .create_graph = records, .allow_unused = true});
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].defined()) found[i] = Tensor::zeros(leaves[i].shape(), leaves[i].dtype());
  }
  return found;
}

inline variable_list gradients_of(const char* function, const Graph& graph, const Node& node,
                                  const variable_list& upstream, bool retains) {
  const bool records = c10::GradMode::is_enabled();
  const std::scoped_lock lock(*graph.mutex);
  for (const Kept& kept : graph.memory) kept.get(function);
  Upstream given = read_upstream(function, graph, upstream, records);
  std::vector<Tensor> wanted;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < graph.leaves.size(); ++i) {
    if (!graph.leaves[i].defined() || !node.task_should_compute_output(i)) continue;
    wanted.push_back(graph.leaves[i]);
    places.push_back(i);
  }
  const NoGrad mode(!records);
  const std::vector<Tensor> found = gradients_of(given, wanted, retains, records);
  variable_list result(graph.leaves.size());
  for (std::size_t i = 0; i < found.size(); ++i) result[places[i]] = to_torch(found[i]);
  if (!records) return result;
  Graph& added = given.added;
  added.outputs.assign(found.begin(), found.end());
  added.mutex = graph.mutex;
  added.memory.append(graph.memory.begin(), graph.memory.end());
  for (std::size_t i = 0; i < graph.leaves.size(); ++i) {
    if (!graph.leaves[i].defined()) continue;
    added.leaves.push_back(graph.leaves[i]);
    given.edges.push_back(node.next_edge(i));
  }
  const NodePointer next = new_node<GraphNode>(function, std::move(added));
  next->set_next_edges(std::move(given.edges));
  for (std::size_t place : places) ::torch::autograd::set_history(result[place], next);
  return result;
}

}  // namespace perdita::libtorch::detail
