// Any formula of (input, target) as a loss on tensors: a compiled kernel where that serves, recorded operators else.
#pragma once

#include "perdita/functional/in_double.hpp"
#include "perdita/functional/loss_options.hpp"
#include "perdita/functional/slope.hpp"
#include "perdita/kernels/elementwise.hpp"
#include "perdita/losses/any.hpp"
#include "perdita/losses/elementwise_only.hpp"

namespace perdita {

namespace detail {

/// `tensor` as an operand of a loss, in its dtype. Throws ValueError when it is none.
Tensor loss_operand(const char* function, const char* argument, const Tensor& tensor, DType dtype);

/// What a loss of these is computed in. Throws ValueError, DTypeError.
DType loss_dtype(const char* function, const Tensor& input, const Tensor& target);

/// Throws ValueError that names the first element of `tensor` outside `domain`.
void check_domain(const char* function, const char* argument, const Tensor& tensor, const Interval& domain,
                  bool allows_nan = false);

/// Where inputs and targets must lie.
struct Domains {
  Interval input, target;
};

/// The domains of a loss with these parameters; of a user's formula those of `info`.
template <class Loss>
Domains domains_of(const LossInfo& info, const Loss& loss) {
  if constexpr (requires { Loss::info; })
    return {input_domain(loss), target_domain(loss)};
  else
    return {info.input, info.target};
}

/// Whether the domains of operands are to be checked.
template <class Options>
bool validates(const Options& options) {
  return options.validate || validation();
}

/// Throws ShapeError unless the shapes broadcast; also where neither is the result's, but for options that allow it.
void check_broadcast(const char* function, const Shape& input, const Shape& target, const LossOptions& options);

/// Shapes fit and, where the loss or the options ask for it, elements are in their domains. Throws ShapeError,
/// ValueError.
void check_loss_operands(const char* function, const LossInfo& info, const Domains& domains, const Tensor& input,
                         const Tensor& target, const LossOptions& options);

/// The losses of the elements, reduced by recorded operators. input_shape: whose first size a batchmean divides by;
/// that of the losses where it is null.
Tensor reduce_losses(const char* function, const Tensor& losses, const LossOptions& options, Normalize standard,
                     const Shape* input_shape = nullptr);

/// The denominator of a mean over losses of `shape`, by its name; `count` and `weight_sum` are what the loss found.
double denominator_of(Normalize normalize, const Shape& shape, double count, double weight_sum);

/// NaN, whose gradient with respect to every input is 0: the mean if no loss counts or all weights are 0. Inputs may be
/// undefined.
Tensor mean_of_nothing(const char* function, DType dtype, std::initializer_list<const Tensor*> inputs);

/// Passes `gradient` (of the reduced loss, or of each element) on to an input, times the upstream gradient, which for
/// losses over classes lacks the dimension `classes_dim`.
void scale_gradient(BackwardContext& context, Tensor& gradient, int classes_dim = -1, int input = 0);

/// Whether the compiled kernel serves: dense operands of one shape, and a gradient by the input at most.
inline bool is_plain_call(const Tensor& input, const Tensor& target, const LossOptions& options) {
  return !options.weight.defined() && !options.pos_weight.defined() && input.shape() == target.shape() &&
         input.is_contiguous() && target.is_contiguous() && !needs_grad({&target});
}

template <class Loss>
Tensor by_formula(const char* function, const LossInfo& info, const Loss& loss, const Tensor& input,
                  const Tensor& target, const LossOptions& options) {
  if (options.pos_weight.defined()) {
    if constexpr (requires { loss(input, target, options.pos_weight); }) {
      const Tensor losses = loss(input, target, options.pos_weight.to(input.dtype()));
      if (losses.shape() != input.shape()) {
        fail<ShapeError>("{}: pos_weight of shape {} does not broadcast to the input's {}", function,
                         options.pos_weight.shape(), input.shape());
      }
      return reduce_losses(function, losses, options, info.mean, &input.shape());
    } else {
      fail<ValueError>("{}: takes no pos_weight (valid: none)", function);
    }
  }
  return reduce_losses(function, loss(input, target), options, info.mean, &input.shape());
}

template <class Loss, class T>
Tensor by_kernel(const char* function, const Loss& loss, const Tensor& input, const Tensor& target,
                 const LossOptions& options) {
  const bool reduces = options.reduction != Reduction::none, wants_gradient = needs_grad({&input});
  const Normalize normalize = options.reduction == Reduction::batchmean ? Normalize::batch : options.normalize_by;
  const double count = static_cast<double>(input.numel());
  const bool divides = reduces && options.reduction != Reduction::sum;
  const double denominator = divides ? denominator_of(normalize, input.shape(), count, count) : 1.0;

  Tensor gradient = wants_gradient ? Tensor::empty(input.shape(), input.dtype()) : Tensor();
  Tensor losses = !reduces || options.extras ? Tensor::empty(input.shape(), input.dtype()) : Tensor();
  const kernels::ElementwiseOutputs<T> outputs{.values = losses.defined() ? losses.mutable_data<T>() : nullptr,
                                               .gradient = wants_gradient ? gradient.mutable_data<T>() : nullptr,
                                               .scale = 1 / denominator};
  const double total =
      kernels::elementwise<Loss, T, 2>(loss, {input.data<T>(), target.data<T>()}, outputs, input.numel());
  if (options.extras) *options.extras = {.losses = losses, .numerator = total, .denominator = denominator};
  Tensor result = reduces ? Tensor::empty({}, input.dtype()) : losses.detach();
  if (reduces) *result.mutable_data<T>() = static_cast<T>(total / denominator);
  if (!wants_gradient) return result;
  return make_node(
      function, result, {&input},
      [loss, gradient, denominator, input = Saved(input), target = Saved(target)](BackwardContext& b) mutable {
        if (!b.create_graph()) return scale_gradient(b, gradient);
        const Tensor& y = input.get(b.name());
        const Dual<Tensor> dual{y, Tensor::ones(y.shape(), y.dtype())};
        b.set(0, b.upstream() * loss(dual, target.get(b.name())).d / denominator);
      });
}

template <class Loss>
Tensor pair_loss(const char* function, const LossInfo& info, const Loss& loss, const Tensor& given_input,
                 const Tensor& given_target, const LossOptions& options) {
  const DType common = loss_dtype(function, given_input, given_target);
  const DType dtype = info.promotes ? common : given_input.dtype();
  const Tensor input = loss_operand(function, "input", given_input, dtype);
  const Tensor target = loss_operand(function, "target", given_target, dtype);
  check_parameters(loss);
  if (needs_double(loss, dtype)) {
    const Tensor wide = input.to(DType::float64);
    return narrowed(pair_loss(function, info, loss, wide, target.to(DType::float64), options), options.extras);
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
      return detail::pair_loss("elementwise", info, formula_, input, target, options);
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

/// Your own loss from a formula of one input and one target element, compiled as the built-in ones are:
///     const auto log_cosh_loss = elementwise([](auto y, auto t) { return log_cosh(y - t); });
///     log_cosh_loss(output, target, {.reduction = Reduction::sum}).backward();
template <class Formula>
ElementwiseLoss<Formula> elementwise(const Formula& formula) {
  return ElementwiseLoss<Formula>(formula);
}

}  // namespace perdita
