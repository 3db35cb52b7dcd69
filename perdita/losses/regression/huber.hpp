#pragma once

#include <array>
#include <cmath>

#include "perdita/losses/info.hpp"
#include "perdita/math/dual.hpp"

namespace perdita {

/// Quadratic near the target, linear beyond delta: least squares with bounded gradients of outliers.
struct Huber {
  static constexpr LossInfo info{
      .name = "huber",
      .torch_name = "huber_loss",
      .family = Family::regression,
      .operands = {prediction(Meaning::value), target(Meaning::value).not_deciding_dtype(), element_weight_operand},
      .summary = "Squared error within delta of the target, absolute error beyond it.",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when =
          "errors are normally distributed except for a few outliers; delta is the largest error that is not an "
          "outlier",
      .avoid_when = "it is unknown how large an outlier is (see l1, which has no scale parameter)",
      .source = "Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35, 1964, section 2",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{parameter<&Huber::delta>(
        "delta", "absolute error at which the loss becomes linear; inf is half the squared error", positive,
        Infinite::allowed)};
  }

  double delta = 1.0;

  // r = q + e, the part within delta and the excess e > 0: q^2 / 2 + delta e. Each has its own derivative, so that none
  // cancels and no product of an infinite residual with a zero derivative arises; at |r| = delta each gives half.
  auto operator()(auto y, auto t) const {
    const auto r = y - t;
    if (std::isinf(delta)) return 0.5 * r * r;
    const auto size = abs(r), q = within(r, size, delta);
    return 0.5 * q * q + delta * max(size - delta, 0.0);
  }

  /// The part of a residual within delta, as a factor of its square; size = |r|. The part of the size is sufficient for
  /// a value and a first derivative, and faster; second derivatives at 0 need its sign.
  template <class R>
  static R within(const R& r, const R& size, double delta) {
    if constexpr (detail::ends_with_first_derivative<R>)
      return min(size, delta);
    else
      return max(min(r, delta), -delta);
  }
};

}  // namespace perdita
