// Any formula of (input, target) as a loss on tensors: a compiled kernel if possible, otherwise recorded operators.
#pragma once

#include "perdita/functional/in_double.hpp"
#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/slope.hpp"
#include "perdita/losses/compiled.hpp"
#include "perdita/losses/elementwise_only.hpp"

namespace perdita {

namespace detail {

template <class Loss>
Tensor by_formula(const char* function, const LossInfo& info, const Loss& loss, const Tensor& input,
                  const Tensor& target, const LossOptions& options) {
  if (options.pos_weight.defined()) {
    if constexpr (requires { loss(input, target, options.pos_weight); }) {
      const Tensor losses = loss(input, target, options.pos_weight.to(input.dtype()));
      if (losses.shape() != input.shape()) {
        fail<ShapeError>("{}: pos_weight of shape {} does not broadcast to the input's shape {}", function,
                         options.pos_weight.shape(), input.shape());
      }
      return reduce_losses(function, losses, options, info.mean, &input.shape());
    } else {
      fail<ValueError>("{}: pos_weight is not supported", function);
    }
  }
  return reduce_losses(function, loss(input, target), options, info.mean, &input.shape());
}

template <class Loss, class T>
Tensor by_kernel(const char* function, const Loss& loss, const Tensor& input, const Tensor& target,
                 const LossOptions& options) {
  const auto compute = [&](const KernelOutputs<T, 1>& out) {
    const kernels::ElementwiseOutputs<T> outputs{
        .values = out.losses, .gradient = out.gradients[0], .scale = out.scale};
    return kernels::elementwise_loss<Loss, T>(loss, {input.data<T>(), target.data<T>()}, outputs, input.numel());
  };
  const LossNode node = node_without_weights(function, input.shape(), options);
  return loss_node<T>(node, std::array{&input}, compute, [&] {
    return [loss, denominator = node.denominator, input = Saved(input), target = Saved(target)](BackwardContext& b) {
      const Tensor& y = input.get(b.name());
      const Dual<Tensor> dual{y, Tensor::ones(y.shape(), y.dtype())};
      b.set(0, b.upstream() * loss(dual, target.get(b.name())).d / denominator);
    };
  });
}

template <class Loss>
Tensor elementwise_loss(const char* function, const LossInfo& info, const Loss& loss, const Tensor& given_input,
                        const Tensor& given_target, const LossOptions& options) {
  const DType common = loss_dtype(function, given_input, given_target);
  // Targets of 1 and -1 are exact in the type of the input.
  const DType dtype = info.target.ends_only ? given_input.dtype() : common;
  const Tensor input = loss_operand(function, "input", given_input, dtype);
  const Tensor target = loss_operand(function, "target", given_target, dtype);
  check_parameters(loss);
  if (needs_double(loss, dtype)) {
    const Tensor wide = input.to(DType::float64);
    return narrowed(elementwise_loss(function, info, loss, wide, target.to(DType::float64), options), options.extras);
  }
  check_loss_operands(function, info, domains_of(info, loss), input, target, options);
  if (!is_plain_call(input, target, options)) return by_formula(function, info, loss, input, target, options);
  return visit_floating(dtype, function,
                        [&]<class T>() { return by_kernel<Loss, T>(function, loss, input, target, options); });
}

}  // namespace detail

/// A loss made of a formula: what elementwise() returns.
template <class Formula>
class ElementwiseLoss {
 public:
  explicit ElementwiseLoss(const Formula& formula) : formula_(formula) {}
  /// As any loss of perdita::functional. Throws ShapeError, DTypeError.
  Tensor operator()(const Tensor& input, const Tensor& target, const LossOptions& options = {}) const {
    if constexpr (detail::require_elementwise<Formula>())
      return detail::elementwise_loss("elementwise", info, formula_, input, target, options);
    else
      return {};
  }

 private:
  static constexpr LossInfo info{.name = "elementwise",
                                 .torch_name = "",
                                 .family = Family::regression,
                                 .operands = elementwise_operands(prediction(Meaning::any), target(Meaning::any)),
                                 .summary = ""};
  Formula formula_;
};

/// A custom loss from a formula of one input and one target element, compiled like the built-in ones:
///     const auto log_cosh_loss = elementwise([](auto y, auto t) { return log_cosh(y - t); });
///     log_cosh_loss(output, target, {.reduction = Reduction::sum}).backward();
template <class Formula>
ElementwiseLoss<Formula> elementwise(const Formula& formula) {
  return ElementwiseLoss<Formula>(formula);
}

}  // namespace perdita
