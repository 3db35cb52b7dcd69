#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Squared error with weight tau for predictions that are too small and 1 - tau for those that are too large.
struct Expectile {
  static constexpr LossInfo info{
      .name = "expectile",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary = "tau (y - t)^2 where the prediction y is too small, (1 - tau) (y - t)^2 where it is too large.",
      .traits = Trait::convex | Trait::smooth | Trait::never_negative,
      .use_when =
          "errors in one direction cost more and large errors most, or a smooth alternative to quantiles is needed",
      .avoid_when =
          "the prediction should have a given probability of being exceeded (see quantile): an expectile has none that "
          "is the same for all distributions",
      .source = "Newey and Powell, Asymmetric least squares estimation and testing, Econometrica 55, 1987",
      .differences = "without a factor 1/2, so that tau = 0.5 is half of mse"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Expectile::tau>("tau", "weight of predictions that are too small",
                                   Interval{.low = 0, .high = 1, .includes_low = false, .includes_high = false})};
  }

  double tau = 0.5;

  auto operator()(auto y, auto t) const {
    const auto r = y - t;
    return select(r > 0.0, (1.0 - tau) * r, tau * r) * r;
  }
};

}  // namespace perdita
