// exp and expm1. Coefficients: tools/fit_functions.py.
#pragma once

#include "perdita/math/arithmetic.hpp"
#include "perdita/math/avx512.hpp"

namespace perdita {

namespace detail {

/// x = n ln 2 + r with |r| <= ln(2)/2; the low bits of t hold n + offset.
template <class T, int N>
struct ExpReduction {
  Pack<T, N> t, n, r;
};
template <class T, int N>
PERDITA_INLINE ExpReduction<T, N> reduce_exp(const Pack<T, N>& x, int offset) {
  const double magic = round_magic<T> + offset;
  const Pack<T, N> t = x * log2_e + magic;
  const Pack<T, N> n = t - magic;
  return {t, n, (x - n * ln2_high<T>)-n * ln2_low<T>};
}

/// (exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2.
PERDITA_PACK exp_tail(const Pack<T, N>& r) {
  if constexpr (is_float<T>) {
    return polynomial(r, 0.49999997, 0.166665435, 0.0416672006, 0.00836654659, 0.00138825388);
  } else {
    return polynomial(r, 0.5, 0.16666666666666677, 0.041666666666666505, 0.0083333333333216551, 0.0013888888888962583,
                      0.0001984126988607355, 2.4801587172273777e-05, 2.7557244253930137e-06, 2.7557402738914766e-07,
                      2.5109024578428428e-08, 2.087534013406563e-09);
  }
}
/// exp(r) on |r| <= ln(2)/2.
PERDITA_PACK exp_of_remainder(const Pack<T, N>& r) { return (exp_tail(r) * r + 1.0) * r + 1.0; }

/// exp(x) for x whose result is a normal number: |x| <= 87 in float, 708 in double. NaN gives NaN.
PERDITA_PACK exp_normal(const Pack<T, N>& x) {
  // exponent n + bias, moved to its place; the upper bits of t fall out
  const auto [t, n, r] = reduce_exp(x, Format<T>::bias);
  return exp_of_remainder(r) * from_unsigned<T, N>(unsigned_bits(t) << Format<T>::mantissa_bits);
}

/// exp(x) for x <= 0, but 0 where that is below the normal numbers: what a softmax adds to sums of 1 and more.
PERDITA_PACK exp_of_difference(const Pack<T, N>& x) {
  constexpr double lowest = is_float<T> ? -87.336544 : -708.39641853226408;  // log of the least normal number
  if constexpr (has_avx512<T, N>) {
    const auto [t, n, r] = reduce_exp(x, 0);
    return scale_by_power(exp_of_remainder(r), n, !(x < lowest));
  }
  return zero_unless(!(x < lowest), exp_normal(at_least(x, lowest)));
}

/// exp(x + low), where x < 88 in float and x < 709 in double unless it may overflow; `low` may be a pack.
template <bool may_overflow, class T, int N, class Low = double>
PERDITA_INLINE Pack<T, N> exp_full(const Pack<T, N>& x, const Low& low = 0.0) {
  Pack<T, N> bounded = at_least(x, is_float<T> ? -104.0 : -746.0);
  if constexpr (may_overflow) bounded = at_most(bounded, is_float<T> ? 89.0 : 710.0);
  // 2^n as 2^floor(n/2) * 2^ceil(n/2): a subnormal result is rounded once, and overflow is infinity.
  const auto [t, n, rest] = reduce_exp(bounded, 2 * Format<T>::bias);
  Pack<T, N> r = rest;
  if constexpr (!std::is_same_v<Low, double>) r = r + low;
  if constexpr (has_avx512<T, N>) return scale_by_power(exp_of_remainder(r), n);
  const auto doubled = unsigned_bits(t);
  constexpr int to_exponent = Format<T>::mantissa_bits - 1;
  const auto floor_half = (doubled << to_exponent) & exponent_bits<T>;
  const auto ceil_half = ((doubled + 1) << to_exponent) & exponent_bits<T>;
  return exp_of_remainder(r) * from_unsigned<T, N>(floor_half) * from_unsigned<T, N>(ceil_half);
}

}  // namespace detail

/// e^x, for all x: within 1.2 ULP (without FMA; 0.95 with).
PERDITA_PACK exp(const Pack<T, N>& x) { return detail::exp_full<true>(x); }

/// e^x - 1, for all x, however small: within 1.9 ULP; -0 of -0.
PERDITA_PACK expm1(const Pack<T, N>& x) {
  using namespace detail;
  const Pack<T, N> bounded = at_most(at_least(x, is_float<T> ? -18.0 : -38.0), is_float<T> ? 89.0 : 710.0);
  // With half = 2^(n-1), e^x - 1 = 2 (half (e^r - 1) + (half - 1/2)); half is finite where 2^n is not.
  const auto [t, n, r] = reduce_exp(bounded, Format<T>::bias - 1);
  const Pack<T, N> half = from_unsigned<T, N>(unsigned_bits(t) << Format<T>::mantissa_bits);
  const Pack<T, N> p = exp_tail(r) * (r * r) + r;
  return copy_sign(select(n == 0.0, p, 2.0 * (half * p + (half - 0.5))), x);
}

}  // namespace perdita
