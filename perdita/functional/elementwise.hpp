// Any formula of (input, target) as a loss on tensors: a compiled kernel if possible, otherwise recorded operators.
#pragma once

#include <optional>
#include <utility>

#include "perdita/functional/fused_node.hpp"
#include "perdita/functional/in_double.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/slope.hpp"
#include "perdita/functional/staged.hpp"
#include "perdita/losses/compiled.hpp"
#include "perdita/losses/elementwise_only.hpp"
#include "perdita/losses/triple_kernels.hpp"

namespace perdita {

namespace detail {

template <class Loss>
Tensor by_formula(const char* function, const LossInfo& info, const Loss& loss, const Tensor& input,
                  const Tensor& given_target, const LossOptions& options) {
  const Tensor target = smoothed(given_target, options);
  if (options.pos_weight.defined()) {
    if constexpr (requires { loss(input, target, options.pos_weight); }) {
      const Tensor losses = loss(input, target, options.pos_weight.to(input.dtype()));
      if (losses.shape() != input.shape()) {
        fail<ShapeError>("{}: pos_weight of shape {} does not broadcast to the input's shape {}", function,
                         options.pos_weight.shape(), input.shape());
      }
      return reduce_present(function, losses, given_target, options, info.mean, &input.shape());
    } else {
      fail<ValueError>("{}: pos_weight is not supported", function);
    }
  }
  return reduce_present(function, loss(input, target), given_target, options, info.mean, &input.shape());
}

/// What a loss of single elements is made of: its kernel, and its formula as recorded operators.
template <class Loss>
struct ElementwiseParts {
  const char* function;
  const LossInfo& info;
  Loss loss;

  template <class T>
  double compute(const std::array<const T*, 2>& in, const kernels::ElementwiseOutputs<T>& out,
                 std::int64_t count) const {
    return kernels::elementwise_loss<Loss, T>(loss, in, out, count);
  }
  /// Likewise, of input, target and pos_weight.
  template <class T>
  requires WeighsPositives<Loss>
  double compute(const std::array<const T*, 3>& in, const kernels::ElementwiseOutputs<T>& out,
                 std::int64_t count) const {
    return kernels::elementwise<WithPosWeight<Loss>, T, 3>({loss}, in, out, count);
  }
  Tensor by_formula(const Tensor& input, const Tensor& target, const LossOptions& options) const {
    return detail::by_formula(function, info, loss, input, target, options);
  }
  static constexpr bool takes_pos_weight = WeighsPositives<Loss>;
};

/// The losses of the elements of two operands, and the gradients with respect to the first, as fused_loss_node() runs
/// them.
template <class Parts, class T>
class ElementwiseKernel {
 public:
  ElementwiseKernel(const Parts& parts, const Tensor& input, const Tensor& target, const LossOptions& options)
      : parts_(parts), input_(input), target_(target), options_(options) {
    options_.extras = nullptr;
    if (options.weight.defined()) weight_.emplace(std::exchange(options_.weight, Tensor()));
    if (options.pos_weight.defined()) pos_weight_.emplace(std::exchange(options_.pos_weight, Tensor()));
  }

  double operator()(const FusedOutputs<T>& out) const {
    const Tensor &input = input_.get(parts_.function), &target = target_.get(parts_.function);
    const bool is_plain =
        !out.upstream && !weight_ && !pos_weight_ && !options_.missing && options_.label_smoothing == 0;
    if (!is_plain || !are_plain(input, target)) return staged(input, target, out);
    const kernels::ElementwiseOutputs<T> outputs{
        .values = out.losses, .gradient = static_cast<T*>(out.gradient), .scale = out.scale};
    return parts_.template compute<T>(std::array{input.data<T>(), target.data<T>()}, outputs, input.numel());
  }

  Tensor empty_losses() const { return empty_like(input_.get(parts_.function), dtype_of<T>()); }
  Tensor empty_gradient() const {
    const Tensor& input = input_.get(parts_.function);
    return empty_like(input, input.dtype());
  }

  void record(BackwardContext& b) const {
    set_recorded_gradients(b, std::span(&input_, 1), [&](std::span<const Tensor> x) {
      constexpr DType dtype = dtype_of<T>();
      LossOptions options = options_;
      if (weight_) options.weight = weight_->get(parts_.function);
      if (pos_weight_) options.pos_weight = pos_weight_->get(parts_.function);
      return parts_.by_formula(x[0].to(dtype), target_.get(parts_.function).to(dtype), options);
    });
  }

 private:
  static bool are_plain(const Tensor& input, const Tensor& target) {
    constexpr DType dtype = dtype_of<T>();
    return input.dtype() == dtype && target.dtype() == dtype && are_dense_alike({&input, &target});
  }

  double staged(const Tensor& input, const Tensor& target, const FusedOutputs<T>& out) const {
    const Tensor weight = weight_ ? weight_->get(parts_.function) : Tensor();
    const auto compute = [&](const auto& in, const auto& outputs, std::int64_t count) {
      return parts_.template compute<T>(in, outputs, count);
    };
    if constexpr (Parts::takes_pos_weight) {
      if (pos_weight_)
        return run_staged<T, 3>({&input, &target, &pos_weight_->get(parts_.function)}, weight, options_, out, compute);
    }
    return run_staged<T, 2>({&input, &target}, weight, options_, out, compute);
  }

  Parts parts_;
  Saved input_, target_;
  std::optional<Saved> weight_, pos_weight_;
  LossOptions options_;
};

/// The loss of operands that can be staged, computed in `dtype`.
template <class Parts>
Tensor by_kernel(const Parts& parts, DType dtype, const Tensor& given_input, const Tensor& target,
                 const LossOptions& options) {
  const Tensor input = kept_or_converted(given_input, dtype);
  const LossNode node = elementwise_node(parts.function, parts.info.mean, input.shape(), target, options);
  return visit_floating(dtype, parts.function, [&]<class T>() {
    return fused_loss_node<T>(node, input, ElementwiseKernel<Parts, T>(parts, input, target, options));
  });
}

template <class Loss>
Tensor elementwise_loss(const char* function, const LossInfo& info, const Loss& loss, const Tensor& input,
                        const Tensor& target, const LossOptions& options) {
  const DType common = loss_dtype(function, input, target);
  check_element_options(function, info, options);
  // Targets of 1 and -1 are exact in the type of the input.
  const DType dtype = info.target.ends_only ? computing_type(input.dtype()) : common;
  check_parameters(loss);
  if (needs_double(loss, dtype)) {
    const Tensor wide = input.to(DType::float64);
    return narrowed(elementwise_loss(function, info, loss, wide, target.to(DType::float64), options), options.extras);
  }
  check_loss_operands(function, info, domains_of(info, loss), input, target, options);
  const bool has_kernel = WeighsPositives<Loss> || !options.pos_weight.defined();
  if (has_kernel && can_be_staged(input, target, options))
    return by_kernel(ElementwiseParts<Loss>{function, info, loss}, dtype, input, target, options);
  return by_formula(function, info, loss, input.to(dtype), target.to(dtype), options);
}

}  // namespace detail

/// A loss made of a formula: what elementwise() returns.
template <class Formula>
class ElementwiseLoss {
 public:
  explicit ElementwiseLoss(const Formula& formula) : formula_(formula) {}
  /// As any loss of perdita::functional. Throws ShapeError, DTypeError.
  Tensor operator()(const Tensor& input, const Tensor& target, const LossOptions& options = {}) const {
    check_options("elementwise", options);
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
