// A loss of one score, differentiated twice: dense blocks in, value and derivatives out.
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>

#include "perdita/losses/any.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"
#include "perdita/math/logit.hpp"

namespace perdita::boosting {

/// Elements of a block: small enough that its arrays stay in the innermost cache.
inline constexpr std::int64_t block_elements = 512;
/// Blocks are padded to a multiple of this many elements, the lanes of the widest register.
inline constexpr std::int64_t block_padding = 16;
constexpr std::int64_t padded(std::int64_t count) {
  return (count + block_padding - 1) / block_padding * block_padding;
}

/// A block of elements. Arrays have padded(count) elements; those past `count` hold valid numbers.
template <class T>
struct ElementBlock {
  const T* scores = nullptr;
  const T* targets = nullptr;
  std::int64_t count = 0;
  T* values = nullptr;         ///< null if not needed
  T* first = nullptr;          ///< derivative with respect to the score
  T* second = nullptr;         ///< second derivative; null if not needed
  double label_curvature = 0;  ///< if above 0, `second` is this times |first| p instead
};

/// Computes a block.
template <class T>
using ElementFunction = std::function<void(const ElementBlock<T>&)>;

/// The function of a loss that is a formula of two numbers: a score and its target, or for losses of classes the
/// log-probability of a class and its target probability. Throws ValueError for other losses.
template <class T>
ElementFunction<T> element_function(const AnyLoss& loss);

namespace detail {

/// The probability of the label 1 if target > 0.5, else of the other one: sigmoid(+-score). It shares the exponential
/// with losses of logit(score).
template <class P>
PERDITA_INLINE P probability_of_label(const P& score, const P& target) {
  const auto negative = score < 0.0;
  const auto f = perdita::detail::logistic_functions(select(negative, -score, score));
  const P of_one = select(negative, f.unlikely, f.likely), of_zero = select(negative, f.likely, f.unlikely);
  return select(target > 0.5, of_one, of_zero);
}

/// Outputs of a kernel in addition to the first derivative.
enum class Extra { none, second, value_and_second, label_curvature };

template <class Formula, class T, Extra extra>
struct DerivativesKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, Formula formula, ElementBlock<T> block) const {
    using P = typename Target::template pack<T>;
    for (std::int64_t i = 0; i < block.count; i += P::lanes) {
      const P score = P::load(block.scores + i), target = P::load(block.targets + i);
      if constexpr (extra == Extra::second || extra == Extra::value_and_second) {
        const Dual<P> inner{score, P(1.0)}, one{P(1.0), P(0.0)};
        const Dual<Dual<P>> result = formula(Dual<Dual<P>>{inner, one}, target);
        if constexpr (extra == Extra::value_and_second) result.v.v.store(block.values + i);
        result.d.v.store(block.first + i);
        result.d.d.store(block.second + i);
      } else {
        const Dual<P> result = formula(Dual<P>{score, P(1.0)}, target);
        result.d.store(block.first + i);
        if constexpr (extra == Extra::label_curvature) {
          const P curvature = P(block.label_curvature) * abs(result.d) * probability_of_label(score, target);
          curvature.store(block.second + i);
        }
      }
    }
  }
};

/// has_labels: whether targets are labels of 0 and 1, or signs.
template <bool has_labels, class Formula, class T>
void compute_block(const Formula& formula, const ElementBlock<T>& block) {
  if constexpr (requires { formula.usual(); }) {
    if (formula.is_usual()) return compute_block<has_labels>(formula.usual(), block);
  }
  if constexpr (has_labels) {
    if (block.label_curvature > 0) return run(DerivativesKernel<Formula, T, Extra::label_curvature>{}, formula, block);
  }
  if (block.values)
    run(DerivativesKernel<Formula, T, Extra::value_and_second>{}, formula, block);
  else if (block.second)
    run(DerivativesKernel<Formula, T, Extra::second>{}, formula, block);
  else
    run(DerivativesKernel<Formula, T, Extra::none>{}, formula, block);
}

/// A loss of logits or scores whose targets are labels of 0 and 1, or signs.
template <class Loss>
inline constexpr bool has_labels = is_elementwise(Loss::info) && (meaning_of_prediction(Loss::info) == Meaning::logit ||
                                                                  meaning_of_target(Loss::info) == Meaning::sign);

/// A loss of the list that is differentiated here.
template <class Loss>
inline constexpr bool is_differentiated =
    ListedElementwise<Loss> ||
    (is_listed<Loss> && takes_class_probabilities(Loss::info)) || ListedCountedClassRows<Loss>;

/// Compiled once per loss, in element_kernels_float.cpp and element_kernels_double.cpp.
template <class Loss, class T, bool = is_differentiated<Loss>>
struct CompiledDerivatives {};
template <class Loss, class T>
struct CompiledDerivatives<Loss, T, true> {
  static void compute(const Loss& loss, const ElementBlock<T>& block);
};

}  // namespace detail

}  // namespace perdita::boosting
