// The losses as functions of LibTorch's tensors, by PyTorch's names.
#pragma once

#include <array>
#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "perdita/functional/elementwise.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/libtorch/elementwise_call.hpp"
#include "perdita/libtorch/loss_call.hpp"

namespace perdita::libtorch {

namespace detail {

/// The options of perdita::functional, whose tensors are set for each call.
inline perdita::LossOptions without_tensors(const LossOptions& options) {
  return {.weight = {},
          .pos_weight = {},
          .reduction = options.reduction,
          .normalize_by = options.normalize_by,
          .extras = nullptr,
          .validate = options.validate,
          .broadcasts_both = options.broadcasts_both,
          .missing = options.missing,
          .label_smoothing = options.label_smoothing};
}
inline perdita::ClassOptions without_tensors(const ClassOptions& options) {
  return {.weight = {},
          .ignore_index = options.ignore_index,
          .label_smoothing = options.label_smoothing,
          .reduction = options.reduction,
          .normalize_by = options.normalize_by,
          .extras = nullptr,
          .validate = options.validate};
}

inline constexpr LossOperand of_element_weight = element_weight_operand.not_deciding_dtype();
inline constexpr LossOperand of_positive_weight = of_element_weight.named("pos_weight");
inline constexpr LossOperand of_class_weight = class_weight_operand.not_deciding_dtype();
inline constexpr LossOperand of_any_input = prediction(Meaning::any);
inline constexpr LossOperand of_any_target = target(Meaning::any);

/// Weights follow the other operands of a call.
inline void add_weights(GivenOperands& operands, const LossOptions& options) {
  operands.add(options.weight, of_element_weight);
  operands.add(options.pos_weight, of_positive_weight);
}
inline void add_weights(GivenOperands& operands, const ClassOptions& options) {
  operands.add(options.weight, of_class_weight);
}

/// The same weights as options of perdita::functional; returns the other operands.
inline std::span<const Tensor> take_weights(std::span<const Tensor> operands, perdita::LossOptions& options) {
  const std::size_t count = operands.size() - 2;
  options.weight = operands[count];
  options.pos_weight = operands[count + 1];
  return operands.first(count);
}
inline std::span<const Tensor> take_weights(std::span<const Tensor> operands, perdita::ClassOptions& options) {
  options.weight = operands.back();
  return operands.first(operands.size() - 1);
}

/// compute(operands without weights, options of perdita::functional) as a function of all operands.
template <class Options, class ComputeOf>
Compute with_options(const Options& options, const ComputeOf& compute) {
  return [compute, given = without_tensors(options)](std::span<const Tensor> all, perdita::LossExtras* extras) {
    auto own = given;
    own.extras = extras;
    return compute(take_weights(all, own), own);
  };
}

/// A call of it.
template <class Options, class ComputeOf>
at::Tensor call_with_options(GivenOperands operands, const Options& options, const ComputeOf& compute) {
  add_weights(operands, options);
  return call(operands, with_options(options, compute), options.extras);
}

/// The operands of a loss that are not weights, in the order of its signature.
template <class Loss>
GivenOperands operands_of(std::span<const at::Tensor* const> tensors) {
  GivenOperands operands(function_name<Loss>);
  std::size_t i = 0;
  for (const LossOperand& expected : Loss::info.operands) {
    if (expected.role != Role::weight && i < tensors.size()) operands.add(*tensors[i++], expected);
  }
  return operands;
}

template <class Loss>
at::Tensor call_listed(const Loss& loss, std::span<const at::Tensor* const> tensors, const OptionsOf<Loss>& options) {
  const auto compute = [loss](std::span<const Tensor> x, const perdita::OptionsOf<Loss>& own) {
    std::array<const Tensor*, most_operands> pointers{};
    for (std::size_t i = 0; i < x.size(); ++i) pointers[i] = &x[i];
    return perdita::detail::call_loss(function_name<Loss>, loss, {pointers.data(), x.size()}, own);
  };
  GivenOperands operands = operands_of<Loss>(tensors);
  if constexpr (ListedElementwise<Loss>) {
    if (!Loss::info.checks_domain && is_kernel_call(*tensors[0], *tensors[1], options)) {
      add_weights(operands, options);
      const auto found = try_kernel(operands, loss, options.reduction, with_options(options, compute));
      if (found) return *found;
      return call(operands, with_options(options, compute), nullptr);
    }
  }
  return call_with_options(std::move(operands), options, compute);
}

template <std::size_t>
using TensorArgument = const at::Tensor&;

template <class Loss, class Indices>
class FunctionOf;
/// The loss of as many tensors as there are indices.
template <class Loss, std::size_t... I>
class FunctionOf<Loss, std::index_sequence<I...>> {
 public:
  at::Tensor operator()(TensorArgument<I>... x, const Loss& loss, const OptionsOf<Loss>& options = {}) const {
    const at::Tensor* const given[] = {&x...};
    return call_listed(loss, given, options);
  }
  at::Tensor operator()(TensorArgument<I>... x, const OptionsOf<Loss>& options = {}) const {
    const at::Tensor* const given[] = {&x...};
    return call_listed(Loss{}, given, options);
  }
};

template <class Loss, bool with_optional>
using FunctionWith = FunctionOf<Loss, std::make_index_sequence<perdita::detail::tensors_of(Loss::info, with_optional)>>;

}  // namespace detail

/// The function of a loss of tensors: (operands..., loss = {}, options = {}), where operands are those of its signature
/// without weights. See perdita/functional/functional.hpp for shapes and errors.
template <class Loss>
class LossFunction : public detail::FunctionWith<Loss, true> {
 public:
  using detail::FunctionWith<Loss, true>::operator();
};

/// With operands that may be left out.
template <class Loss>
requires perdita::detail::has_optional_tensors<Loss>
class LossFunction<Loss> : public detail::FunctionWith<Loss, true>, public detail::FunctionWith<Loss, false> {
 public:
  using detail::FunctionWith<Loss, true>::operator();
  using detail::FunctionWith<Loss, false>::operator();
};

/// Also of several quantiles at once: input [..., Q] with one for each of the levels, target [...].
template <>
class LossFunction<Quantile> : public detail::FunctionWith<Quantile, true> {
 public:
  using detail::FunctionWith<Quantile, true>::operator();
  at::Tensor operator()(const at::Tensor& input, const at::Tensor& target, const Quantiles& loss,
                        const LossOptions& options = {}) const {
    const at::Tensor* const given[] = {&input, &target};
    return detail::call_listed(loss, given, options);
  }
};

/// Every loss of the list is a function (operands..., loss = {}, options = {}), with the operands, shapes and errors of
/// the function of the same name in perdita::functional:
///     mse_loss(output, target)
///     huber_loss(output, target, {.delta = 2}, {.reduction = Reduction::sum})
///     cross_entropy(logits, labels, {.weight = class_weights, .label_smoothing = 0.1})
#define PERDITA_DECLARE(Loss, function, Module) inline constexpr LossFunction<perdita::Loss> function{};
PERDITA_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

/// A loss that is chosen at run time, with options. See loss().
class AnyLossFunction {
 public:
  AnyLossFunction(AnyLoss loss, LossOptions options)
      : loss_(std::make_shared<const AnyLoss>(std::move(loss))), options_(std::move(options)) {}
  /// The loss of operands in the order of its signature, without weights, which are options; those that are optional
  /// may be undefined, or left out at the end. Throws as the function of the loss.
  template <std::same_as<at::Tensor>... Tensors>
  at::Tensor operator()(const Tensors&... operands) const {
    const at::Tensor* const given[] = {&operands...};
    return call(given);
  }
  /// The same of a list of tensors, whose number is known at run time.
  at::Tensor operator()(at::TensorList operands) const {
    std::vector<const at::Tensor*> given;
    for (const at::Tensor& operand : operands) given.push_back(&operand);
    return call(given);
  }

 private:
  at::Tensor call(std::span<const at::Tensor* const> given) const;

  std::shared_ptr<const AnyLoss> loss_;
  LossOptions options_;
};

inline at::Tensor AnyLossFunction::call(std::span<const at::Tensor* const> given) const {
  const auto operands = std::visit(
      [&]<class Loss>(const Loss&) {
        const std::size_t most = perdita::detail::tensors_of(Loss::info, true);
        const std::size_t least = perdita::detail::tensors_of(Loss::info, false);
        if (given.size() < least || given.size() > most) {
          fail<ValueError>("{}: got {} operands (valid: {}{})", function_name<Loss>, given.size(), least,
                           least == most ? std::string() : fmt::format(" to {}", most));
        }
        return detail::operands_of<Loss>(given);
      },
      static_cast<const perdita::detail::LossVariantBase&>(loss_->loss));
  const auto compute = [loss = loss_](std::span<const Tensor> x, const perdita::LossOptions& own) {
    return functional::call(*loss, x, own);
  };
  return detail::call_with_options(operands, options_, compute);
}

/// The loss that a text describes (see parse_loss()), as a function of tensors:
///     const auto criterion = loss("focal:gamma=2", {.weight = class_weights});
///     criterion(logits, labels).backward();
/// "formula: abs(y - t)^1.5" is a custom loss. ignore_index and label_smoothing of losses over classes are part of the
/// text. Throws ValueError.
inline AnyLossFunction loss(std::string_view text, const LossOptions& options = {}) {
  return {parse_loss(text), options};
}

/// A custom loss from a formula of one input and one target element, compiled like the built-in ones.
template <class Formula>
class ElementwiseLoss {
 public:
  explicit ElementwiseLoss(const Formula& formula) : formula_(formula), loss_(formula) {}
  /// input and target of shapes that broadcast; see functional::mse_loss for options and errors.
  at::Tensor operator()(const at::Tensor& input, const at::Tensor& target, const LossOptions& options = {}) const {
    detail::GivenOperands operands("elementwise");
    operands.add(input, detail::of_any_input);
    operands.add(target, detail::of_any_target);
    const auto compute = [loss = loss_](std::span<const Tensor> x, const perdita::LossOptions& own) {
      return loss(x[0], x[1], own);
    };
    if (detail::is_kernel_call(input, target, options)) {
      detail::add_weights(operands, options);
      const auto found =
          detail::try_kernel(operands, formula_, options.reduction, detail::with_options(options, compute));
      return found ? *found : detail::call(operands, detail::with_options(options, compute), nullptr);
    }
    return detail::call_with_options(operands, options, compute);
  }

 private:
  Formula formula_;
  perdita::ElementwiseLoss<Formula> loss_;
};

/// A custom loss from a lambda, whose gradient is derived automatically:
///     const auto log_cosh_loss = elementwise([](auto y, auto t) { return log_cosh(y - t); });
///     log_cosh_loss(output, target, {.reduction = Reduction::sum}).backward();
template <class Formula>
ElementwiseLoss<Formula> elementwise(const Formula& formula) {
  return ElementwiseLoss<Formula>(formula);
}

}  // namespace perdita::libtorch
