// The elementwise driver: any formula of (input, target, ...) over dense arrays, value and gradient in one pass.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

/// What a pass writes besides the sum; null for what is not wanted.
template <class T>
struct ElementwiseOutputs {
  T* values = nullptr;    ///< the formula at each element
  T* gradient = nullptr;  ///< scale * its derivative by the first argument; may be the first input itself
  /// The same by the second, which may be the second input; only beside the first, and for three inputs.
  T* second_gradient = nullptr;
  double scale = 1;
};

namespace detail {

template <class Result, class P>
constexpr void check_formula_result() {
  static_assert(!std::is_same_v<Result, P> && !std::is_arithmetic_v<Result>,
                "the formula's value does not depend on its first argument (the input), so it has no gradient");
  static_assert(std::is_same_v<Result, Dual<P>> || std::is_same_v<Result, P> || std::is_arithmetic_v<Result>,
                "a formula must return one number");
}

template <class Formula, class T, std::size_t arity, bool wants_values, int gradients>
struct ElementwiseKernel {
  using Inputs = std::array<const T*, arity>;
  static constexpr bool wants_gradient = gradients > 0;

  template <class P, std::size_t... rest, class Load>
  PERDITA_INLINE static Dual<P> evaluate(const Formula& formula, const Load& load, std::index_sequence<rest...>) {
    if constexpr (wants_gradient) {
      const Dual<P> input{load(0), P(1.0)};
      check_formula_result<std::remove_cvref_t<decltype(formula(input, load(rest + 1)...))>, P>();
      return formula(input, load(rest + 1)...);
    } else {
      return {P(formula(load(0), load(rest + 1)...)), P(0.0)};
    }
  }

  /// The derivative by the second argument.
  template <class P, class Load, std::size_t... rest>
  PERDITA_INLINE static P second_slope(const Formula& formula, const Load& load, std::index_sequence<0, rest...>) {
    return formula(load(0), Dual<P>{load(1), P(1.0)}, load(rest + 1)...).d;
  }

  template <class P>
  PERDITA_INLINE static void write(T* to, const P& pack, bool streaming) {
    if (streaming)
      perdita::detail::stream_pack(to, pack);
    else
      pack.store(to);
  }

  /// The sum over [begin, end).
  template <class Target>
  PERDITA_INLINE double operator()(Target, Formula formula, Inputs in, ElementwiseOutputs<T> out, std::int64_t begin,
                                   std::int64_t end, bool streaming) const {
    using P = typename Target::template pack<T>;
    constexpr auto others = std::make_index_sequence<arity - 1>{};
    constexpr std::int64_t stretch = 32 * P::lanes;
    const P scale(out.scale);
    PackSum<P> sum;
    std::int64_t i = begin;
    while (i + P::lanes <= end) {
      const std::int64_t whole = (end - i) / P::lanes * P::lanes;
      const std::int64_t stop = i + (whole < stretch ? whole : stretch);
      for (; i < stop; i += P::lanes) {
        const auto load = [&](std::size_t k) { return P::load(in[k] + i); };
        for (const T* input : in) __builtin_prefetch(input + i + fetch_ahead<T>);
        const Dual<P> result = evaluate<P>(formula, load, others);
        sum.add(result.v);
        if constexpr (wants_values) write(out.values + i, result.v, streaming);
        if constexpr (gradients == 2) {
          const P second = second_slope<P>(formula, load, others);
          write(out.second_gradient + i, second * scale, streaming);
        }
        if constexpr (wants_gradient) write(out.gradient + i, result.d * scale, streaming);
      }
      sum.fold();
    }
    double total = sum.total();
    if (i < end) {
      const auto count = static_cast<std::size_t>(end - i);
      // Idle lanes repeat an element that is there, so that they compute nothing exceptional.
      const auto load = [&](std::size_t k) { return P::load_first(in[k] + i, count, in[k][i]); };
      const Dual<P> result = evaluate<P>(formula, load, others);
      if constexpr (wants_values) result.v.store_first(out.values + i, count);
      if constexpr (gradients == 2)
        (second_slope<P>(formula, load, others) * scale).store_first(out.second_gradient + i, count);
      if constexpr (wants_gradient) (result.d * scale).store_first(out.gradient + i, count);
      for (std::size_t lane = 0; lane < count; ++lane) total += static_cast<double>(result.v[static_cast<int>(lane)]);
    }
    if (streaming) perdita::detail::end_streaming();
    return total;
  }
};

template <bool wants_values, int gradients, class Formula, class T, std::size_t arity>
double run_elementwise(const Formula& formula, const std::array<const T*, arity>& in, const ElementwiseOutputs<T>& out,
                       std::int64_t count) {
  using Kernel = ElementwiseKernel<Formula, T, arity, wants_values, gradients>;
  constexpr std::int64_t block = 16384;
  const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
  const bool streaming = (gradients > 0 || wants_values) &&
                         (gradients == 0 || perdita::detail::is_worth_streaming(out.gradient, bytes)) &&
                         (gradients < 2 || perdita::detail::is_worth_streaming(out.second_gradient, bytes)) &&
                         (!wants_values || perdita::detail::is_worth_streaming(out.values, bytes));
  return sum_over_blocks(count, block, [&](std::int64_t begin, std::int64_t end) {
    return run(Kernel{}, formula, in, out, begin, end, streaming);
  });
}

}  // namespace detail

/// Evaluates `formula` on `count` elements of each input; returns the sum of its values. A formula may offer
/// usual(), another form of itself for parameters that is_usual() recognises.
template <class Formula, class T, std::size_t arity>
double elementwise(const Formula& formula, const std::array<const T*, arity>& in, const ElementwiseOutputs<T>& out,
                   std::int64_t count) {
  if constexpr (requires { formula.usual(); }) {
    if (formula.is_usual()) return elementwise(formula.usual(), in, out, count);
  }
  if constexpr (arity == 3) {
    if (out.second_gradient) {
      if (out.values) return detail::run_elementwise<true, 2>(formula, in, out, count);
      return detail::run_elementwise<false, 2>(formula, in, out, count);
    }
  }
  if (out.gradient) {
    if (out.values) return detail::run_elementwise<true, 1>(formula, in, out, count);
    return detail::run_elementwise<false, 1>(formula, in, out, count);
  }
  if (out.values) return detail::run_elementwise<true, 0>(formula, in, out, count);
  return detail::run_elementwise<false, 0>(formula, in, out, count);
}

}  // namespace perdita::kernels
