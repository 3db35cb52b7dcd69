#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Squared difference of the logarithms of 1 + y and 1 + t: relative errors of large numbers, absolute ones near 0.
struct Msle {
  static constexpr Interval above_minus_one{.low = -1, .includes_low = false};
  static constexpr LossInfo info{
      .name = "msle",
      .torch_name = "",
      .family = Family::regression,
      .operands =
          elementwise_operands(prediction(Meaning::value, above_minus_one), target(Meaning::value, above_minus_one)),
      .summary = "(log(1 + y) - log(1 + t))^2 for a prediction y and a target t above -1.",
      .traits = Trait::smooth | Trait::never_negative,
      .use_when =
          "targets are counts or amounts of several orders of magnitude, and a prediction of half the target is as bad "
          "as one of twice the target; the last layer must not return numbers below -1 (softplus, exp)",
      .avoid_when =
          "the total should be right (predictions are geometric means, which are too small: see poisson_nll, tweedie), "
          "or outputs may be -1 or less, where the loss is nan",
      .source = "scikit-learn, mean_squared_log_error; XGBoost, reg:squaredlogerror (half of it)",
      .differences =
          "Keras replaces inputs and targets below 1e-7 by 1e-7, where the gradient is 0; here negative "
          "numbers above -1 are valid"};

  // log((1 + high) / (1 + low)) of the larger and the smaller number, as log1p of their distance divided by 1 + low:
  // two logarithms cancel where the numbers are close. They do not where one is below 0 and the other above, where the
  // quotient may overflow. A number below -1 is nan by the second logarithm. The derivative of select is that of the
  // selected number, also at y = t, where that of max would be one half.
  auto operator()(auto y, auto t) const {
    if constexpr (detail::is_symbol<decltype(y - t)>) {
      return square(log1p(y) - log1p(t));
    } else {
      const auto is_low = y < t;
      const auto low = select(is_low, y, t), high = select(is_low, t, y);
      const auto is_apart = (low < -1.0) | ((low < 0.0) & (high >= 0.0));
      const auto ratio = select(is_apart, high, (high - low) / (1.0 + low));
      return square(log1p(ratio) - log1p(select(is_apart, low, 0.0)));
    }
  }
};

}  // namespace perdita
