// A reduced loss of single elements, of dense operands of one shape: the kernel alone, without tensors of Perdita. For
// small tensors the time of a call is that of its bookkeeping.
#pragma once

#include <ATen/EmptyTensor.h>

#include "perdita/functional/in_double.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/libtorch/loss_call.hpp"
#include "perdita/losses/compiled.hpp"

namespace perdita::libtorch::detail {

/// Whether the kernel can read the operand as it is.
inline bool is_dense(const at::Tensor& tensor) {
  const at::ScalarType type = tensor.scalar_type();
  return (type == at::kFloat || type == at::kDouble) && tensor.layout() == at::kStrided && !needs_conversion(tensor) &&
         tensor.is_contiguous() && tensor.numel() > 0 && tensor.dim() <= max_rank;
}

/// Whether the kernel computes the loss of these operands and options.
inline bool is_kernel_call(const at::Tensor& input, const at::Tensor& target, const LossOptions& options) {
  const bool reduces = options.reduction == Reduction::mean || options.reduction == Reduction::sum;
  return reduces && options.normalize_by == Normalize::standard && !options.weight.defined() &&
         !options.pos_weight.defined() && options.extras == nullptr && !options.missing &&
         options.label_smoothing == 0 && !perdita::detail::validates(options) && input.defined() && target.defined() &&
         !target.requires_grad() && input.scalar_type() == target.scalar_type() && is_dense(input) &&
         is_dense(target) && input.sizes() == target.sizes();
}

/// The loss of is_kernel_call(); compute: the same loss, for second derivatives.
template <class T, class Loss>
at::Tensor call_kernel(const GivenOperands& operands, const Loss& loss, Reduction reduction, Compute&& compute) {
  const at::Tensor &input = operands.tensor(0), &target = operands.tensor(1);
  const unsigned wanted = wanted_gradients(operands);
  adopt_threads();
  const double denominator = reduction == Reduction::mean ? static_cast<double>(input.numel()) : 1;
  const at::ScalarType type = input.scalar_type();
  Few<at::Tensor> gradients(operands.size());
  kernels::ElementwiseOutputs<T> outputs{.scale = 1 / denominator};
  if (wanted != 0) {
    gradients[0] = at::Tensor(at::detail::empty_cpu(input.sizes(), type));
    outputs.gradient = gradients[0].template mutable_data_ptr<T>();
  }
  const double sum = kernels::elementwise_loss<Loss, T>(loss, {input.const_data_ptr<T>(), target.const_data_ptr<T>()},
                                                        outputs, input.numel());
  at::Tensor result(at::detail::empty_cpu({}, type));
  *result.mutable_data_ptr<T>() = static_cast<T>(sum / denominator);
  if (wanted == 0) return result;
  return attached(std::move(result), operands, wanted,
                  new_node<ScalarLossNode>(operands.function(), std::move(compute), kept_of(operands), wanted,
                                           std::move(gradients)));
}

/// The loss of operands for which is_kernel_call(), or nothing if its parameters need more than the kernel.
template <class Loss>
std::optional<at::Tensor> try_kernel(const GivenOperands& operands, const Loss& loss, Reduction reduction,
                                     Compute&& compute) {
  const at::Tensor& input = operands.tensor(0);
  const DType dtype = input.scalar_type() == at::kFloat ? DType::float32 : DType::float64;
  check_parameters(loss);
  if (perdita::detail::needs_double(loss, dtype)) return std::nullopt;
  check_state(operands.function());
  for (const auto& [tensor, expected] : operands.all().first(2)) {
    check_plain(operands.function(), expected->name, *tensor);
    check_memory(operands.function(), expected->name, *tensor);
  }
  return dtype == DType::float32 ? call_kernel<float>(operands, loss, reduction, std::move(compute))
                                 : call_kernel<double>(operands, loss, reduction, std::move(compute));
}

}  // namespace perdita::libtorch::detail
