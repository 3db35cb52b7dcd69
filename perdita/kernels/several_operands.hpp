// The driver of losses of several operands: a formula of an element of each of dense arrays, with gradients with
// respect to several of them in one pass.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "perdita/kernels/blocks.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

/// Outputs of a pass; null if not needed.
template <class T, std::size_t arity>
struct SeveralOutputs {
  T* values = nullptr;
  std::array<T*, arity> gradients{};  ///< scale * the derivative with respect to each operand that has one
  double scale = 1;
};

namespace detail {

template <auto places, class Loss, class T, std::size_t arity, bool has_gradients>
struct SeveralKernel {
  using Inputs = std::array<const T*, arity>;
  using Outputs = SeveralOutputs<T, arity>;

  template <std::size_t k, std::size_t dual, class P>
  PERDITA_INLINE static auto operand(const P& x) {
    if constexpr (k == dual)
      return Dual<P>{x, P(1.0)};
    else
      return x;
  }

  /// The loss with its derivative with respect to operand `dual`; arity for none.
  template <class P, std::size_t dual, class Load, std::size_t... k>
  PERDITA_INLINE static Dual<P> evaluate(const Loss& loss, const Load& load, std::index_sequence<k...>) {
    const auto result = loss(operand<k, dual, P>(load(k))...);
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(result)>, Dual<P>>)
      return result;
    else
      return {P(result), P(0.0)};
  }

  /// The loss of one pack. write(destination, pack) stores it; what the derivatives share is found by the compiler.
  template <class P, class Load, class Write, std::size_t... i>
  PERDITA_INLINE static P compute(const Loss& loss, const Load& load, const Outputs& out, const P& scale,
                                  const Write& write, std::index_sequence<i...>) {
    constexpr auto all = std::make_index_sequence<arity>{};
    constexpr std::size_t first = has_gradients ? places[0] : arity;
    const Dual<P> result = evaluate<P, first>(loss, load, all);
    if (out.values) write(out.values, result.v);
    if constexpr (has_gradients) {
      if (out.gradients[first]) write(out.gradients[first], result.d * scale);
      ((out.gradients[places[i + 1]]
            ? write(out.gradients[places[i + 1]], evaluate<P, places[i + 1]>(loss, load, all).d * scale)
            : void()),
       ...);
    }
    return result.v;
  }

  /// The sum over [begin, end).
  template <class Target>
  PERDITA_INLINE double operator()(Target, Loss loss, Inputs in, Outputs out, std::int64_t begin,
                                   std::int64_t end) const {
    using P = typename Target::template pack<T>;
    constexpr auto others = std::make_index_sequence<places.size() - 1>{};
    constexpr std::int64_t stretch = 32 * P::lanes;
    const P scale(out.scale);
    PackSum<P> sum;
    std::int64_t i = begin;
    while (i + P::lanes <= end) {
      const std::int64_t whole = (end - i) / P::lanes * P::lanes;
      const std::int64_t stop = i + (whole < stretch ? whole : stretch);
      for (; i < stop; i += P::lanes) {
        const auto load = [&](std::size_t k) { return P::load(in[k] + i); };
        const auto write = [&](T* to, const P& pack) { pack.store(to + i); };
        sum.add(compute<P>(loss, load, out, scale, write, others));
      }
      sum.fold();
    }
    double total = sum.total();
    if (i < end) {
      const auto count = static_cast<std::size_t>(end - i);
      // Idle lanes repeat an element, so that they compute nothing exceptional.
      const auto load = [&](std::size_t k) { return P::load_first(in[k] + i, count, in[k][i]); };
      const auto write = [&](T* to, const P& pack) { pack.store_first(to + i, count); };
      const P values = compute<P>(loss, load, out, scale, write, others);
      for (std::size_t lane = 0; lane < count; ++lane) total += static_cast<double>(values[static_cast<int>(lane)]);
    }
    return total;
  }
};

}  // namespace detail

/// Evaluates `loss` on `count` elements of each operand; returns the sum of its values, which does not depend on the
/// number of threads. places: of the operands with gradients, a std::array. No output may overlap an operand.
template <auto places, class Loss, class T, std::size_t arity>
double several_operands(const Loss& loss, const std::array<const T*, arity>& in, const SeveralOutputs<T, arity>& out,
                        std::int64_t count) {
  constexpr std::int64_t block = 16384;
  bool has_gradients = false;
  for (const T* gradient : out.gradients) has_gradients = has_gradients || gradient != nullptr;
  return sum_over_blocks(count, block, [&](std::int64_t begin, std::int64_t end) {
    if (has_gradients) return run(detail::SeveralKernel<places, Loss, T, arity, true>{}, loss, in, out, begin, end);
    return run(detail::SeveralKernel<places, Loss, T, arity, false>{}, loss, in, out, begin, end);
  });
}

}  // namespace perdita::kernels
