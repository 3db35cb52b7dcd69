#include "perdita/rewriting/wide_interval.hpp"

#include <algorithm>
#include <numbers>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/rewriting/wide_functions.hpp"

namespace perdita::rewriting {

WideIntervals::WideIntervals(std::size_t count, int bits) {
  const std::size_t limbs = mpfr_custom_get_size(static_cast<mpfr_prec_t>(bits)) / sizeof(mp_limb_t);
  ends_ = std::make_unique<__mpfr_struct[]>(2 * count);
  limbs_ = std::make_unique<mp_limb_t[]>(2 * count * limbs);
  for (std::size_t i = 0; i < 2 * count; ++i) {
    mp_limb_t* const own = limbs_.get() + i * limbs;
    mpfr_custom_init(own, bits);
    mpfr_custom_init_set(&ends_[i], MPFR_NAN_KIND, 0, bits, own);
  }
}

void set(const WideInterval& out, double number) {
  mpfr_set_d(out.low, number, MPFR_RNDD);
  mpfr_set_d(out.high, number, MPFR_RNDU);
}
bool is_named_constant(double number) {
  return number == std::numbers::ln2 || number == std::numbers::pi || number == std::numbers::e;
}
void set_constant(const WideInterval& out, double number) {
  set(out, number == std::numbers::e ? 1.0 : number);
  for (const auto& [end, round] : {std::pair{out.low, MPFR_RNDD}, std::pair{out.high, MPFR_RNDU}}) {
    if (number == std::numbers::ln2) mpfr_const_log2(end, round);
    if (number == std::numbers::pi) mpfr_const_pi(end, round);
    if (number == std::numbers::e) mpfr_exp(end, end, round);
  }
}
void set(const WideInterval& out, const WideInterval& x) {
  mpfr_set(out.low, x.low, MPFR_RNDD);
  mpfr_set(out.high, x.high, MPFR_RNDU);
}
void set_unknown(const WideInterval& out) {
  mpfr_set_nan(out.low);
  mpfr_set_nan(out.high);
}

bool has_wide_form(Op op) { return op != Op::trigamma; }
bool is_unknown(const WideInterval& x) { return mpfr_nan_p(x.low) || mpfr_nan_p(x.high); }

bool has_bits(const WideInterval& x, int bits) {
  if (is_unknown(x)) return false;
  if (mpfr_equal_p(x.low, x.high)) return true;
  if (!mpfr_regular_p(x.low) || !mpfr_regular_p(x.high) || mpfr_sgn(x.low) != mpfr_sgn(x.high)) return false;
  mpfr_t width;
  mpfr_init2(width, 32);
  mpfr_sub(width, x.high, x.low, MPFR_RNDU);
  const bool is_narrow =
      mpfr_get_exp(width) <= std::min(mpfr_get_exp(x.low), mpfr_get_exp(x.high)) - static_cast<mpfr_exp_t>(bits);
  mpfr_clear(width);
  return is_narrow;
}

bool overlap(const WideInterval& a, const WideInterval& b) {
  return mpfr_lessequal_p(a.low, b.high) && mpfr_lessequal_p(b.low, a.high);
}

namespace {

/// log(x / y) of x, y > 0 = log1p((x - y) / y), without cancellation where x is near y.
int log_ratio(mpfr_ptr out, mpfr_srcptr x, mpfr_srcptr y, mpfr_rnd_t round) {
  mpfr_sub(out, x, y, round);
  mpfr_div(out, out, y, round);
  return mpfr_log1p(out, out, round);
}

using BinaryFunction = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);

/// An operation that is monotonic in each operand: its extremes are at the corners.
void at_corners(const WideInterval& out, const WideInterval& x, const WideInterval& y, BinaryFunction f) {
  Scratch low(out.low), high(out.low), corner(out.low);
  bool is_first = true;
  for (const mpfr_srcptr a : {x.low, x.high}) {
    for (const mpfr_srcptr b : {y.low, y.high}) {
      f(corner, a, b, MPFR_RNDD);
      if (mpfr_nan_p(corner.value)) return set_unknown(out);
      if (is_first || mpfr_less_p(corner, low)) mpfr_set(low, corner, MPFR_RNDD);
      f(corner, a, b, MPFR_RNDU);
      if (is_first || mpfr_greater_p(corner, high)) mpfr_set(high, corner, MPFR_RNDU);
      is_first = false;
    }
  }
  mpfr_set(out.low, low, MPFR_RNDD);
  mpfr_set(out.high, high, MPFR_RNDU);
}

/// f(x.low, first) .. f(x.high, second), where out may be x or y.
void at_two_corners(const WideInterval& out, const WideInterval& x, mpfr_srcptr first, mpfr_srcptr second,
                    BinaryFunction f) {
  Scratch low(out.low);
  f(low, x.low, first, MPFR_RNDD);
  f(out.high, x.high, second, MPFR_RNDU);
  mpfr_set(out.low, low, MPFR_RNDD);
}

void multiply(const WideInterval& out, const WideInterval& x, const WideInterval& y) {
  if (mpfr_sgn(x.low) > 0 && mpfr_sgn(y.low) > 0) return at_two_corners(out, x, y.low, y.high, mpfr_mul);
  at_corners(out, x, y, mpfr_mul);
}

void divide(const WideInterval& out, const WideInterval& x, const WideInterval& y) {
  if (contains_zero(y)) return set_unknown(out);
  if (mpfr_sgn(x.low) > 0 && mpfr_sgn(y.low) > 0) return at_two_corners(out, x, y.high, y.low, mpfr_div);
  at_corners(out, x, y, mpfr_div);
}

/// Of a base above 0, or of exact operands, or of a base other than 0 and a whole exponent.
void power(const WideInterval& out, const WideInterval& x, const WideInterval& y) {
  const bool is_whole = is_exact(y) && mpfr_integer_p(y.low);
  if (is_exact(x) && mpfr_zero_p(x.low) && mpfr_sgn(y.low) < 0) return set_unknown(out);  // a pole
  if (mpfr_sgn(x.low) <= 0 && !(is_exact(x) && is_exact(y)) && !(is_whole && !contains_zero(x))) {
    return set_unknown(out);
  }
  if (is_exact(y) && mpfr_cmp_d(y.low, 0.5) == 0 && mpfr_sgn(x.low) >= 0) return apply_function(Op::sqrt, out, x);
  if (is_exact(y) && mpfr_sgn(y.low) > 0 && mpfr_sgn(x.low) > 0) return at_two_corners(out, x, y.low, y.low, mpfr_pow);
  at_corners(out, x, y, mpfr_pow);
}

void product_with_log(const WideInterval& out, const WideInterval& x, const WideInterval& y) {
  if (is_exact(x) && mpfr_zero_p(x.low)) return set(out, 0.0);
  Scratch low(out.low), high(out.low);
  const WideInterval log_of_y{low, high};
  apply_function(Op::log, log_of_y, y);
  if (is_unknown(log_of_y)) return set_unknown(out);
  multiply(out, x, log_of_y);
}

void logarithm_of_ratio(const WideInterval& out, const WideInterval& x, const WideInterval& y) {
  if (mpfr_sgn(x.low) <= 0 || mpfr_sgn(y.low) <= 0) return set_unknown(out);
  at_two_corners(out, x, y.high, y.low, log_ratio);
}

void hypotenuse(const WideInterval& out, const WideInterval& x, const WideInterval& y) {
  WideIntervals sizes(2, static_cast<int>(mpfr_get_prec(x.low)));
  apply_function(Op::abs, sizes[0], x);
  apply_function(Op::abs, sizes[1], y);
  at_two_corners(out, sizes[0], sizes[1].low, sizes[1].high, mpfr_hypot);
}

/// -1: not known.
int compared(Op op, const WideInterval& x, const WideInterval& y) {
  const bool below = mpfr_less_p(x.high, y.low), above = mpfr_greater_p(x.low, y.high);
  const bool not_above = mpfr_lessequal_p(x.high, y.low), not_below = mpfr_greaterequal_p(x.low, y.high);
  const auto decided = [](bool yes, bool no) { return yes ? 1 : no ? 0 : -1; };
  switch (op) {
    case Op::less:
      return decided(below, not_below);
    case Op::less_equal:
      return decided(not_above, above);
    case Op::greater:
      return decided(above, not_above);
    case Op::greater_equal:
      return decided(not_below, below);
    case Op::equal:
      return decided(not_above && not_below, below || above);
    default:
      return decided(below || above, not_above && not_below);
  }
}

/// -1: not known.
int connected(Op op, const WideInterval& x, const WideInterval& y) {
  const int a = truth_of(x), b = truth_of(y);
  if (op == Op::logical_and) return a == 0 || b == 0 ? 0 : a < 0 || b < 0 ? -1 : 1;
  return a == 1 || b == 1 ? 1 : a < 0 || b < 0 ? -1 : 0;
}

void set_decision(const WideInterval& out, int decision) {
  return decision < 0 ? set_unknown(out) : set_truth(out, decision == 1);
}

void apply_binary(Op op, const WideInterval& out, const WideInterval& x, const WideInterval& y) {
  switch (op) {
    case Op::min:
    case Op::clamp_max:
      mpfr_min(out.low, x.low, y.low, MPFR_RNDD);
      mpfr_min(out.high, x.high, y.high, MPFR_RNDU);
      return;
    case Op::max:
    case Op::clamp_min:
      mpfr_max(out.low, x.low, y.low, MPFR_RNDD);
      mpfr_max(out.high, x.high, y.high, MPFR_RNDU);
      return;
    case Op::add:
      mpfr_add(out.low, x.low, y.low, MPFR_RNDD);
      mpfr_add(out.high, x.high, y.high, MPFR_RNDU);
      return;
    case Op::subtract: {
      Scratch low(out.low);
      mpfr_sub(low, x.low, y.high, MPFR_RNDD);
      mpfr_sub(out.high, x.high, y.low, MPFR_RNDU);
      mpfr_set(out.low, low, MPFR_RNDD);
      return;
    }
    case Op::multiply:
      return multiply(out, x, y);
    case Op::divide:
      return divide(out, x, y);
    case Op::pow:
      return power(out, x, y);
    case Op::xlogy:
      return product_with_log(out, x, y);
    case Op::log_ratio:
      return logarithm_of_ratio(out, x, y);
    case Op::hypot:
      return hypotenuse(out, x, y);
    case Op::flip_sign: {
      if (mpfr_signbit(y.low) != mpfr_signbit(y.high)) return set_unknown(out);
      return mpfr_signbit(y.low) ? apply_function(Op::negate, out, x) : set(out, x);
    }
    case Op::logical_and:
    case Op::logical_or:
      return set_decision(out, connected(op, x, y));
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
    case Op::equal:
    case Op::not_equal:
      return set_decision(out, compared(op, x, y));
    default:
      fail<ValueError>("stabilize: {} is not supported", name_of(op));
  }
}

/// Operations that do not need all of their operands. Whether this is one.
bool apply_choice(Op op, const WideInterval& out, std::span<const WideInterval> x) {
  if (op != Op::select && op != Op::zero_unless) return false;
  const int truth = truth_of(x[0]);
  if (truth < 0)
    set_unknown(out);
  else if (op == Op::select)
    set(out, x[truth == 1 ? 1 : 2]);
  else if (truth == 1)
    set(out, x[1]);
  else
    set(out, 0.0);
  return true;
}

}  // namespace

void apply(Op op, const WideInterval& out, std::span<const WideInterval> operands) {
  if (apply_choice(op, out, operands)) return;
  for (const WideInterval& operand : operands) {
    if (is_unknown(operand)) return set_unknown(out);
  }
  if (operands.size() == 1)
    apply_function(op, out, operands[0]);
  else
    apply_binary(op, out, operands[0], operands[1]);
  if (is_unknown(out)) set_unknown(out);
}

}  // namespace perdita::rewriting
