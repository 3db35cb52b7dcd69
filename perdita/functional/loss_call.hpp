// How the function of a listed loss finds what computes it. Included by functional.hpp; for the sources of this folder.
#pragma once

#include <span>
#include <type_traits>
#include <vector>

#include "perdita/functional/loss_options.hpp"
#include "perdita/losses/any.hpp"

namespace perdita {

/// The options of a loss: those of losses over classes for rows of class logits or log-probabilities, else those of
/// single elements.
template <class Loss>
using OptionsOf = std::conditional_t<is_of_class_rows(Loss::info), ClassOptions, LossOptions>;

namespace detail {

/// The tensors of a call, in the order of the signature, without weights; undefined where an optional one is absent.
using GivenTensors = std::span<const Tensor* const>;

// Losses whose signature says how they are computed. Each template is empty for other losses, so that it can be
// instantiated for the whole list in the one file that defines it.

template <class Loss, bool = ListedElementwise<Loss>>
struct ElementwiseCall {};
template <class Loss>
struct ElementwiseCall<Loss, true> {
  static Tensor call(const char* function, const Loss& loss, GivenTensors x, const LossOptions& options);
};

template <class Loss, bool = ListedSeveralOperands<Loss>>
struct SeveralOperandsCall {};
template <class Loss>
struct SeveralOperandsCall<Loss, true> {
  static Tensor call(const char* function, const Loss& loss, GivenTensors x, const LossOptions& options);
};

template <class Loss, bool = ListedClassRows<Loss>>
struct ClassRowsCall {};
template <class Loss>
struct ClassRowsCall<Loss, true> {
  static Tensor call(const char* function, const Loss& loss, GivenTensors x, const ClassOptions& options);
};

template <class Loss, bool = ListedCountedClassRows<Loss>>
struct CountedClassRowsCall {};
template <class Loss>
struct CountedClassRowsCall<Loss, true> {
  static Tensor call(const char* function, const Loss& loss, GivenTensors x, const ClassOptions& options);
};

template <class Loss, bool = ListedMask<Loss>>
struct MaskCall {};
template <class Loss>
struct MaskCall<Loss, true> {
  static Tensor call(const char* function, const Loss& loss, GivenTensors x, const LossOptions& options);
};

// Every other loss defines its overload of own_call() in a file of this folder.
#define PERDITA_DECLARE(Loss, function, Module) \
  Tensor own_call(const char* name, const Loss& loss, GivenTensors x, const LossOptions& options);
PERDITA_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

/// Operands of which those in a narrow type are converted to float32, as losses read them that do not convert
/// themselves.
class Widened {
 public:
  explicit Widened(GivenTensors given);
  operator GivenTensors() const { return pointers_; }

 private:
  std::vector<Tensor> tensors_;
  std::vector<const Tensor*> pointers_;
};

/// The same for the weights among options.
template <class Options>
Options widened(Options options) {
  const auto widen = [](Tensor& tensor) {
    if (tensor.defined() && is_narrow(tensor.dtype())) tensor = tensor.to(DType::float32);
  };
  widen(options.weight);
  if constexpr (requires { options.pos_weight; }) widen(options.pos_weight);
  return options;
}

/// The options of a loss of classes: its own, and those of the call.
ClassOptions class_options(const AnyLoss& loss, const LossOptions& options);

/// Throws NumericalError if a loss of the tensors, or a derivative, is not finite.
void refuse_nonfinite(const AnyLoss& loss, GivenTensors x, const LossOptions& options);

/// Throws ValueError for options that only losses of an input and a target element have.
void check_element_options(std::string_view function, const LossInfo& info, const LossOptions& options);

/// The loss of the tensors `x`; `function` is its name in messages.
template <class Loss>
Tensor call_loss(const char* function, const Loss& loss, GivenTensors x, const OptionsOf<Loss>& options) {
  check_options(function, options);
  if constexpr (!is_of_class_rows(Loss::info) && !is_elementwise(Loss::info))
    check_element_options(function, Loss::info, options);
  if constexpr (ListedElementwise<Loss>)
    return ElementwiseCall<Loss>::call(function, loss, x, options);
  else if constexpr (ListedSeveralOperands<Loss>)
    return SeveralOperandsCall<Loss>::call(function, loss, Widened(x), widened(options));
  else if constexpr (ListedClassRows<Loss>)
    return ClassRowsCall<Loss>::call(function, loss, x, options);
  else if constexpr (ListedCountedClassRows<Loss>)
    return CountedClassRowsCall<Loss>::call(function, loss, Widened(x), widened(options));
  else if constexpr (ListedMask<Loss>)
    return MaskCall<Loss>::call(function, loss, Widened(x), widened(options));
  else
    return own_call(function, loss, Widened(x), widened(options));
}

// Losses that are not in the list.
Tensor call_loss(const char* function, const Quantiles& loss, GivenTensors x, const LossOptions& options);
Tensor call_loss(const char* function, const Formula& loss, GivenTensors x, const LossOptions& options);
Tensor call_loss(const char* function, const ClassFormula& loss, GivenTensors x, const ClassOptions& options);

}  // namespace detail
}  // namespace perdita
