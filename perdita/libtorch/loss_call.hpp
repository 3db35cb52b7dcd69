// A call of a loss: reads the operands, computes, and adds a node to LibTorch's graph.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>

#include <array>
#include <span>

#include "perdita/core/parallel.hpp"
#include "perdita/libtorch/node.hpp"
#include "perdita/libtorch/options.hpp"
#include "perdita/losses/signature.hpp"

namespace perdita::libtorch::detail {

/// An operand with its place in the signature of the loss.
struct Given {
  const at::Tensor* tensor;
  LossOperand expected;
};

inline constexpr std::size_t most_operands = 8;

/// The operands of a call.
class GivenOperands {
 public:
  explicit GivenOperands(const char* function) : function_(function) {}
  void add(const at::Tensor& tensor, const LossOperand& expected) {
    if (count_ == most_operands) fail<ValueError>("{}: more than {} operands", function_, most_operands);
    list_[count_++] = {&tensor, expected};
  }
  const char* function() const { return function_; }
  std::size_t size() const { return count_; }
  std::span<Given> all() { return {list_.data(), count_}; }
  std::span<const Given> all() const { return {list_.data(), count_}; }
  const at::Tensor& tensor(std::size_t i) const { return *list_[i].tensor; }

 private:
  const char* function_;
  std::array<Given, most_operands> list_{};
  std::size_t count_ = 0;
};

/// The dtype of a result that was computed in float32 because of float16 or bfloat16 operands: that of the operands
/// that decide, and float32 under autocast. Weights of classes do not decide.
inline at::ScalarType type_of_result(const GivenOperands& operands) {
  if (at::autocast::is_autocast_enabled(at::kCPU)) return at::kFloat;
  std::optional<at::ScalarType> type;
  for (const auto& [tensor, expected] : operands.all()) {
    if (!tensor->defined() || !tensor->is_floating_point() || !expected.decides_dtype) continue;
    type = type ? c10::promoteTypes(*type, tensor->scalar_type()) : tensor->scalar_type();
  }
  return type.value_or(at::kFloat);
}

/// Operators of torch record gradients.
inline bool is_recording() {
  return c10::GradMode::is_enabled() && !c10::impl::tls_is_dispatch_key_excluded(c10::DispatchKey::AutogradCPU);
}

/// A bit for each operand whose gradient is wanted. Throws GraphError for those that have none.
inline unsigned wanted_gradients(const GivenOperands& operands) {
  if (!is_recording()) return 0;
  unsigned wanted = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands.tensor(i).defined() && operands.tensor(i).requires_grad()) wanted |= 1U << i;
  }
  for (std::size_t i = 0; wanted != 0 && i < operands.size(); ++i) {
    const auto& [tensor, expected] = operands.all()[i];
    if ((wanted >> i & 1) && expected.role == Role::side_information) {
      fail<GraphError>("{}: {} requires a gradient, which the loss does not have (valid: {}.detach())",
                       operands.function(), expected.name, expected.name);
    }
    if (tensor->defined() && tensor->is_inference()) {
      fail<GraphError>(
          "{}: {} was made in inference mode, and cannot be kept for backward() (valid: a clone made outside of it)",
          operands.function(), expected.name);
    }
  }
  return wanted;
}

inline void write_extras(perdita::LossExtras&& found, LossExtras& extras) {
  const auto converted = [](Tensor&& tensor) { return tensor.defined() ? to_torch(tensor) : at::Tensor(); };
  extras = {.losses = converted(std::move(found.losses)),
            .margins = converted(std::move(found.margins)),
            .hits = converted(std::move(found.hits)),
            .numerator = found.numerator,
            .denominator = found.denominator};
}

/// A loss with its gradients, or its graph, as a tensor of LibTorch.
inline at::Tensor with_node(const GivenOperands& operands, unsigned wanted, const Compute& compute,
                            std::vector<Tensor>&& tensors, Tensor&& value) {
  const char* const function = operands.function();
  std::vector<Kept> kept;
  ::torch::autograd::edge_list edges;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    kept.emplace_back(operands.tensor(i));
    edges.push_back((wanted >> i & 1) ? ::torch::autograd::impl::gradient_edge(operands.tensor(i))
                                      : ::torch::autograd::Edge());
  }
  std::vector<Tensor> leaves = wanted_of(tensors, wanted);
  NodePointer node;
  if (value.rank() == 0) {
    std::vector<Tensor> wanted_leaves, gradients(leaves.size());
    for (const Tensor& leaf : leaves) {
      if (leaf.defined()) wanted_leaves.push_back(leaf);
    }
    std::vector<Tensor> found(wanted_leaves.size());
    if (value.requires_grad()) found = grad({value}, wanted_leaves, {.allow_unused = true});
    for (std::size_t i = 0, next = 0; i < leaves.size(); ++i) {
      if (!leaves[i].defined()) continue;
      gradients[i] = std::move(found[next++]);
      if (!gradients[i].defined()) gradients[i] = Tensor::zeros(leaves[i].shape(), leaves[i].dtype());
    }
    value = value.detach();
    node = new_node<ScalarLossNode>(function, compute, std::move(kept), wanted, std::move(gradients));
  }
  at::Tensor result = to_torch(value);
  if (!node) {
    Graph graph;
    graph.outputs.push_back(std::move(value));
    graph.leaves = std::move(leaves);
    graph.memory = std::move(kept);
    node = new_node<GraphNode>(function, std::move(graph));
  }
  node->set_next_edges(std::move(edges));
  ::torch::autograd::set_history(result, node);
  return result;
}

/// Uses as many threads as LibTorch. OpenMP has a number for each thread, which LibTorch sets when it is first asked.
inline void adopt_threads() {
  at::internal::lazy_init_num_threads();
  adopt_openmp_threads();
}

/// The loss of plain tensors of types that Perdita computes.
inline at::Tensor call_plain(const GivenOperands& operands, const Compute& compute, LossExtras* extras) {
  const unsigned wanted = wanted_gradients(operands);
  adopt_threads();
  std::vector<Tensor> tensors;
  tensors.reserve(operands.size());
  for (const auto& [tensor, expected] : operands.all()) {
    tensors.push_back(tensor->defined() ? borrowed(operands.function(), expected.name, *tensor) : Tensor());
    if (wanted >> (tensors.size() - 1) & 1) tensors.back().set_requires_grad();
  }
  const NoGrad mode(wanted == 0);
  perdita::LossExtras found;
  Tensor value = compute(tensors, extras != nullptr ? &found : nullptr);
  perdita::detail::ensure_data(value);
  if (extras != nullptr) write_extras(std::move(found), *extras);
  return wanted == 0 ? to_torch(value) : with_node(operands, wanted, compute, std::move(tensors), std::move(value));
}

/// The loss of any tensors. float16 and bfloat16 are computed in float32. Throws DTypeError, ShapeError, ValueError,
/// IndexError, GraphError.
inline at::Tensor call(GivenOperands operands, const Compute& compute, LossExtras* extras) {
  check_state(operands.function());
  std::array<at::Tensor, most_operands> converted;
  bool has_narrow = false;
  std::size_t i = 0;
  GivenOperands readable = operands;
  for (auto& [tensor, expected] : readable.all()) {
    at::Tensor& other = converted[i++];
    if (!tensor->defined()) {
      if (!expected.is_optional) {
        fail<ValueError>("{}: {} is undefined (valid: a tensor)", operands.function(), expected.name);
      }
      continue;
    }
    other = resolved(*tensor);
    check_plain(operands.function(), expected.name, other);
    if (is_narrow(other)) {
      has_narrow = true;
      other = other.to(at::kFloat);
    }
    tensor = &other;
  }
  if (!has_narrow) return call_plain(readable, compute, extras);
  return call_plain(readable, compute, extras).to(type_of_result(operands));
}

}  // namespace perdita::libtorch::detail
