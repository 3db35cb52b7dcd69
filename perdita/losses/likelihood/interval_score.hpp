#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/dual.hpp"

namespace perdita {

/// Score of a prediction interval: its width, and a penalty where the target is outside.
struct IntervalScore {
  static constexpr LossInfo info{
      .name = "interval_score",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::value).named("lower"), prediction(Meaning::value).named("upper"),
                   target(Meaning::value), loss_weight_operand},
      .summary = "upper - lower, plus 2 / alpha times the distance of the target to the interval where it is outside.",
      .variables = "lower, upper: ends of an interval that should hold 1 - alpha of the targets; t: target",
      .traits = Trait::convex | Trait::lipschitz,
      .use_when = "an interval is predicted directly; the best ends are the quantiles alpha / 2 and 1 - alpha / 2",
      .avoid_when = "more than two quantiles, or quantiles at other levels, are needed (see quantile)",
      .source =
          "Gneiting and Raftery, Strictly proper scoring rules, prediction, and estimation, JASA 102, 2007, eq. 43",
      .differences =
          "2 / alpha times the sum of quantile at both ends; scoringrules: the same. Negative where lower "
          "exceeds upper by more than the penalty"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&IntervalScore::alpha>("alpha", "share of the targets that should be outside of the interval",
                                         Interval{.low = 0, .high = 1, .includes_low = false, .includes_high = false})};
  }

  double alpha = 0.1;

  auto operator()(auto lower, auto upper, auto t) const {
    return (upper - lower) + (2.0 / alpha) * (clamp_min(lower - t, 0.0) + clamp_min(t - upper, 0.0));
  }
};

}  // namespace perdita
