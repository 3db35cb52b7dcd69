#include "math/mpfr_functions.hpp"

namespace perdita::test {
namespace {

/// A temporary of 300 bits: enough guard bits for what cancels below.
struct Number {
  mpfr_t raw;
  Number() { mpfr_init2(raw, 300); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  ~Number() { mpfr_clear(raw); }
  operator mpfr_ptr() { return raw; }
};

/// log(1 + e^-|x|).
void log1p_exp_minus_abs(mpfr_t y, const mpfr_t x) {
  mpfr_abs(y, x, MPFR_RNDN);
  mpfr_neg(y, y, MPFR_RNDN);
  mpfr_exp(y, y, MPFR_RNDN);
  mpfr_log1p(y, y, MPFR_RNDN);
}

}  // namespace

void exact_sigmoid(mpfr_t y, const mpfr_t x) {
  Number e;
  mpfr_neg(e, x, MPFR_RNDN);
  mpfr_exp(e, e, MPFR_RNDN);
  mpfr_add_ui(e, e, 1, MPFR_RNDN);
  mpfr_ui_div(y, 1, e, MPFR_RNDN);
}

void exact_softplus(mpfr_t y, const mpfr_t x) {
  Number tail;
  log1p_exp_minus_abs(tail, x);
  if (mpfr_nan_p(x) || mpfr_sgn(x) <= 0)
    mpfr_set(y, tail, MPFR_RNDN);
  else
    mpfr_add(y, x, tail, MPFR_RNDN);
}

void exact_log_sigmoid(mpfr_t y, const mpfr_t x) {
  Number minus_x;
  mpfr_neg(minus_x, x, MPFR_RNDN);
  exact_softplus(y, minus_x);
  mpfr_neg(y, y, MPFR_RNDN);
}

// log1p(2 sinh(x/2)^2) does not cancel near 0, |x| + log1p(e^-2|x|) - log 2 does not overflow.
void exact_log_cosh(mpfr_t y, const mpfr_t x) {
  Number t;
  if (mpfr_nan_p(x) || mpfr_cmp_d(x, 100.0) > 0 || mpfr_cmp_d(x, -100.0) < 0) {
    mpfr_mul_ui(t, x, 2, MPFR_RNDN);
    log1p_exp_minus_abs(t, t);
    mpfr_abs(y, x, MPFR_RNDN);
    mpfr_add(t, y, t, MPFR_RNDN);
    Number log_2;
    mpfr_const_log2(log_2, MPFR_RNDN);
    mpfr_sub(y, t, log_2, MPFR_RNDN);
  } else {
    mpfr_div_ui(t, x, 2, MPFR_RNDN);
    mpfr_sinh(t, t, MPFR_RNDN);
    mpfr_sqr(t, t, MPFR_RNDN);
    mpfr_mul_ui(t, t, 2, MPFR_RNDN);
    mpfr_log1p(y, t, MPFR_RNDN);
  }
}

namespace {

/// f(x) - x, with bits for the cancellation of the smallest doubles.
void minus_x(mpfr_t y, const mpfr_t x, int (*f)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t)) {
  mpfr_t wide;
  mpfr_init2(wide, 2400);
  f(wide, x, MPFR_RNDN);
  mpfr_sub(y, wide, x, MPFR_RNDN);
  mpfr_clear(wide);
}

}  // namespace

void exact_expm1_minus_x(mpfr_t y, const mpfr_t x) {
  if (mpfr_inf_p(x))
    mpfr_set_inf(y, 1);
  else
    minus_x(y, x, mpfr_expm1);
}

// Ours has the sign of x at 0.
void exact_log1p_minus_x(mpfr_t y, const mpfr_t x) {
  if (mpfr_zero_p(x) || (mpfr_inf_p(x) && mpfr_sgn(x) > 0))
    mpfr_mul_si(y, x, mpfr_zero_p(x) ? 1 : -1, MPFR_RNDN);
  else
    minus_x(y, x, mpfr_log1p);
}

void exact_lgamma(mpfr_t y, const mpfr_t x) {
  int sign;
  mpfr_lgamma(y, &sign, x, MPFR_RNDN);
}

// Ours says -inf at +0 and +inf at -0, the limits from either side, where MPFR says NaN.
void exact_digamma(mpfr_t y, const mpfr_t x) {
  if (mpfr_zero_p(x))
    mpfr_set_inf(y, mpfr_signbit(x) ? 1 : -1);
  else
    mpfr_digamma(y, x, MPFR_RNDN);
}

// psi'(x) = psi'(x + n) + sum 1/(x+k)^2, up to where the asymptotic series 1/z + 1/(2z^2) + sum B_2k / z^(2k+1) gives
// 1e-25; on the left psi'(x) = pi^2 / sin(pi x)^2 - psi'(1 - x).
void exact_trigamma(mpfr_t y, const mpfr_t x) {
  if (mpfr_nan_p(x)) return mpfr_set_nan(y);
  if (mpfr_inf_p(x) && mpfr_sgn(x) > 0) return mpfr_set_zero(y, 1);
  if (mpfr_sgn(x) <= 0 && mpfr_integer_p(x)) return mpfr_set_inf(y, 1);
  if (mpfr_inf_p(x)) return mpfr_set_inf(y, 1);
  Number z, sum, term, power;
  if (mpfr_sgn(x) < 0) {
    mpfr_ui_sub(z, 1, x, MPFR_RNDN);
    exact_trigamma(sum, z);
    mpfr_rint(term, x, MPFR_RNDN);
    mpfr_sub(term, x, term, MPFR_RNDN);
    mpfr_const_pi(power, MPFR_RNDN);
    mpfr_mul(term, term, power, MPFR_RNDN);
    mpfr_sin(term, term, MPFR_RNDN);
    mpfr_div(term, power, term, MPFR_RNDN);
    mpfr_sqr(term, term, MPFR_RNDN);
    mpfr_sub(y, term, sum, MPFR_RNDN);
    return;
  }
  mpfr_set(z, x, MPFR_RNDN);
  mpfr_set_zero(sum, 1);
  for (; mpfr_cmp_ui(z, 60) < 0; mpfr_add_ui(z, z, 1, MPFR_RNDN)) {
    mpfr_sqr(term, z, MPFR_RNDN);
    mpfr_ui_div(term, 1, term, MPFR_RNDN);
    mpfr_add(sum, sum, term, MPFR_RNDN);
  }
  mpfr_ui_div(z, 1, z, MPFR_RNDN);
  mpfr_add(sum, sum, z, MPFR_RNDN);
  mpfr_sqr(power, z, MPFR_RNDN);
  mpfr_div_ui(term, power, 2, MPFR_RNDN);
  mpfr_add(sum, sum, term, MPFR_RNDN);
  const long bernoulli[][2] = {{1, 6}, {-1, 30}, {1, 42}, {-1, 30}, {5, 66}, {-691, 2730}, {7, 6}};
  mpfr_mul(term, power, z, MPFR_RNDN);
  for (const auto& [numerator, denominator] : bernoulli) {
    mpfr_mul_si(z, term, numerator, MPFR_RNDN);
    mpfr_div_si(z, z, denominator, MPFR_RNDN);
    mpfr_add(sum, sum, z, MPFR_RNDN);
    mpfr_mul(term, term, power, MPFR_RNDN);
  }
  mpfr_set(y, sum, MPFR_RNDN);
}

void exact_pow(mpfr_t y, const mpfr_t x, double exponent) {
  Number n;
  mpfr_set_d(n, exponent, MPFR_RNDN);
  mpfr_pow(y, x, n, MPFR_RNDN);
}

}  // namespace perdita::test
