// One table drives every test of the elementary functions: name, kernels, references and bounds.
#pragma once

#include <mpfr.h>

#include <cstddef>
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
double ulp_error(float got, double exact);

}  // namespace perdita::test
