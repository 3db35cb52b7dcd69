// One table drives every test of the elementary functions: name, kernels, references and bounds.
#pragma once

#include <mpfr.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace perdita::test {

/// A function of one number. `on_float` and `on_double` apply it inside run(), on the instruction set in force, to n
/// numbers, n a multiple of 16.
struct Function {
  const char* name;
  void (*on_float)(const float* x, float* y, std::size_t n);
  void (*on_double)(const double* x, double* y, std::size_t n);
  void (*exact)(mpfr_t y, const mpfr_t x);  ///< correct to 100 bits or more
  double (*libm)(double);                   ///< to a few ULP of double: a fast reference for float
  double bound_float;                       ///< max ULP over the whole range
  double bound_double;
  /// Null, or the size of the terms that cancel at x where the function has zeros no number lies on: in double, the
  /// bound is then in ULP of the larger of value and scale.
  double (*scale)(double x);
};

std::span<const Function> function_table();

/// The error of `got` in units in the last place of the exact value, or of `scale` where that is larger; infinity where
/// NaN, infinities or the sign of zero differ. Overflow counts as the first number beyond the format.
template <class T>
double ulp_error(T got, const mpfr_t exact, double scale = 0.0);

/// The same against a double, for float.
inline double ulp_error(float got, double exact) {
  constexpr double different = std::numeric_limits<double>::infinity();
  if (std::isnan(exact)) return std::isnan(got) ? 0.0 : different;
  if (exact == 0.0 || std::isinf(exact)) {
    return static_cast<double>(got) == exact && std::signbit(got) == std::signbit(exact) ? 0.0 : different;
  }
  if (std::isnan(got)) return different;
  // exact is in [2^(exponent-1), 2^exponent), or subnormal as a float; an ULP is 2^(exponent-24)
  const int exponent = std::max(static_cast<int>(std::bit_cast<std::uint64_t>(exact) >> 52 & 0x7ff) - 1022, -125);
  double value = got;
  if (std::isinf(got)) {
    if (std::signbit(got) != std::signbit(exact)) return different;
    if (exponent > 128) return 0.0;
    value = std::copysign(0x1p128, exact);
  }
  return std::fabs(value - exact) * std::bit_cast<double>(static_cast<std::uint64_t>(1023 + 24 - exponent) << 52);
}

}  // namespace perdita::test
