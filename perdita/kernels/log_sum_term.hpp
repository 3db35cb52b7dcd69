// The part of a loss of a row that depends on the logarithm of the sum of the exponentials of its logits (z-loss). Its
// derivative with respect to a logit is that with respect to the logarithm, times the probability of the class.
#pragma once

#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

/// Whether a formula of rows has such a part.
template <class Formula>
PERDITA_INLINE bool has_log_sum_term(const Formula& formula) {
  if constexpr (requires { formula.z_loss; })
    return formula.z_loss > 0;
  else
    return false;
}

/// Value and derivative of the part; 0 for a formula without it.
template <class Formula, class P>
PERDITA_INLINE Dual<P> log_sum_term(const Formula& formula, const P& log_sum) {
  if constexpr (requires { formula.of_log_sum(Dual<P>{log_sum, P(1.0)}); }) {
    if (has_log_sum_term(formula)) return formula.of_log_sum(Dual<P>{log_sum, P(1.0)});
  }
  return Dual<P>{P(0.0), P(0.0)};
}

}  // namespace perdita::kernels
