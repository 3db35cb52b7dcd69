#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/losses/regression/huber.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Half the squared error near the target and delta times the absolute error far from it, joined by a hyperbola.
struct PseudoHuber {
  static constexpr LossInfo info{
      .name = "pseudo_huber",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary = "delta^2 (sqrt(1 + ((y - t) / delta)^2) - 1): huber with derivatives of any order.",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when =
          "errors have outliers and the optimizer uses second derivatives, as Newton's method and gradient boosting do",
      .avoid_when = "a gradient of exactly delta is required for outliers (see huber)",
      .source =
          "Charbonnier et al., Deterministic edge-preserving regularization in computed imaging, IEEE Trans. Image "
          "Process. 6, 1997; SciPy, scipy.special.pseudo_huber",
      .differences =
          "as XGBoost's reg:pseudohubererror with huber_slope = delta; charbonnier with eps = delta is this loss "
          "divided by delta, plus delta"};
  static constexpr auto parameters() {
    return std::array{parameter<&PseudoHuber::delta>("delta", "absolute error around which the loss becomes linear",
                                                     Interval{.low = 1e-15, .high = 1e15})};
  }

  double delta = 1.0;

  // sqrt(1 + x^2) - 1 cancels near 0; it is x^2 / (1 + sqrt(1 + x^2)). r = c + e, as in charbonnier: the part that can
  // be squared, and the rest, for which the loss equals its asymptote.
  auto operator()(auto y, auto t) const {
    const auto r = y - t;
    if constexpr (detail::is_symbol<decltype(y - t)>) {
      return delta * delta * (sqrt(1.0 + square(r / delta)) - 1.0);
    } else {
      const double limit = 1e9 * delta;  // where the loss equals its asymptote to the last bit of double
      const auto size = abs(r), c = Huber::within(r, size, limit);
      const auto x = c * (1.0 / delta);
      return delta * (c * (x / (1.0 + sqrt(1.0 + x * x))) + max(size - limit, 0.0));
    }
  }
};

}  // namespace perdita
