// pow.
#pragma once

#include <utility>

#include "perdita/math/exponential.hpp"
#include "perdita/math/logarithm.hpp"

namespace perdita {

namespace detail {

/// f in double precision for a float function: the halves of each argument, widened, and the results put together.
template <class F, int N, std::size_t... lane>
PERDITA_INLINE Pack<float, N> in_double_halves(std::index_sequence<lane...>, F f, const auto&... x) {
  typedef float Half __attribute__((vector_size(sizeof(float) * sizeof...(lane))));
  constexpr int half = static_cast<int>(sizeof...(lane));
  using Wide = Pack<double, half>;
  const auto widen = [](const Half& raw) { return Wide::of(__builtin_convertvector(raw, typename Wide::Raw)); };
  const Wide low = f(widen(__builtin_shufflevector(x.raw, x.raw, lane...))...);
  const Wide high = f(widen(__builtin_shufflevector(x.raw, x.raw, (lane + half)...))...);
  const Half a = __builtin_convertvector(low.raw, Half), b = __builtin_convertvector(high.raw, Half);
  return Pack<float, N>::of(__builtin_shufflevector(a, b, lane..., (lane + half)...));
}
/// f, written for packs of doubles, applied to float packs.
template <class F, int N, class... More>
PERDITA_INLINE Pack<float, N> in_double(F f, const Pack<float, N>& x, const More&... more) {
  if constexpr (N == 1) {
    return Pack<float, 1>(f(Pack<double, 1>(x[0]), Pack<double, 1>(more[0])...)[0]);
  } else {
    return in_double_halves<F, N>(std::make_index_sequence<N / 2>{}, f, x, more...);
  }
}

/// |x|^y for |y| small enough not to meet 0 * inf: signs and integer exponents are pow's business.
PERDITA_PACK pow_of_magnitude(const Pack<T, N>& x, const Pack<T, N>& y) {
  if constexpr (is_float<T>) {
    return in_double([](const auto& a, const auto& b) { return exp(b * log(a)); }, abs(x), y);
  } else {
    return exp(y * log(abs(x)));
  }
}

}  // namespace detail

/// x^y with the special values of C99: 1 at y = 0 and at x = 1 whatever the other, NaN for a negative x and a y that
/// is not an integer.
PERDITA_PACK pow(const Pack<T, N>& x, const Pack<T, N>& y) {
  using namespace detail;
  // Beyond 2^mantissa_bits every number is an integer, and beyond twice that an even one.
  constexpr double whole = is_float<T> ? 0x1p23 : 0x1p52;
  const Pack<T, N> size = at_most(abs(y), 2.0 * whole);
  const Pack<T, N> ones = select(size < whole, size + whole, size);  // the lowest bit counts ones
  const Mask<T, N> integer = select(size < whole, ones - whole, size) == size;
  const auto odd_sign = unsigned_bits(ones) << (sizeof(T) * 8 - 1);
  const Pack<T, N> bounded = at_most(at_least(y, -0x1p100), 0x1p100);  // so that 0 * bounded is never NaN
  const Pack<T, N> magnitude = pow_of_magnitude(x, bounded);
  const Pack<T, N> sign_source = from_unsigned<T, N>(odd_sign & unsigned_bits(x));
  const Pack<T, N> zero(0.0), one(1.0), nan(not_a_number);
  const Pack<T, N> signed_power = select(integer, flip_sign(magnitude, sign_source), select(x < zero, nan, magnitude));
  return select(y == zero, one, select(x == one, one, select(y == y, signed_power, y)));
}
PERDITA_PACK pow(double x, const Pack<T, N>& y) { return pow(Pack<T, N>(x), y); }
/// A fixed exponent shared by all lanes: the common ones are products.
PERDITA_PACK pow(const Pack<T, N>& x, double y) {
  if (y == 0.0) return Pack<T, N>(1.0);
  if (y == 1.0) return x;
  if (y == 2.0) return x * x;
  if (y == 3.0) return x * x * x;
  if (y == 4.0) return (x * x) * (x * x);
  if (y == -1.0) return 1.0 / x;
  // sqrt(-0) is -0 and sqrt(-inf) NaN, where a power is 0 and inf.
  if (y == 0.5) return select(x == -detail::infinity<T>, Pack<T, N>(detail::infinity<T>), sqrt(x) + 0.0);
  return pow(x, Pack<T, N>(y));
}

}  // namespace perdita
