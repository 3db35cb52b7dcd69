#include "perdita/rewriting/wide_functions.hpp"

#include <algorithm>

#include "perdita/core/error.hpp"

namespace perdita::rewriting {

namespace {

/// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
int softplus(mpfr_ptr out, mpfr_srcptr x, mpfr_rnd_t round) {
  Scratch tail(out);
  if (mpfr_sgn(x) > 0)
    mpfr_neg(tail, x, round);
  else
    mpfr_set(tail, x, round);
  mpfr_exp(tail, tail, round);
  mpfr_log1p(tail, tail, round);
  return mpfr_sgn(x) > 0 ? mpfr_add(out, tail, x, round) : mpfr_set(out, tail, round);
}

/// Of x > 0: log1p(2 sinh(x/2)^2) below 1, and x + log1p(exp(-2 x)) - log 2 above, which would cancel near 0.
int log_cosh(mpfr_ptr out, mpfr_srcptr x, mpfr_rnd_t round) {
  Scratch y(out);
  if (mpfr_cmp_ui(x, 1) < 0) {
    mpfr_div_ui(y, x, 2, round);
    mpfr_sinh(y, y, round);
    mpfr_sqr(y, y, round);
    mpfr_mul_ui(y, y, 2, round);
    return mpfr_log1p(out, y, round);
  }
  mpfr_mul_si(y, x, -2, round);
  mpfr_exp(y, y, round);
  mpfr_log1p(y, y, round);
  mpfr_add(out, y, x, round);
  mpfr_const_log2(y, opposite(round));
  return mpfr_sub(out, out, y, round);
}

/// The bits that x - f(x) loses where f(x) is x and smaller terms: about as many as x has zeros after its point.
mpfr_prec_t bits_with_cancellation(mpfr_srcptr out, mpfr_srcptr x) {
  constexpr mpfr_exp_t most = 1100;
  const mpfr_exp_t zeros = mpfr_regular_p(x) ? std::clamp<mpfr_exp_t>(-mpfr_get_exp(x), 0, most) : 0;
  return mpfr_get_prec(out) + zeros + 8;
}

int expm1_minus_x(mpfr_ptr out, mpfr_srcptr x, mpfr_rnd_t round) {
  if (mpfr_inf_p(x)) return mpfr_abs(out, x, round);
  Scratch y(bits_with_cancellation(out, x));
  mpfr_expm1(y, x, round);
  return mpfr_sub(out, y, x, round);
}

/// x - log(1 + x), which has its minimum at 0.
int x_minus_log1p(mpfr_ptr out, mpfr_srcptr x, mpfr_rnd_t round) {
  if (mpfr_inf_p(x)) return mpfr_set(out, x, round);
  Scratch y(bits_with_cancellation(out, x));
  mpfr_log1p(y, x, opposite(round));
  return mpfr_sub(out, x, y, round);
}

int log_gamma(mpfr_ptr out, mpfr_srcptr x, mpfr_rnd_t round) {
  int sign_of_gamma = 0;
  return mpfr_lgamma(out, &sign_of_gamma, x, round);
}

using Function = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

void increasing(const WideInterval& out, const WideInterval& x, Function f) {
  f(out.low, x.low, MPFR_RNDD);
  f(out.high, x.high, MPFR_RNDU);
}

/// Bounds the change of an increasing function over a short interval: `rise` is at least f(x.high) - f(x.low), for its
/// `width` of at most 1/2. `value` is at least f(x.low).
using Rise = void (*)(mpfr_ptr rise, const WideInterval& x, mpfr_srcptr value, mpfr_srcptr width);

void rise_of_exp(mpfr_ptr rise, const WideInterval&, mpfr_srcptr value, mpfr_srcptr width) {
  mpfr_mul(rise, value, width, MPFR_RNDU);  // exp(w) - 1 <= 2 w
  mpfr_mul_2ui(rise, rise, 1, MPFR_RNDU);
}
void rise_of_expm1(mpfr_ptr rise, const WideInterval& x, mpfr_srcptr value, mpfr_srcptr width) {
  mpfr_add_ui(rise, value, 1, MPFR_RNDU);
  rise_of_exp(rise, x, rise, width);
}
void rise_of_log(mpfr_ptr rise, const WideInterval& x, mpfr_srcptr, mpfr_srcptr width) {
  mpfr_div(rise, width, x.low, MPFR_RNDU);
}
void rise_of_log1p(mpfr_ptr rise, const WideInterval& x, mpfr_srcptr, mpfr_srcptr width) {
  mpfr_add_ui(rise, x.low, 1, MPFR_RNDD);
  mpfr_div(rise, width, rise, MPFR_RNDU);
}
void rise_of_tanh(mpfr_ptr rise, const WideInterval&, mpfr_srcptr, mpfr_srcptr width) {
  mpfr_set(rise, width, MPFR_RNDU);
}
void rise_of_erf(mpfr_ptr rise, const WideInterval&, mpfr_srcptr, mpfr_srcptr width) {
  mpfr_mul_2ui(rise, width, 1, MPFR_RNDU);
}

/// An increasing function that MPFR rounds correctly, which takes most of the time. It is called once, if the interval
/// is a number, or so short that the change of the function is negligible.
void increasing_once(const WideInterval& out, const WideInterval& x, Function f, Rise bound) {
  if (is_exact(x)) {
    const bool is_rounded = f(out.low, x.low, MPFR_RNDD) != 0;
    mpfr_set(out.high, out.low, MPFR_RNDU);
    if (is_rounded) mpfr_nextabove(out.high);
    return;
  }
  constexpr mpfr_prec_t bits_of_rise = 64;
  Scratch width(bits_of_rise), rise(bits_of_rise), low(out.low);
  mpfr_sub(width, x.high, x.low, MPFR_RNDU);
  f(low, x.low, MPFR_RNDD);
  if (!mpfr_regular_p(low.value) || !mpfr_regular_p(width.value) || mpfr_get_exp(width.value) >= -1)
    return increasing(out, x, f);
  Scratch high(out.low);
  mpfr_set(high, low, MPFR_RNDU);
  mpfr_nextabove(high);
  bound(rise, x, high, width);
  if (mpfr_regular_p(rise.value) && mpfr_get_exp(rise.value) > mpfr_get_exp(low.value) - mpfr_get_prec(low.value) / 2)
    return increasing(out, x, f);
  mpfr_add(out.high, high, rise, MPFR_RNDU);
  mpfr_set(out.low, low, MPFR_RNDD);
}

void exponential(const WideInterval& out, const WideInterval& x) { increasing_once(out, x, mpfr_exp, rise_of_exp); }
void logarithm(const WideInterval& out, const WideInterval& x) { increasing_once(out, x, mpfr_log, rise_of_log); }
void logarithm_1p(const WideInterval& out, const WideInterval& x) {
  increasing_once(out, x, mpfr_log1p, rise_of_log1p);
}

void negated(const WideInterval& out, const WideInterval& x) {
  Scratch low(out.low);
  mpfr_neg(low, x.high, MPFR_RNDD);
  mpfr_neg(out.high, x.low, MPFR_RNDU);
  mpfr_set(out.low, low, MPFR_RNDD);
}

/// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
void softplus_of(const WideInterval& out, const WideInterval& x) {
  if (mpfr_sgn(x.high) <= 0) {
    exponential(out, x);
    return logarithm_1p(out, out);
  }
  if (mpfr_sgn(x.low) < 0) return increasing(out, x, softplus);
  Scratch low(out.low), high(out.low);
  const WideInterval tail{low, high};
  negated(tail, x);
  exponential(tail, tail);
  logarithm_1p(tail, tail);
  mpfr_add(out.low, tail.low, x.low, MPFR_RNDD);
  mpfr_add(out.high, tail.high, x.high, MPFR_RNDU);
}

void log_sigmoid_of(const WideInterval& out, const WideInterval& x) {
  negated(out, x);
  softplus_of(out, out);
  negated(out, out);
}

/// 1 / (1 + exp(-x)).
void sigmoid_of(const WideInterval& out, const WideInterval& x) {
  negated(out, x);
  exponential(out, out);
  Scratch low(out.low);
  mpfr_add_ui(low, out.high, 1, MPFR_RNDU);
  mpfr_ui_div(low, 1, low, MPFR_RNDD);
  mpfr_add_ui(out.high, out.low, 1, MPFR_RNDD);
  mpfr_ui_div(out.high, 1, out.high, MPFR_RNDU);
  mpfr_set(out.low, low, MPFR_RNDD);
}

/// A function of |x| that increases and is 0 at 0.
void even(const WideInterval& out, const WideInterval& x, Function f) {
  Scratch near(out.low), far(out.low);
  mpfr_abs(near, x.low, MPFR_RNDD);
  mpfr_abs(far, x.high, MPFR_RNDU);
  if (mpfr_greater_p(near, far)) mpfr_swap(near, far);
  if (contains_zero(x)) mpfr_set_zero(near, 1);
  f(out.low, near, MPFR_RNDD);
  f(out.high, far, MPFR_RNDU);
}

/// A function that falls up to 0, where it is 0, and rises above.
void valley(const WideInterval& out, const WideInterval& x, Function f) {
  if (mpfr_sgn(x.low) >= 0) return increasing(out, x, f);
  Scratch low(out.low), high(out.low);
  if (mpfr_sgn(x.high) < 0)
    f(low, x.high, MPFR_RNDD);
  else
    mpfr_set_zero(low, 1);
  f(high, x.low, MPFR_RNDU);
  if (mpfr_sgn(x.high) > 0) {
    f(out.high, x.high, MPFR_RNDU);
    mpfr_max(high, high, out.high, MPFR_RNDU);
  }
  mpfr_set(out.low, low, MPFR_RNDD);
  mpfr_set(out.high, high, MPFR_RNDU);
}

/// Of x > 0; it falls up to 1.4616321..., and rises above.
void log_gamma_of(const WideInterval& out, const WideInterval& x) {
  if (mpfr_sgn(x.low) <= 0) return set_unknown(out);
  if (mpfr_cmp_d(x.low, 1.47) > 0) return increasing(out, x, log_gamma);
  if (mpfr_cmp_d(x.high, 1.46) > 0 && !is_exact(x)) return set_unknown(out);
  Scratch low(out.low);
  log_gamma(low, x.high, MPFR_RNDD);
  log_gamma(out.high, x.low, MPFR_RNDU);
  mpfr_set(out.low, low, MPFR_RNDD);
}

}  // namespace

void apply_function(Op op, const WideInterval& out, const WideInterval& x) {
  switch (op) {
    case Op::abs:
      return even(out, x, mpfr_abs);
    case Op::square:
      return even(out, x, mpfr_sqr);
    case Op::log_cosh:
      return even(out, x, [](mpfr_ptr y, mpfr_srcptr a, mpfr_rnd_t round) {
        return mpfr_zero_p(a) ? mpfr_set(y, a, round) : log_cosh(y, a, round);
      });
    case Op::sqrt:
      return increasing(out, x, mpfr_sqrt);
    case Op::exp:
      return exponential(out, x);
    case Op::expm1:
      return increasing_once(out, x, mpfr_expm1, rise_of_expm1);
    case Op::log:
      return logarithm(out, x);
    case Op::log1p:
      return logarithm_1p(out, x);
    case Op::sigmoid:
      return sigmoid_of(out, x);
    case Op::softplus:
      return softplus_of(out, x);
    case Op::log_sigmoid:
      return log_sigmoid_of(out, x);
    case Op::tanh:
      return increasing_once(out, x, mpfr_tanh, rise_of_tanh);
    case Op::expm1_minus_x:
      return valley(out, x, expm1_minus_x);
    case Op::log1p_minus_x:
      valley(out, x, x_minus_log1p);
      return negated(out, out);
    case Op::erf:
      return increasing_once(out, x, mpfr_erf, rise_of_erf);
    case Op::lgamma:
      return log_gamma_of(out, x);
    case Op::digamma:
      return mpfr_sgn(x.low) > 0 ? increasing(out, x, mpfr_digamma) : set_unknown(out);
    case Op::sign:
      return mpfr_sgn(x.low) == mpfr_sgn(x.high) ? set(out, mpfr_sgn(x.low)) : set_unknown(out);
    case Op::negate:
      return negated(out, x);
    case Op::logical_not: {
      const int truth = truth_of(x);
      return truth < 0 ? set_unknown(out) : set_truth(out, truth == 0);
    }
    default:
      fail<ValueError>("stabilize: {} is not supported", name_of(op));
  }
}

}  // namespace perdita::rewriting
