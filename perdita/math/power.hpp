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

/// a + b exactly: the rounded value and what rounding lost. Products are made of parts short enough for exact
/// multiplication, so that nothing depends on FMA or on what the compiler contracts.
template <int N>
struct TwoDoubles {
  Pack<double, N> high, low;
};
template <int N>
PERDITA_INLINE TwoDoubles<N> fast_sum(const Pack<double, N>& larger, const Pack<double, N>& smaller) {
  const Pack<double, N> sum = larger + smaller;
  return {sum, (larger - sum) + smaller};
}
template <int N>
PERDITA_INLINE Pack<double, N> upper_half(const Pack<double, N>& x) {
  return from_unsigned<double, N>(unsigned_bits(x) & ~((std::uint64_t{1} << 27) - 1));
}
template <int N>
PERDITA_INLINE TwoDoubles<N> exact_product(const Pack<double, N>& a, const Pack<double, N>& b) {
  const Pack<double, N> p = a * b;
  const Pack<double, N> ah = upper_half(a), bh = upper_half(b), al = a - ah, bl = b - bh;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

/// log(x) to about 2^-66 of itself, for x = 2^e (1 + f).
template <int N>
PERDITA_INLINE TwoDoubles<N> log_extended(const Pack<double, N>& f, const Pack<double, N>& e) {
  using P = Pack<double, N>;
  // s = f / (2 + f), with the rest of the division and the bits that 2 + f loses
  const P m = 1.0 + f, d = m + 1.0, d_low = m - (d - 1.0), inverse = 1.0 / d;
  const P s = f * inverse;
  const auto [sd, sd_low] = exact_product(s, d);
  const P s_low = ((f - sd) - sd_low - s * d_low) * inverse;
  // log(1 + f) = 2 s + s z (2/3 + z tail), z = s^2
  const auto [z, z_error] = exact_product(s, s);
  const P z_low = z_error + 2.0 * s * s_low;
  const P tail = z * polynomial(z, 0.39999999999999936, 0.28571428571480184, 0.22222222208031139, 0.18181820067093785,
                                0.15384477058440854, 0.13339229361242513, 0.11619843802316394, 0.12409531592974857);
  const auto [c, c_error] = fast_sum(P(0x1.5555555555555p-1), tail);
  const P c_low = c_error + 0x1.5555555555555p-55;
  const auto [t, t_error] = exact_product(z, c);
  const P t_low = t_error + (z * c_low + z_low * c);
  const auto [u, u_error] = exact_product(s, t);
  const P u_low = u_error + (s * t_low + s_low * t);
  const auto [log1p_high, log1p_low] = fast_sum(2.0 * s, u);
  const auto [high, low] = fast_sum(e * ln2_high<double>, log1p_high);
  return {high, low + (log1p_low + u_low + 2.0 * s_low + e * ln2_low<double>)};
}

/// |x|^y for x neither 0 nor infinite, |y| <= 2^64.
template <int N>
PERDITA_INLINE Pack<double, N> pow_of_magnitude(const Pack<double, N>& x, const Pack<double, N>& y) {
  const auto [f, e] = split_logarithm(abs(x));
  const auto [high, low] = log_extended(f, e);
  const auto [product, error] = exact_product(y, high);
  // Where the power over- or underflows, the correction is larger than exp wants to see.
  return exp_full<true>(product, zero_unless(abs(product) < 1000.0, error + y * low));
}
/// 2^(y (e + log2(1 + f))) to float precision: log2 and exp2 need few terms for that.
template <int N>
PERDITA_INLINE Pack<double, N> pow_for_float(const Pack<double, N>& f, const Pack<double, N>& e,
                                             const Pack<double, N>& y) {
  using P = Pack<double, N>;
  const P s = f / (2.0 + f);
  const P log2 = s * polynomial(s * s, 2.885390081777417, 0.96179669483616337, 0.577077753233596, 0.41222635367448685,
                                0.31927945740149843, 0.29089137814156091) +
                 e;
  const P product = at_most(at_least(y * log2, -160.0), 130.0);
  constexpr double magic = round_magic<double> + Format<double>::bias;
  const P t = product + magic;
  const P g = product - (t - magic);
  return polynomial(g, 1.0000000005541028, 0.69314720573689725, 0.24022646891554611, 0.055503287777719422,
                    0.0096184888660903398, 0.0013399930853013541, 0.00015345833662289214) *
         from_unsigned<double, N>(unsigned_bits(t) << Format<double>::mantissa_bits);
}
template <int N>
PERDITA_INLINE Pack<float, N> pow_of_magnitude(const Pack<float, N>& x, const Pack<float, N>& y) {
  const auto [f, e] = split_logarithm(abs(x));
  return in_double([](const auto&... half) PERDITA_INLINE_LAMBDA { return pow_for_float(half...); }, f, e, y);
}

}  // namespace detail

/// x^y within 0.54 ULP in float, 1.7 in double, with the special values of C99: 1 at y = 0 and at x = 1 whatever the
/// other, NaN for a negative x and a y that is not an integer.
PERDITA_PACK pow(const Pack<T, N>& x, const Pack<T, N>& y) {
  using namespace detail;
  // Beyond 2^mantissa_bits every number is an integer, and beyond twice that an even one.
  constexpr double whole = is_float<T> ? 0x1p23 : 0x1p52;
  const Pack<T, N> size = at_most(abs(y), 2.0 * whole);
  const Pack<T, N> ones = select(size < whole, size + whole, size);  // the lowest bit counts ones
  const Mask<T, N> integer = select(size < whole, ones - whole, size) == size;
  const auto odd_sign = unsigned_bits(ones) << (sizeof(T) * 8 - 1);
  const Pack<T, N> zero(0.0), one(1.0), nan(not_a_number), a = abs(x);
  // 0 and inf to any power are one of the two
  const Pack<T, N> extreme = select(y < zero, select(a == zero, Pack<T, N>(infinity<T>), zero), a);
  const Pack<T, N> power = pow_of_magnitude(a, at_most(at_least(y, -0x1p64), 0x1p64));
  const Pack<T, N> not_zero = select(a < infinity<T>, power, select(x == x, extreme, x));
  const Pack<T, N> magnitude = select(a == zero, extreme, not_zero);
  const Pack<T, N> sign_source = from_unsigned<T, N>(odd_sign & unsigned_bits(x));
  const Pack<T, N> not_integer = select(x < zero, select(a < infinity<T>, nan, magnitude), magnitude);
  const Pack<T, N> signed_power = select(integer, flip_sign(magnitude, sign_source), not_integer);
  return select(y == zero, one, select(x == one, one, select(y == y, signed_power, y)));
}
PERDITA_PACK pow(double x, const Pack<T, N>& y) { return pow(Pack<T, N>(x), y); }
/// A fixed exponent shared by all lanes: the common ones are products and roots, within 2 ULP.
PERDITA_PACK pow(const Pack<T, N>& x, double y) {
  if (y == 0.0) return Pack<T, N>(1.0);
  if (y == 1.0) return x;
  if (y == 2.0) return x * x;
  if (y == 3.0) return x * x * x;
  if (y == 4.0) return (x * x) * (x * x);
  if (y == -1.0) return 1.0 / x;
  // sqrt(-0) is -0 and sqrt(-inf) NaN, where a power is 0 and inf
  const Mask<T, N> minus_infinity = x == -detail::infinity<T>;
  if (y == 0.5) return select(minus_infinity, -x, sqrt(x) + 0.0);
  if (y == 1.5) return select(minus_infinity, -x, x * sqrt(x));
  if (y == -0.5) return select(minus_infinity, Pack<T, N>(0.0), 1.0 / (sqrt(x) + 0.0));
  return pow(x, Pack<T, N>(y));
}

}  // namespace perdita
