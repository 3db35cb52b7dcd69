// log, log1p and xlogy. Coefficients: tools/fit_functions.py.
#pragma once

#include "perdita/math/arithmetic.hpp"
#include "perdita/math/avx512.hpp"

namespace perdita {

namespace detail {

/// Below this a mantissa counts to the next exponent: mantissas are in [0.75, 1.5).
template <class T>
inline constexpr auto three_quarters_bits = one_bits<T> - (one_bits<T> & -one_bits<T>) / 2;

/// The exponent e of x = 2^e m, m in [0.75, 1.5), for normal x > 0; still at its place in the bits.
template <class T, int N>
PERDITA_INLINE auto shifted_exponent(const Pack<T, N>& x) {
  return (unsigned_bits(x) - three_quarters_bits<T>)&sign_and_exponent_bits<T>;
}
/// That exponent as a number.
template <class T, int N>
PERDITA_INLINE Pack<T, N> exponent_value(const typename Unsigned<T, N>::Raw& shifted) {
  if constexpr (is_float<T>) {
    using P = Pack<T, N>;
    return P::of(__builtin_convertvector(reinterpret_cast<typename P::RawBits>(shifted), typename P::Raw)) * 0x1p-23;
  } else {
    // Few processors convert 64-bit integers: e + 2048 becomes the mantissa of a number in [2^52, 2^53).
    const auto biased = (shifted >> 52) ^ 0x800;
    return from_unsigned<T, N>(biased | 0x4330000000000000) - (0x1p52 + 2048);
  }
}

/// x = 2^e (1 + f) with f in [-0.25, 0.5), for 0 < x < inf, subnormal ones too.
template <class T, int N>
struct LogarithmParts {
  Pack<T, N> f, e;
};
template <class T, int N>
PERDITA_INLINE LogarithmParts<T, N> split_logarithm(const Pack<T, N>& x) {
  if constexpr (has_avx512<T, N>) {
    const Pack<T, N> m = mantissa_of(x), e = exponent_of(x);
    return {m - 1.0, select(m < 1.0, e + 1.0, e)};  // below 1 m was halved
  }
  constexpr int lift = Format<T>::mantissa_bits + 1;
  const Mask<T, N> tiny = x < min_normal<T>;
  const Pack<T, N> normal = select(tiny, x * static_cast<double>(1LL << lift), x);
  const auto shifted = shifted_exponent(normal);
  return {from_unsigned<T, N>(unsigned_bits(normal) - shifted) - 1.0,
          exponent_value<T, N>(shifted) - zero_unless(tiny, Pack<T, N>(lift))};
}

/// log(1 + f) + e ln 2 for f in [-0.25, 0.5]: f - f^2/2 comes first, so that little is rounded before the last sum.
PERDITA_PACK log1p_reduced(const Pack<T, N>& f, const Pack<T, N>& e) {
  const Pack<T, N> square = f * f;
  if constexpr (is_float<T>) {
    const Pack<T, N> tail = polynomial(f, 0.333334506, -0.250000983, 0.199908465, -0.16647245, 0.144785017, -0.13162075,
                                       0.10464339, -0.0450800098);
    return e * ln2_high<T> + (f + ((tail * f - 0.5) * square + e * ln2_low<T>));
  } else {
    // log(1 + f) = 2 atanh(s) with s = f / (2 + f); 2s = f - s f is spread so that f enters exactly.
    const Pack<T, N> s = f / (2.0 + f);
    const Pack<T, N> z = s * s;
    const Pack<T, N> tail =
        z * polynomial(z, 0.66666666666666596, 0.40000000000056951, 0.28571428555768097, 0.22222224302810334,
                       0.18181665515278206, 0.15391123256302339, 0.13173415015106749, 0.13844256618372006);
    const Pack<T, N> half_square = 0.5 * square;
    return e * ln2_high<T> - ((half_square - (s * (half_square + tail) + e * ln2_low<T>)) - f);
  }
}

/// log1p(x) for x in [0, 1], as exp(-|x|) gives; NaN of NaN.
PERDITA_PACK log1p_unit(const Pack<T, N>& x) {
  if constexpr (has_avx512<T, N> && is_float<T>) {
    // One polynomial for all of it: shorter, but exact enough only where sums and products fuse.
    const Pack<T, N> tail = polynomial(x, 0.333322495, -0.249750987, 0.197743282, -0.155695513, 0.110251568,
                                       -0.0609217621, 0.0218755826, -0.0036775039);
    return fused_multiply_add(fused_multiply_add(tail, x, Pack<T, N>(-0.5)), x * x, x);
  }
  const Mask<T, N> upper = x > 0.5;
  return log1p_reduced(select(upper, 0.5 * x - 0.5, x), select(upper, Pack<T, N>(1.0), Pack<T, N>(0.0)));
}

}  // namespace detail

/// Natural logarithm, for all x > 0: within 1 ULP; -inf of 0, NaN below.
PERDITA_PACK log(const Pack<T, N>& x) {
  using namespace detail;
  const auto [f, e] = split_logarithm(x);
  if constexpr (has_avx512<T, N>) return with_logarithm_limits(log1p_reduced(f, e), x);
  const Pack<T, N> finite = select(x < infinity<T>, log1p_reduced(f, e), x);
  return select(x > 0.0, finite, select(x == 0.0, Pack<T, N>(-infinity<T>), Pack<T, N>(not_a_number)));
}

/// log(1 + x), for all x > -1, however small: within 1 ULP; -0 of -0, -inf of -1, NaN below.
PERDITA_PACK log1p(const Pack<T, N>& x) {
  using namespace detail;
  // 1 + x = 2^e (1 + f). Only e is taken from the rounded sum: f = (2^-e - 1) + 2^-e x.
  const Pack<T, N> sum = 1.0 + x;
  const auto shifted = shifted_exponent(sum);
  // (four times 2^-e, for 2^-128 has no such bits)
  constexpr auto four_bits = one_bits<T> + 2 * (one_bits<T> & -one_bits<T>);
  const Pack<T, N> scale = from_unsigned<T, N>(four_bits - shifted);
  const Pack<T, N> f = (0.25 * scale - 1.0) + from_unsigned<T, N>(unsigned_bits(x) - shifted);
  const Pack<T, N> logarithm = log1p_reduced(f, exponent_value<T, N>(shifted));
  if constexpr (has_avx512<T, N>) return copy_sign(with_logarithm_limits(logarithm, sum), x);
  const Pack<T, N> finite = select(x < infinity<T>, logarithm, x);
  const Pack<T, N> outside = select(x == -1.0, Pack<T, N>(-infinity<T>), Pack<T, N>(not_a_number));
  return copy_sign(select(x > -1.0, finite, outside), x);
}

/// a log(b), but 0 where a is 0, unless b is NaN; within 2 ULP.
PERDITA_PACK xlogy(const Pack<T, N>& a, const Pack<T, N>& b) {
  return select(a == 0.0, select(b == b, Pack<T, N>(0.0), b), a * log(b));
}
PERDITA_PACK xlogy(const Pack<T, N>& a, double b) { return xlogy(a, Pack<T, N>(b)); }
PERDITA_PACK xlogy(double a, const Pack<T, N>& b) { return xlogy(Pack<T, N>(a), b); }

}  // namespace perdita
