#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Absolute error as a fraction of the target.
struct Mape {
  static constexpr LossInfo info{
      .name = "mape",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary = "|y - t| / max(|t|, eps): the absolute error as a fraction of the target.",
      .traits = Trait::convex | Trait::lipschitz | Trait::symmetric | Trait::never_negative,
      .use_when = "errors are judged relative to the target, as in sales forecasts, and no target is near 0",
      .avoid_when =
          "targets may be 0 or near 0, whose weights of up to 1 / eps outweigh all others (see smape), or the "
          "prediction should be a mean (this one is too small: an overestimate costs more than an underestimate of the "
          "same factor)",
      .source = "de Myttenaere et al., Mean absolute percentage error for regression models, Neurocomputing 192, 2016",
      .differences =
          "a fraction, as in scikit-learn and torchmetrics, whose eps are 2.2e-16 and 1.17e-6; Keras multiplies "
          "by 100; LightGBM divides by max(1, |t|)"};
  static constexpr auto parameters() {
    return std::array{parameter<&Mape::eps>("eps", "minimum of |t| as the denominator", positive)};
  }

  double eps = 1e-7;

  auto operator()(auto y, auto t) const { return abs(y - t) / max(abs(t), eps); }
};

}  // namespace perdita
