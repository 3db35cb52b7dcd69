// The node of a loss whose kernel can run again. Gradients are computed together with the value if the upstream
// gradient is known ahead, and otherwise in backward(), where the kernel multiplies by it: neither costs a pass over
// the gradients.
#pragma once

#include <limits>
#include <optional>
#include <utility>

#include "perdita/functional/loss_node.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita::detail {

/// Outputs of such a kernel; null if not needed.
template <class T>
struct FusedOutputs {
  void* gradient = nullptr;          ///< upstream * scale * the derivative of the losses, of the input's dtype
  double scale = 1;                  ///< of the gradient
  const Tensor* upstream = nullptr;  ///< of each loss; null for ones
  T* losses = nullptr;
  T* margins = nullptr;  ///< see LossExtras
  bool* hits = nullptr;
};

/// The value of all elements of a tensor that stores one number for all of them, such as an expanded one.
inline std::optional<double> uniform_value(const Tensor& tensor) {
  if (tensor.numel() == 0) return std::nullopt;
  for (int i = 0; i < tensor.rank(); ++i) {
    if (tensor.shape()[i] > 1 && tensor.strides()[i] != 0) return std::nullopt;
  }
  Tensor first = tensor;
  while (first.rank() > 0) first = first.select(0, 0);
  return first.item();
}

/// The reduction `node` of the losses of `input`. A Kernel has
///     double operator()(const FusedOutputs<T>&) const   computes, returns the sum of the losses
///     Tensor empty_losses() const                       where losses are written, of the shape node.losses_shape
///     Tensor empty_gradient() const                     likewise, of the shape and dtype of the input
///     void record(BackwardContext&) const               sets the gradient by recorded operators
/// and keeps what these need.
template <class T, class Kernel>
class FusedLoss {
 public:
  FusedLoss(const LossNode& node, Kernel kernel)
      : kernel_(std::move(kernel)),
        denominator_(node.denominator),
        reduced_dim_(node.reduced_dim),
        is_scaled_after_(!node.expected_upstream.has_value()) {
    const bool reduces = node.reduction != Reduction::none;
    expected_ = node.expected_upstream.value_or(reduces ? 1.0 : std::numeric_limits<double>::quiet_NaN());
  }

  /// The losses' sum and, where they are wanted, losses and extras; the gradient where it is wanted ahead.
  double run(LossExtras& found, bool wants_gradient) {
    FusedOutputs<T> outputs{.losses = found.losses.defined() ? memory_of<T>(found.losses) : nullptr,
                            .margins = found.margins.defined() ? found.margins.mutable_data<T>() : nullptr,
                            .hits = found.hits.defined() ? found.hits.mutable_data<bool>() : nullptr};
    if (wants_gradient && expected_ == expected_) {
      gradient_ = kernel_.empty_gradient();
      outputs.gradient = gradient_.impl()->pointer();
      outputs.scale = expected_ / denominator_;
    }
    return kernel_(std::as_const(outputs));
  }

  Tensor empty_losses() const { return kernel_.empty_losses(); }

  /// The backward rule.
  void operator()(BackwardContext& b) {
    if (b.create_graph()) return kernel_.record(b);
    const std::optional<double> factor = uniform_value(b.upstream());
    if (gradient_.defined() && factor && *factor == expected_)
      return b.set(0, b.may_consume() ? std::move(gradient_) : gradient_.clone());
    if (gradient_.defined() && is_scaled_after_ && !is_narrow(gradient_.dtype()))
      return scale_gradient(b, gradient_, reduced_dim_, 0);
    Tensor gradient = kernel_.empty_gradient();
    FusedOutputs<T> outputs{.gradient = gradient.impl()->pointer(), .scale = factor.value_or(1.0) / denominator_};
    if (!factor) outputs.upstream = &b.upstream();
    kernel_(std::as_const(outputs));
    b.set(0, std::move(gradient));
  }

 private:
  template <class U>
  static U* memory_of(const Tensor& tensor) {
    return static_cast<U*>(tensor.impl()->pointer());
  }

  Kernel kernel_;
  Tensor gradient_;
  double denominator_, expected_;
  int reduced_dim_;
  bool is_scaled_after_;
};

template <class T, class Kernel>
Tensor fused_loss_node(const LossNode& node, const Tensor& input, Kernel kernel) {
  const bool reduces = node.reduction != Reduction::none;
  FusedLoss<T, Kernel> loss(node, std::move(kernel));
  LossExtras found{.losses = !reduces || node.extras ? loss.empty_losses() : Tensor(), .denominator = node.denominator};
  if (node.extras && node.has_margins) {
    found.margins = Tensor::empty(node.losses_shape, dtype_of<T>());
    found.hits = Tensor::empty(node.losses_shape, DType::boolean);
  }
  found.numerator = loss.run(found, needs_grad({&input}));
  Tensor result = reduces ? Tensor::empty({}, dtype_of<T>()) : found.losses.detach();
  if (reduces) *result.mutable_data<T>() = static_cast<T>(found.numerator / node.denominator);
  if (node.extras) *node.extras = std::move(found);
  if (node.denominator == 0 && !node.is_weighted) return mean_of_nothing(node.function, dtype_of<T>(), {&input});
  return make_node(node.function, result, {&input}, std::move(loss));
}

}  // namespace perdita::detail
