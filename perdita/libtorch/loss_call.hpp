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
  const at::Tensor* tensor = nullptr;
  const LossOperand* expected = nullptr;
};

inline constexpr std::size_t most_operands = 8;

/// The operands of a call.
class GivenOperands {
 public:
  explicit GivenOperands(const char* function) : function_(function) {}
  /// Both must outlive the call.
  void add(const at::Tensor& tensor, const LossOperand& expected) {
    if (count_ == most_operands) fail<ValueError>("{}: more than {} operands", function_, most_operands);
    list_[count_++] = {&tensor, &expected};
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
    if (!tensor->defined() || !tensor->is_floating_point() || !expected->decides_dtype) continue;
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
    if ((wanted >> i & 1) && expected->role == Role::side_information) {
      fail<GraphError>("{}: {} requires a gradient, which the loss does not have (valid: {}.detach())",
                       operands.function(), expected->name, expected->name);
    }
    if (tensor->defined() && tensor->is_inference()) {
      fail<GraphError>(
          "{}: {} was made in inference mode, and cannot be kept for backward() (valid: a clone made outside of it)",
          operands.function(), expected->name);
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

/// The gradients of a scalar loss with respect to the leaves, as new tensors; undefined where a leaf is undefined.
inline Few<at::Tensor> gradients_ahead(const Tensor& value, const Few<Tensor>& leaves) {
  if (value.requires_grad()) value.backward();
  Few<at::Tensor> gradients(leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!leaves[i].defined()) continue;
    Tensor gradient = leaves[i].grad();
    leaves[i].set_grad(Tensor());
    if (!gradient.defined()) gradient = Tensor::zeros(leaves[i].shape(), leaves[i].dtype());
    gradients[i] = to_torch(gradient);
  }
  return gradients;
}

/// Makes `node` that of the result of these operands.
inline at::Tensor attached(at::Tensor result, const GivenOperands& operands, unsigned wanted, const NodePointer& node) {
  ::torch::autograd::edge_list edges(operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (wanted >> i & 1) edges[i] = ::torch::autograd::impl::gradient_edge(operands.tensor(i));
  }
  node->set_next_edges(std::move(edges));
  ::torch::autograd::set_history(result, node);
  return result;
}

inline Few<Kept> kept_of(const GivenOperands& operands) {
  Few<Kept> kept;
  for (const Given& given : operands.all()) kept.emplace_back(*given.tensor);
  return kept;
}

/// A loss with its gradients, or its graph, as a tensor of LibTorch.
inline at::Tensor with_node(const GivenOperands& operands, unsigned wanted, Compute&& compute,
                            const Few<Tensor>& tensors, Tensor&& value) {
  const char* const function = operands.function();
  Few<Tensor> leaves = wanted_of(tensors, wanted);
  if (value.rank() == 0) {
    Few<at::Tensor> gradients = gradients_ahead(value, leaves);
    return attached(
        to_torch(value), operands, wanted,
        new_node<ScalarLossNode>(function, std::move(compute), kept_of(operands), wanted, std::move(gradients)));
  }
  at::Tensor result = to_torch(value);
  Graph graph;
  graph.outputs.push_back(std::move(value));
  graph.leaves = std::move(leaves);
  graph.memory = kept_of(operands);
  return attached(std::move(result), operands, wanted, new_node<GraphNode>(function, std::move(graph)));
}

/// Uses as many threads as LibTorch. OpenMP has a number for each thread, which LibTorch sets when it is first asked.
inline void adopt_threads() {
  at::internal::lazy_init_num_threads();
  adopt_openmp_threads();
}

/// The loss of plain tensors of types that Perdita computes.
inline at::Tensor call_plain(const GivenOperands& operands, Compute&& compute, LossExtras* extras) {
  const unsigned wanted = wanted_gradients(operands);
  adopt_threads();
  Few<Tensor> tensors;
  for (const auto& [tensor, expected] : operands.all()) {
    tensors.push_back(tensor->defined() ? borrowed(operands.function(), expected->name, *tensor) : Tensor());
    if (wanted >> (tensors.size() - 1) & 1) tensors.back().set_requires_grad();
  }
  const NoGrad mode(wanted == 0);
  perdita::LossExtras found;
  Tensor value = compute({tensors.data(), tensors.size()}, extras != nullptr ? &found : nullptr);
  perdita::detail::ensure_data(value);
  if (extras != nullptr) write_extras(std::move(found), *extras);
  if (wanted == 0) return to_torch(value);
  return with_node(operands, wanted, std::move(compute), tensors, std::move(value));
}

/// Whether the elements are not in memory in a type that Perdita reads, but can be converted.
inline bool needs_conversion(const at::Tensor& tensor) {
  return tensor.is_neg() || tensor._is_zerotensor() || is_narrow(tensor);
}

/// The loss of any tensors. float16 and bfloat16 are computed in float32. Throws DTypeError, ShapeError, ValueError,
/// IndexError, GraphError.
inline at::Tensor call(const GivenOperands& operands, Compute&& compute, LossExtras* extras) {
  const char* const function = operands.function();
  check_state(function);
  std::array<at::Tensor, most_operands> converted;
  bool has_narrow = false;
  GivenOperands readable = operands;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    auto& [tensor, expected] = readable.all()[i];
    if (!tensor->defined()) {
      if (expected->is_optional) continue;
      fail<ValueError>("{}: {} is undefined (valid: a tensor)", function, expected->name);
    }
    if (needs_conversion(*tensor)) {
      has_narrow = has_narrow || is_narrow(*tensor);
      converted[i] = resolved(*tensor);
      check_plain(function, expected->name, converted[i]);
      if (is_narrow(converted[i])) converted[i] = converted[i].to(at::kFloat);
      tensor = &converted[i];
    }
    check_plain(function, expected->name, *tensor);
  }
  at::Tensor result = call_plain(readable, std::move(compute), extras);
  return has_narrow ? result.to(type_of_result(operands)) : result;
}

}  // namespace perdita::libtorch::detail
