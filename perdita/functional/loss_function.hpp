// A listed loss as a function object: its arguments follow from the operands of its signature.
#pragma once

#include <utility>

#include "perdita/functional/loss_call.hpp"

namespace perdita {

namespace detail {

template <std::size_t>
using TensorArgument = const Tensor&;

/// The first operands that are not weights, without those at the end that are optional, or with all of them.
constexpr std::size_t tensors_of(const LossInfo& info, bool with_optional) {
  std::size_t count = 0;
  for (const LossOperand& operand : info.operands)
    count += operand.role != Role::weight && (with_optional || !operand.is_optional);
  return count;
}

template <class Loss, class Indices>
class FunctionOf;
/// The loss of as many tensors as there are indices.
template <class Loss, std::size_t... I>
class FunctionOf<Loss, std::index_sequence<I...>> {
 public:
  constexpr explicit FunctionOf(const char* name) : name_(name) {}
  Tensor operator()(TensorArgument<I>... x, const Loss& loss, const OptionsOf<Loss>& options = {}) const {
    return call(loss, options, x...);
  }
  Tensor operator()(TensorArgument<I>... x, const OptionsOf<Loss>& options = {}) const {
    return call(Loss{}, options, x...);
  }

 private:
  template <class... Tensors>
  Tensor call(const Loss& loss, const OptionsOf<Loss>& options, const Tensors&... x) const {
    const Tensor* const given[] = {&x...};
    if (nonfinite_detection()) search(loss, given, options);
    return call_loss(name_, loss, given, options);
  }

  static void search(const Loss& loss, GivenTensors given, const LossOptions& options) {
    refuse_nonfinite({.loss = loss}, given, options);
  }
  static void search(const Loss& loss, GivenTensors given, const ClassOptions& options) {
    refuse_nonfinite({.loss = loss, .label_smoothing = options.label_smoothing, .ignore_index = options.ignore_index},
                     given,
                     {.weight = options.weight,
                      .reduction = options.reduction,
                      .normalize_by = options.normalize_by,
                      .validate = options.validate});
  }

  const char* name_;
};

template <class Loss, bool with_optional>
using FunctionWith = FunctionOf<Loss, std::make_index_sequence<tensors_of(Loss::info, with_optional)>>;

template <class Loss>
inline constexpr bool has_optional_tensors = tensors_of(Loss::info, true) != tensors_of(Loss::info, false);

}  // namespace detail

/// The function of a loss of tensors: (operands..., loss = {}, options = {}), where operands are those of its signature
/// without weights. Throws ShapeError, DTypeError, ValueError, IndexError.
template <class Loss>
class LossFunction : public detail::FunctionWith<Loss, true> {
 public:
  using detail::FunctionWith<Loss, true>::FunctionWith;
  using detail::FunctionWith<Loss, true>::operator();
};

/// With operands that may be left out.
template <class Loss>
requires detail::has_optional_tensors<Loss>
class LossFunction<Loss> : public detail::FunctionWith<Loss, true>, public detail::FunctionWith<Loss, false> {
 public:
  constexpr explicit LossFunction(const char* name)
      : detail::FunctionWith<Loss, true>(name), detail::FunctionWith<Loss, false>(name) {}
  using detail::FunctionWith<Loss, true>::operator();
  using detail::FunctionWith<Loss, false>::operator();
};

/// Also of several quantiles at once: input [..., Q] with one for each of the levels, target [...].
template <>
class LossFunction<Quantile> : public detail::FunctionWith<Quantile, true> {
 public:
  using detail::FunctionWith<Quantile, true>::FunctionWith;
  using detail::FunctionWith<Quantile, true>::operator();
  Tensor operator()(const Tensor& input, const Tensor& target, const Quantiles& loss,
                    const LossOptions& options = {}) const {
    const Tensor* const given[] = {&input, &target};
    return detail::call_loss(function_name<Quantile>, loss, given, options);
  }
};

}  // namespace perdita
