#include "math/function_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "math/mpfr_functions.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::test {
namespace {

#define PERDITA_KERNEL(name)                                                           \
  struct name##_kernel {                                                               \
    template <class Isa, class T>                                                      \
    void operator()(Isa, const T* x, T* y, std::size_t n) const {                      \
      using P = typename Isa::template pack<T>;                                        \
      for (std::size_t i = 0; i < n; i += P::lanes) name(P::load(x + i)).store(y + i); \
    }                                                                                  \
    template <class T>                                                                 \
    static void apply(const T* x, T* y, std::size_t n) {                               \
      run(name##_kernel{}, x, y, n);                                                   \
    }                                                                                  \
  };

#define PERDITA_POWER(name, exponent) \
  template <class P>                  \
  PERDITA_INLINE P name(const P& x) { \
    return pow(x, exponent);          \
  }

PERDITA_POWER(pow_reciprocal, -1.0)
PERDITA_POWER(pow_half, 0.5)
PERDITA_POWER(pow_minus_half, -0.5)
PERDITA_POWER(pow_three_halves, 1.5)
PERDITA_POWER(pow_cube, 3.0)
PERDITA_POWER(pow_fourth, 4.0)
PERDITA_POWER(pow_1_75, 1.75)
PERDITA_POWER(pow_minus_2_5, -2.5)

PERDITA_KERNEL(exp)
PERDITA_KERNEL(expm1)
PERDITA_KERNEL(log)
PERDITA_KERNEL(log1p)
PERDITA_KERNEL(sigmoid)
PERDITA_KERNEL(log_sigmoid)
PERDITA_KERNEL(softplus)
PERDITA_KERNEL(tanh)
PERDITA_KERNEL(log_cosh)
PERDITA_KERNEL(expm1_minus_x)
PERDITA_KERNEL(log1p_minus_x)
PERDITA_KERNEL(erf)
PERDITA_KERNEL(lgamma)
PERDITA_KERNEL(digamma)
PERDITA_KERNEL(trigamma)
PERDITA_KERNEL(sqrt)
PERDITA_KERNEL(square)
PERDITA_KERNEL(pow_reciprocal)
PERDITA_KERNEL(pow_half)
PERDITA_KERNEL(pow_minus_half)
PERDITA_KERNEL(pow_three_halves)
PERDITA_KERNEL(pow_cube)
PERDITA_KERNEL(pow_fourth)
PERDITA_KERNEL(pow_1_75)
PERDITA_KERNEL(pow_minus_2_5)

// References in double. Each is stable; the C library's functions are within 1 ULP, lgamma within 4.
double sigmoid_double(double x) { return x < 0.0 ? std::exp(x) / (1.0 + std::exp(x)) : 1.0 / (1.0 + std::exp(-x)); }
double softplus_double(double x) { return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))) + 0.0 * x; }
double softplus_of_infinity(double x) { return std::isinf(x) ? std::fmax(x, 0.0) : softplus_double(x); }
double log_sigmoid_double(double x) { return -softplus_of_infinity(-x); }
double log_cosh_double(double x) {
  const double a = std::fabs(x), s = std::sinh(std::fmin(a, 1.0) / 2.0);
  return a < 1.0 ? std::log1p(2.0 * s * s) : a + std::log1p(std::exp(-2.0 * a)) - 0.693147180559945309;
}
// Of numbers that are floats: their squares are far above the smallest number, and the series ends in time.
double expm1_minus_x_double(double x) {
  if (!(std::fabs(x) < 0.1)) return std::isinf(x) ? std::fabs(x) : std::expm1(x) - x;
  double sum = 0;
  for (int k = 12; k >= 2; --k) sum = (sum + 1) * x / k;
  return sum * x;
}
double log1p_minus_x_double(double x) {
  if (!(std::fabs(x) < 0.05)) return std::isinf(x) ? -x : std::log1p(x) - x;
  double sum = 0;
  for (int k = 16; k >= 2; --k) sum = -x * (sum - 1.0 / k);
  return x == 0 ? x : -sum * x;
}
// Recurrence up to 20 and the asymptotic series; reflection on the left.
double digamma_double(double x) {
  if (x < 0.0) {
    const long double r = x - std::nearbyint(x), pi = 3.14159265358979323846264338328L;
    if (r == 0.0L) return NAN;
    return static_cast<double>(digamma_double(-x) - 1.0L / x - pi / std::tan(pi * r));
  }
  long double z = x, below = 0.0L;
  for (; z < 20.0L; z += 1.0L) below += 1.0L / z;
  const long double w = 1.0L / (z * z);
  const long double tail = w * (1.0L / 12 - w * (1.0L / 120 - w * (1.0L / 252 - w * (1.0L / 240 - w / 132))));
  return static_cast<double>(std::log(z) - 0.5L / z - tail - below);
}
double trigamma_double(double x) {
  if (x < 0.0) {
    const long double r = x - std::nearbyint(x), pi = 3.14159265358979323846264338328L, s = pi / std::sin(pi * r);
    return static_cast<double>(s * s - trigamma_double(-x) + 1.0L / (static_cast<long double>(x) * x));
  }
  long double z = x, below = 0.0L;
  for (; z < 20.0L; z += 1.0L) below += 1.0L / (z * z);
  const long double w = 1.0L / (z * z);
  const long double tail = w / z * (1.0L / 6 - w * (1.0L / 30 - w * (1.0L / 42 - w * (1.0L / 30 - w * 5 / 66))));
  return static_cast<double>(below + 1.0L / z + 0.5L * w + tail);
}

// std::lgamma writes the sign to a global variable, and here several threads call it.
double lgamma_double(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

double lgamma_scale(double x) { return x < 0.0 ? std::fmax(1.0, lgamma_double(1.0 - x)) : 0.0; }
double digamma_scale(double x) { return x < 0.0 ? std::fmax(1.0, std::log(1.0 - x)) : 1.0; }

#define PERDITA_ROW(name, exact, libm, bound_float, bound_double, scale)                                          \
  {                                                                                                               \
#name, name##_kernel::apply < float>, name##_kernel::apply < double>, exact, libm, bound_float, bound_double, \
        scale                                                                                                     \
  }

const Function table[] = {
    PERDITA_ROW(exp, exact_exp, std::exp, 2, 2, nullptr),
    PERDITA_ROW(expm1, exact_expm1, std::expm1, 2, 2, nullptr),
    PERDITA_ROW(log, exact_log, std::log, 2, 2, nullptr),
    PERDITA_ROW(log1p, exact_log1p, std::log1p, 2, 2, nullptr),
    PERDITA_ROW(sigmoid, exact_sigmoid, sigmoid_double, 2, 2, nullptr),
    PERDITA_ROW(log_sigmoid, exact_log_sigmoid, log_sigmoid_double, 2, 2, nullptr),
    PERDITA_ROW(softplus, exact_softplus, softplus_of_infinity, 2, 2, nullptr),
    PERDITA_ROW(tanh, exact_tanh, std::tanh, 2, 2, nullptr),
    PERDITA_ROW(log_cosh, exact_log_cosh, log_cosh_double, 2, 2, nullptr),
    PERDITA_ROW(expm1_minus_x, exact_expm1_minus_x, expm1_minus_x_double, 4, 4, nullptr),
    PERDITA_ROW(log1p_minus_x, exact_log1p_minus_x, log1p_minus_x_double, 4, 4, nullptr),
    PERDITA_ROW(erf, exact_erf, std::erf, 2, 2, nullptr),
    PERDITA_ROW(lgamma, exact_lgamma, lgamma_double, 2, 8, lgamma_scale),
    PERDITA_ROW(digamma, exact_digamma, digamma_double, 2, 10, digamma_scale),
    PERDITA_ROW(trigamma, exact_trigamma, trigamma_double, 2, 8, nullptr),
    PERDITA_ROW(sqrt, exact_sqrt, std::sqrt, 0.5, 0.5, nullptr),
    PERDITA_ROW(
        square, exact_square, [](double x) { return x * x; }, 0.5, 0.5, nullptr),
    PERDITA_ROW(
        pow_reciprocal, exact_power<-4>, [](double x) { return 1.0 / x; }, 0.5, 0.5, nullptr),
    PERDITA_ROW(
        pow_half, exact_power<2>, [](double x) { return std::pow(x, 0.5); }, 0.5, 0.5, nullptr),
    PERDITA_ROW(
        pow_minus_half, exact_power<-2>, [](double x) { return std::pow(x, -0.5); }, 2, 2, nullptr),
    PERDITA_ROW(
        pow_three_halves, exact_power<6>, [](double x) { return std::pow(x, 1.5); }, 2, 2, nullptr),
    PERDITA_ROW(
        pow_cube, exact_power<12>, [](double x) { return x * x * x; }, 2, 2, nullptr),
    PERDITA_ROW(
        pow_fourth, exact_power<16>, [](double x) { return x * x * x * x; }, 2, 2, nullptr),
    PERDITA_ROW(
        pow_1_75, exact_power<7>, [](double x) { return std::pow(x, 1.75); }, 2, 4, nullptr),
    PERDITA_ROW(
        pow_minus_2_5, exact_power<-10>, [](double x) { return std::pow(x, -2.5); }, 2, 4, nullptr),
};

}  // namespace

std::span<const Function> function_table() { return table; }

template <class T>
double ulp_error(T got, const mpfr_t exact, double scale) {
  using Limits = std::numeric_limits<T>;
  constexpr double different = std::numeric_limits<double>::infinity();
  if (mpfr_nan_p(exact)) return std::isnan(got) ? 0.0 : different;
  const bool same_sign = std::signbit(got) == (mpfr_signbit(exact) != 0);
  if (mpfr_inf_p(exact)) return std::isinf(got) && same_sign ? 0.0 : different;
  if (mpfr_zero_p(exact)) return got == 0 && same_sign ? 0.0 : different;
  if (std::isnan(got)) return different;
  long exponent = std::max<long>(mpfr_get_exp(exact), Limits::min_exponent);
  if (std::isinf(got)) {
    if (!same_sign) return different;
    if (exponent > Limits::max_exponent) return 0.0;
  }
  if (scale > 0.0) exponent = std::max<long>(exponent, std::ilogb(scale) + 1);
  mpfr_t difference;
  mpfr_init2(difference, 400);
  if (std::isinf(got))
    mpfr_set_si_2exp(difference, got > 0 ? 1 : -1, Limits::max_exponent, MPFR_RNDN);
  else
    mpfr_set_d(difference, got, MPFR_RNDN);
  mpfr_sub(difference, difference, exact, MPFR_RNDN);
  mpfr_mul_2si(difference, difference, Limits::digits - exponent, MPFR_RNDN);
  const double error = std::fabs(mpfr_get_d(difference, MPFR_RNDA));
  mpfr_clear(difference);
  return error;
}
template double ulp_error(float, const mpfr_t, double);
template double ulp_error(double, const mpfr_t, double);

}  // namespace perdita::test
