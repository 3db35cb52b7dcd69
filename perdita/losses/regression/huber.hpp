#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Quadratic near the target, linear beyond delta: least squares that forgives outliers.
struct Huber {
  static constexpr LossInfo info{
      .name = "huber",
      .torch_name = "huber_loss",
      .family = Family::regression,
      .summary = "Squared error within delta of the target, absolute error beyond it.",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when = "errors are normal but for a few outliers; delta is the size of error you still trust",
      .avoid_when = "you cannot say what a large error is (see l1, which has no scale)",
      .source = "Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35, 1964, section 2",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{parameter<&Huber::delta>("delta", "where the parabola meets its tangent", positive)};
  }

  double delta = 1.0;

  // r = q + e, what delta holds and what exceeds it: q^2 / 2 + delta e. Each has a slope of its own, so that none
  // cancels and no product of an infinite residual with a zero derivative arises; at r = delta each gives half.
  auto operator()(auto y, auto t) const {
    const auto r = abs(y - t);
    const auto q = min(r, delta), e = max(r - delta, 0.0);
    return 0.5 * q * q + delta * e;
  }
};

}  // namespace perdita
