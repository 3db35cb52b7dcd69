#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// Squared error: the negative log-likelihood of a normal error of constant variance.
struct Mse {
  static constexpr LossInfo info{
      .name = "mse",
      .torch_name = "mse_loss",
      .family = Family::regression,
      .operands = {prediction(Meaning::value), target(Meaning::value), element_weight_operand},
      .summary = "Squared error, (y - t)^2.",
      .mean = Normalize::weight_sum,
      .traits = Trait::convex | Trait::smooth | Trait::symmetric | Trait::never_negative | Trait::proper,
      .use_when = "errors are roughly normal and their cost grows with their square, or the conditional mean is needed",
      .avoid_when = "there are outliers (see huber, l1) or the target is a class (see cross_entropy)",
      .source = "Legendre, Nouvelles methodes pour la determination des orbites des cometes, 1805",
      .differences = ""};

  auto operator()(auto y, auto t) const { return square(y - t); }
};

}  // namespace perdita
