#pragma once

#include <array>
#include <cmath>

#include "perdita/losses/info.hpp"
#include "perdita/losses/regression/huber.hpp"

namespace perdita {

/// Absolute error, smoothed within beta of the target.
struct SmoothL1 {
  static constexpr LossInfo info{
      .name = "smooth_l1",
      .torch_name = "smooth_l1_loss",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary = "Absolute error beyond beta, a parabola within it; huber divided by beta.",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when = "targets have outliers, as in box regression, and the gradient of large errors should be 1 or -1",
      .avoid_when = "the cost of large errors grows with their square (see mse)",
      .source = "Girshick, Fast R-CNN, ICCV 2015, eq. 3",
      .differences = "beta = 0 is l1, with gradient 0 at the target, as in PyTorch since 2.x"};
  static constexpr auto parameters() {
    return std::array{parameter<&SmoothL1::beta>("beta", "absolute error at which the loss becomes linear",
                                                 non_negative, Infinite::allowed)};
  }

  double beta = 1.0;

  // As huber divided by beta: see there. q^2 would underflow before the division; 0.5 / beta overflows for the smallest
  // beta, so the division has two steps there.
  auto operator()(auto y, auto t) const {
    const auto r = y - t;
    if (beta == 0.0) return abs(r);
    if (std::isinf(beta)) return 0.0 * r;
    const auto size = abs(r), q = Huber::within(r, size, beta), e = max(size - beta, 0.0);
    if (beta < 0x1p-1000) return (q * 0x1p60) * (0.5 / (beta * 0x1p60)) * q + e;
    return q * (0.5 / beta) * q + e;
  }
};

}  // namespace perdita
