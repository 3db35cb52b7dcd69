// The instructions of AVX-512 that take floating-point numbers apart and put them together. Elsewhere that is integer
// arithmetic on their bits; here it is one instruction each, with the special cases included. Assembly for the reasons
// that mask.hpp gives.
#pragma once

#include "perdita/math/pack.hpp"

namespace perdita::detail {

#if defined(__x86_64__)
#define PERDITA_AVX512(name, ...) \
  if constexpr (sizeof(T) == 4)   \
    asm(name "s " __VA_ARGS__);   \
  else                            \
    asm(name "d " __VA_ARGS__)
#else
#define PERDITA_AVX512(name, ...) static_cast<void>(0)
#endif

/// x 2^n for an integer n, rounded once where the result is subnormal; infinity beyond the range.
template <class T, int N>
PERDITA_INLINE Pack<T, N> scale_by_power(const Pack<T, N>& x, const Pack<T, N>& n) {
  Pack<T, N> result;
  PERDITA_AVX512("vscalefp", "%2, %1, %0" : "=v"(result.raw) : "v"(x.raw), "v"(n.raw));
  return result;
}

/// The same where `mask` is true, and 0 elsewhere. What is masked out cannot be slow: an instruction that makes a
/// subnormal number takes more than a hundred cycles.
template <class T, int N>
PERDITA_INLINE Pack<T, N> scale_by_power(const Pack<T, N>& x, const Pack<T, N>& n, const Mask<T, N>& mask) {
  Pack<T, N> result;
  PERDITA_AVX512("vscalefp", "%2, %1, %0%{%3%}%{z%}" : "=v"(result.raw) : "v"(x.raw), "v"(n.raw), "Yk"(mask.raw));
  return result;
}

/// floor(log2(|x|)); -inf of 0, inf of inf.
template <class T, int N>
PERDITA_INLINE Pack<T, N> exponent_of(const Pack<T, N>& x) {
  Pack<T, N> result;
  PERDITA_AVX512("vgetexpp", "%1, %0" : "=v"(result.raw) : "v"(x.raw));
  return result;
}

/// The m in [0.75, 1.5) with x = 2^e m; 1 of 0 and of inf, NaN of negative numbers.
template <class T, int N>
PERDITA_INLINE Pack<T, N> mantissa_of(const Pack<T, N>& x) {
  Pack<T, N> result;
  PERDITA_AVX512("vgetmantp", "$11, %1, %0" : "=v"(result.raw) : "v"(x.raw));
  return result;
}

/// `result`, but the limits of a logarithm where x is 0 (-inf), inf, negative or NaN (NaN).
template <class T, int N>
PERDITA_INLINE Pack<T, N> with_logarithm_limits(const Pack<T, N>& result, const Pack<T, N>& x) {
  // An answer of four bits for each kind of x: NaN (quiet, signalling), 0, 1, -inf, inf, negative, positive.
  // 0 keeps the result, 2 is x as a quiet NaN, 3 NaN, 4 -inf, 5 inf.
  const auto answers = typename Pack<T, N>::RawBits{} + typename Pack<T, N>::Bits(0x03530422);
  Pack<T, N> fixed = result;
  PERDITA_AVX512("vfixupimmp", "$0, %2, %1, %0" : "+v"(fixed.raw) : "v"(x.raw), "v"(answers));
  return fixed;
}

/// x y + z, rounded once at every level of optimisation: g++ fuses products and sums only from -O2 on.
template <class T, int N>
PERDITA_INLINE Pack<T, N> fused_multiply_add(const Pack<T, N>& x, const Pack<T, N>& y, const Pack<T, N>& z) {
  Pack<T, N> result = z;
  PERDITA_AVX512("vfmadd231p", "%2, %1, %0" : "+v"(result.raw) : "v"(x.raw), "v"(y.raw));
  return result;
}

#undef PERDITA_AVX512

}  // namespace perdita::detail
