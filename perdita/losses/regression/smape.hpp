#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/dual.hpp"

namespace perdita {

/// Absolute error as a fraction of the mean of |y| and |t|.
struct Smape {
  static constexpr LossInfo info{
      .name = "smape",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary = "2 |y - t| / max(|y| + |t|, eps), from 0 to 2; 0 where both are 0.",
      .traits = Trait::lipschitz | Trait::never_negative,
      .use_when = "forecasts are compared by this measure (M3, M4), and targets may be 0",
      .avoid_when =
          "predictions may have the wrong sign: the loss is then 2 and its gradient 0; or the measure need not be this "
          "one (msle is smooth and has no flat part)",
      .source = "Makridakis, Accuracy measures, Int. J. Forecasting 9, 1993; M4 competition",
      .differences =
          "a fraction, as in torchmetrics; the M4 competition multiplies by 100. Some definitions lack the factor 2"};
  static constexpr auto parameters() {
    return std::array{parameter<&Smape::eps>("eps", "minimum of |y| + |t| as the denominator", positive)};
  }

  double eps = 1e-7;

  // The derivative of the quotient cancels where y is far from t. Where the signs are equal it is 4 |t| / (|y| +
  // |t|)^2.
  auto operator()(auto y, auto t) const {
    return with_slope(
        y, [=, this](auto x) { return 2.0 * abs(x - t) / max(abs(x) + abs(t), eps); },
        [=, this](auto x) {
          const auto size = abs(x) + abs(t);
          const auto is_flat = ((x < 0.0) & (t > 0.0)) | ((x > 0.0) & (t < 0.0));
          const auto alike = select(x == 0.0, 2.0 / size, (4.0 / size) * (abs(t) / size));
          return sign(x - t) * select(size <= eps, 2.0 / eps, select(is_flat, 0.0, alike));
        });
  }
};

}  // namespace perdita
