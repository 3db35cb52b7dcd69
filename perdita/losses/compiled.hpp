// Kernels of the list's elementwise and softmax losses, which the library compiles once: sources that include this
// header do not compile them again.
#pragma once

#include "perdita/kernels/elementwise.hpp"
#include "perdita/kernels/nll.hpp"
#include "perdita/kernels/several_operands.hpp"
#include "perdita/kernels/softmax.hpp"
#include "perdita/losses/list.hpp"

namespace perdita::kernels {

/// Empty for losses that are not elementwise, so that it can be instantiated for the whole list.
template <class Loss, class T, bool is_elementwise = ListedElementwise<Loss>>
struct CompiledElementwise {};
template <class Loss, class T>
struct CompiledElementwise<Loss, T, true> {
  static double compute(const Loss& loss, const std::array<const T*, 2>& in, const ElementwiseOutputs<T>& out,
                        std::int64_t count);
};

/// The places of the predictions among the operands of a loss.
template <class Loss>
inline constexpr auto places_of_predictions = [] {
  std::array<std::size_t, Loss::info.operands.count(Role::prediction)> places{};
  std::size_t place = 0, found = 0;
  for (const LossOperand& operand : Loss::info.operands) {
    if (operand.role == Role::prediction) places[found++] = place;
    ++place;
  }
  return places;
}();

template <class Loss, class T, bool is_of_several = ListedSeveralOperands<Loss>>
struct CompiledSeveral {};
template <class Loss, class T>
struct CompiledSeveral<Loss, T, true> {
  static constexpr std::size_t arity = Loss::info.operands.count_without_weights();
  static double compute(const Loss& loss, const std::array<const T*, arity>& in, const SeveralOutputs<T, arity>& out,
                        std::int64_t count);
};

template <class Loss, class T, bool is_softmax = ListedSoftmax<Loss>>
struct CompiledSoftmax {};
template <class Loss, class T>
struct CompiledSoftmax<Loss, T, true> {
  static double compute(const Loss& loss, const SoftmaxTask<T>& task);
};

#define PERDITA_DECLARE(Loss, function, Module)             \
  extern template struct CompiledElementwise<Loss, float>;  \
  extern template struct CompiledElementwise<Loss, double>; \
  extern template struct CompiledSeveral<Loss, float>;      \
  extern template struct CompiledSeveral<Loss, double>;     \
  extern template struct CompiledSoftmax<Loss, float>;      \
  extern template struct CompiledSoftmax<Loss, double>;
PERDITA_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

/// elementwise() of a formula of input and target: that of the library for losses of the list.
template <class Formula, class T>
double elementwise_loss(const Formula& formula, const std::array<const T*, 2>& in, const ElementwiseOutputs<T>& out,
                        std::int64_t count) {
  if constexpr (ListedElementwise<Formula>)
    return CompiledElementwise<Formula, T>::compute(formula, in, out, count);
  else
    return elementwise<Formula, T, 2>(formula, in, out, count);
}

/// The loss of rows of logits, or of log-probabilities where it is of these.
template <ListedClassRows Loss, class T>
double class_rows_loss(const Loss& loss, const SoftmaxTask<T>& task) {
  if constexpr (ListedSoftmax<Loss>)
    return CompiledSoftmax<Loss, T>::compute(loss, task);
  else
    return nll_loss(task);
}

}  // namespace perdita::kernels
