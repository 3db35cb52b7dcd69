#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/remainders.hpp"

namespace perdita {

/// Deviance of a gamma distribution: twice gamma_nll, minus its minimum.
struct GammaDeviance {
  static constexpr LossInfo info{
      .name = "gamma_deviance",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::log_mean), target(Meaning::value, positive)),
      .summary = "2 (t exp(-y) - 1 - (log t - y)): 0 where exp(y) is the target, y is the logarithm of the mean.",
      .traits = Trait::convex | Trait::smooth | Trait::never_negative,
      .use_when = "errors of a positive target are relative, and a loss of 0 should mean a perfect prediction",
      .avoid_when = "targets may be 0 (see tweedie)",
      .source = "McCullagh and Nelder, Generalized Linear Models, 2nd ed. 1989, table 2.1",
      .differences =
          "scikit-learn's mean_gamma_deviance of the predictions exp(y); its gradient is twice that of gamma_nll"};

  auto operator()(auto y, auto t) const { return 2.0 * expm1_without_x(log(t) - y); }
};

}  // namespace perdita
