// What the elementary functions are built from: bit patterns of floating-point numbers, polynomials, sign, clamp, sqrt.
#pragma once

#include <cstdint>
#include <limits>

#include "perdita/math/pack.hpp"

namespace perdita {

#define PERDITA_PACK        \
  template <class T, int N> \
  PERDITA_INLINE Pack<T, N>

namespace detail {

/// The layout of an IEEE number, and constants that follow from it.
template <class T>
struct Format;
template <>
struct Format<float> {
  using Unsigned = std::uint32_t;
  static constexpr int mantissa_bits = 23;
  static constexpr int bias = 127;
};
template <>
struct Format<double> {
  using Unsigned = std::uint64_t;
  static constexpr int mantissa_bits = 52;
  static constexpr int bias = 1023;
};

template <class T>
inline constexpr bool is_float = std::is_same_v<T, float>;
template <class T>
inline constexpr double infinity = std::numeric_limits<T>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
template <class T>
inline constexpr double min_normal = std::numeric_limits<T>::min();
/// 1.5 * 2^mantissa_bits: adding it rounds a number to an integer, which is then found in the low bits.
template <class T>
inline constexpr double round_magic = is_float<T> ? 0x1.8p23 : 0x1.8p52;
/// The bits of a one, of the exponent, and of all but the mantissa.
template <class T>
inline constexpr auto one_bits = static_cast<typename Format<T>::Unsigned>(Format<T>::bias) << Format<T>::mantissa_bits;
template <class T>
inline constexpr auto exponent_bits = one_bits<T> << 1 | one_bits<T>;
template <class T>
inline constexpr auto sign_and_exponent_bits = ~((typename Format<T>::Unsigned{1} << Format<T>::mantissa_bits) - 1);

/// ln 2 as a number of few bits, so that its product with an exponent is exact without FMA, and the rest.
template <class T>
inline constexpr double ln2_high = is_float<T> ? 0x1.62e4p-1 : 0x1.62e42fefa38p-1;
template <class T>
inline constexpr double ln2_low = is_float<T> ? 0x1.7f7d1cp-20 : 0x1.ef35793c7673p-45;
inline constexpr double log2_e = 0x1.71547652b82fep+0;

template <class T, int N>
struct Unsigned {
  typedef typename Format<T>::Unsigned Raw __attribute__((vector_size(sizeof(T) * N)));
};
/// The bits of x, as unsigned integers: these wrap and shift without undefined behaviour.
template <class T, int N>
PERDITA_INLINE auto unsigned_bits(const Pack<T, N>& x) {
  return reinterpret_cast<typename Unsigned<T, N>::Raw>(x.raw);
}
template <class T, int N, class Raw>
PERDITA_INLINE Pack<T, N> from_unsigned(const Raw& bits) {
  return Pack<T, N>::of(reinterpret_cast<typename Pack<T, N>::Raw>(bits));
}
/// c0 + x (c1 + x (c2 + ...)).
PERDITA_PACK polynomial(const Pack<T, N>&, double c0) { return Pack<T, N>(c0); }
template <class T, int N, class... Rest>
PERDITA_INLINE Pack<T, N> polynomial(const Pack<T, N>& x, double c0, Rest... rest) {
  return polynomial(x, rest...) * x + c0;
}

/// min and max against a constant bound; a NaN in x stays. One instruction, if the constant is hidden from g++, which
/// else compares with a register, blends with a literal, and does not see that both are the same.
PERDITA_PACK at_most(const Pack<T, N>& x, double bound) {
  const auto b = forget_origin(Pack<T, N>(bound).raw);
  return Pack<T, N>::of(opaque(b < x.raw ? b : x.raw));
}
PERDITA_PACK at_least(const Pack<T, N>& x, double bound) {
  const auto b = forget_origin(Pack<T, N>(bound).raw);
  return Pack<T, N>::of(opaque(b > x.raw ? b : x.raw));
}

}  // namespace detail

PERDITA_PACK square(const Pack<T, N>& x) { return x * x; }

/// Correctly rounded. The loop becomes one instruction (a test looks).
PERDITA_PACK sqrt(const Pack<T, N>& x) {
  Pack<T, N> root;
  for (int i = 0; i < N; ++i) root.raw[i] = __builtin_sqrt(x.raw[i]);
  return root;
}

/// -1, 0 or 1; NaN of NaN.
PERDITA_PACK sign(const Pack<T, N>& x) {
  return select(x > 0.0, Pack<T, N>(1.0), select(x < 0.0, Pack<T, N>(-1.0), x));
}

/// Against a number that all lanes share: one instruction, where two packs need three to keep a NaN of either.
PERDITA_PACK max(const Pack<T, N>& x, double bound) {
  return bound == bound ? detail::at_least(x, bound) : Pack<T, N>(bound);
}
PERDITA_PACK min(const Pack<T, N>& x, double bound) {
  return bound == bound ? detail::at_most(x, bound) : Pack<T, N>(bound);
}

PERDITA_PACK clamp_min(const Pack<T, N>& x, const Pack<T, N>& low) { return max(x, low); }
PERDITA_PACK clamp_max(const Pack<T, N>& x, const Pack<T, N>& high) { return min(x, high); }
PERDITA_PACK clamp_min(const Pack<T, N>& x, double low) { return max(x, low); }
PERDITA_PACK clamp_max(const Pack<T, N>& x, double high) { return min(x, high); }

/// min(max(x, low), high), for packs and duals alike; a NaN in any operand gives NaN.
template <class X, class Low, class High>
PERDITA_INLINE auto clamp(const X& x, const Low& low, const High& high) {
  return clamp_max(clamp_min(x, low), high);
}

}  // namespace perdita
