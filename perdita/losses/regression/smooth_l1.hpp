#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Absolute error, rounded off within beta of the target.
struct SmoothL1 {
  static constexpr LossInfo info{
      .name = "smooth_l1",
      .torch_name = "smooth_l1_loss",
      .family = Family::regression,
      .summary = "Absolute error beyond beta, a parabola within it; huber divided by beta.",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when = "box regression and other targets with outliers, where slopes should stay at one",
      .avoid_when = "large errors really are worse in proportion to their square (see mse)",
      .source = "Girshick, Fast R-CNN, ICCV 2015, eq. 3",
      .differences = "beta = 0 is l1, with gradient 0 at the target, as in PyTorch since 2.x"};
  static constexpr auto parameters() {
    return std::array{parameter<&SmoothL1::beta>("beta", "where the parabola meets the line", non_negative)};
  }

  double beta = 1.0;

  // As huber divided by beta: see there.
  auto operator()(auto y, auto t) const {
    const auto r = abs(y - t);
    const auto q = min(r, beta), e = max(r - beta, 0.0);
    return beta == 0.0 ? r : q * q * (0.5 / beta) + e;
  }
};

}  // namespace perdita
