#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/losses/regression/huber.hpp"

namespace perdita {

/// The absolute error with a smooth minimum: a hyperbola.
struct Charbonnier {
  static constexpr LossInfo info{
      .name = "charbonnier",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary = "sqrt((y - t)^2 + eps^2): the absolute error, smoothed within about eps of the target.",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when =
          "images or flow fields are reconstructed, and the discontinuous derivative of the absolute error at 0 is a "
          "problem",
      .avoid_when = "the loss of a perfect prediction must be 0 (here it is eps)",
      .source =
          "Charbonnier, Blanc-Feraud, Aubert and Barlaud, Two deterministic half-quadratic regularization algorithms "
          "for computed imaging, ICIP 1994; Barron, A general and adaptive robust loss function, CVPR 2019, alpha = 1",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{parameter<&Charbonnier::eps>("eps", "distance from the target within which the loss is smoothed",
                                                   Interval{.low = 1e-15, .high = 1e15})};
  }

  double eps = 1e-3;

  // r = c + e: the hyperbola of the part that can be squared, and the rest, for which it equals its asymptote.
  auto operator()(auto y, auto t) const {
    const auto r = y - t;
    const auto size = abs(r), c = Huber::within(r, size, 1e18), e = max(size - 1e18, 0.0);
    return sqrt(c * c + eps * eps) + e;
  }
};

}  // namespace perdita
