#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// Absolute error: its minimiser is the conditional median.
struct L1 {
  static constexpr LossInfo info{
      .name = "l1",
      .torch_name = "l1_loss",
      .family = Family::regression,
      .operands = {prediction(Meaning::value), target(Meaning::value), element_weight_operand},
      .summary = "Absolute error, |y - t|.",
      .mean = Normalize::weight_sum,
      .traits = Trait::convex | Trait::lipschitz | Trait::symmetric | Trait::never_negative,
      .use_when = "a few targets are outliers, or the conditional median is needed",
      .avoid_when = "the gradient should become small near the target (see smooth_l1, huber)",
      .source = "Boscovich 1757; Koenker and Bassett, Regression quantiles, Econometrica 46, 1978, eq. 2.1 at 1/2",
      .differences = ""};

  auto operator()(auto y, auto t) const { return abs(y - t); }
};

}  // namespace perdita
