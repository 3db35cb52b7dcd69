// References in multiple precision for what MPFR has no function for, and for what it has.
#pragma once

#include <mpfr.h>

namespace perdita::test {

#define PERDITA_MPFR(name) \
  inline void exact_##name(mpfr_t y, const mpfr_t x) { mpfr_##name(y, x, MPFR_RNDN); }
PERDITA_MPFR(exp)
PERDITA_MPFR(expm1)
PERDITA_MPFR(log)
PERDITA_MPFR(log1p)
PERDITA_MPFR(tanh)
PERDITA_MPFR(erf)
PERDITA_MPFR(sqrt)
#undef PERDITA_MPFR

inline void exact_square(mpfr_t y, const mpfr_t x) { mpfr_sqr(y, x, MPFR_RNDN); }
void exact_sigmoid(mpfr_t y, const mpfr_t x);
void exact_softplus(mpfr_t y, const mpfr_t x);
void exact_log_sigmoid(mpfr_t y, const mpfr_t x);
void exact_log_cosh(mpfr_t y, const mpfr_t x);
void exact_expm1_minus_x(mpfr_t y, const mpfr_t x);
void exact_log1p_minus_x(mpfr_t y, const mpfr_t x);
void exact_lgamma(mpfr_t y, const mpfr_t x);
void exact_digamma(mpfr_t y, const mpfr_t x);
void exact_trigamma(mpfr_t y, const mpfr_t x);
/// x to the power of `exponent`, a double.
void exact_pow(mpfr_t y, const mpfr_t x, double exponent);
template <int quarters>
void exact_power(mpfr_t y, const mpfr_t x) {
  exact_pow(y, x, 0.25 * quarters);
}

}  // namespace perdita::test
