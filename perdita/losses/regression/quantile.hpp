#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Absolute error with weight q for predictions that are too small and 1 - q for those that are too large; minimal at
/// the q-quantile.
struct Quantile {
  static constexpr LossInfo info{
      .name = "quantile",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary = "q (t - y) where the prediction y is too small, (1 - q) (y - t) where it is too large.",
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when =
          "an interval or a worst case should be predicted, or errors in one direction cost more; train one output per "
          "quantile, for example q = 0.05 and 0.95 for an interval of 90 %",
      .avoid_when = "the mean is needed (see mse)",
      .source = "Koenker and Bassett, Regression quantiles, Econometrica 46, 1978, eq. 2.1",
      .differences =
          "also called pinball loss; with q = 0.5, twice the loss is l1. Several quantiles at once: q=0.05/0.5/0.95 "
          "takes one output per quantile"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Quantile::q>("q", "fraction of targets that should be below the prediction",
                                Interval{.low = 0, .high = 1, .includes_low = false, .includes_high = false})};
  }

  double q = 0.5;

  auto operator()(auto y, auto t) const {
    const auto r = t - y;
    return q * max(r, 0.0) + (1.0 - q) * max(-r, 0.0);
  }
};

}  // namespace perdita
