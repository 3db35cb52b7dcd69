// Functions of one interval, and what they share with operations on two.
#pragma once

#include "perdita/rewriting/wide_interval.hpp"

namespace perdita::rewriting {

/// A number for an intermediate result.
struct Scratch {
  explicit Scratch(mpfr_srcptr like) : Scratch(mpfr_get_prec(like)) {}
  explicit Scratch(mpfr_prec_t bits) { mpfr_init2(value, bits); }
  ~Scratch() { mpfr_clear(value); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  operator mpfr_ptr() { return value; }
  mpfr_t value;
};

inline mpfr_rnd_t opposite(mpfr_rnd_t round) { return round == MPFR_RNDD ? MPFR_RNDU : MPFR_RNDD; }
inline bool is_exact(const WideInterval& x) { return mpfr_equal_p(x.low, x.high); }
inline bool contains_zero(const WideInterval& x) { return mpfr_sgn(x.low) <= 0 && mpfr_sgn(x.high) >= 0; }

inline void set_truth(const WideInterval& out, bool truth) { set(out, truth ? 1.0 : 0.0); }

/// 1: not 0, 0: is 0, -1: not known.
inline int truth_of(const WideInterval& x) {
  if (is_unknown(x)) return -1;
  if (!contains_zero(x)) return 1;
  return is_exact(x) ? 0 : -1;
}

/// The interval of op(x), for an operation with one operand. `out` may be `x`.
void apply_function(Op op, const WideInterval& out, const WideInterval& x);

}  // namespace perdita::rewriting
