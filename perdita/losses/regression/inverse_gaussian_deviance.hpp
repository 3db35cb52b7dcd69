#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Deviance of an inverse Gaussian distribution: positive numbers whose variance is proportional to the cubed mean.
struct InverseGaussianDeviance {
  static constexpr LossInfo info{
      .name = "inverse_gaussian_deviance",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::log_mean), target(Meaning::value, positive)),
      .summary = "(t exp(-y) - 1)^2 / t, where y is the logarithm of the mean.",
      .traits = Trait::smooth | Trait::never_negative,
      .use_when = "a positive target has a longer tail than a gamma distribution: waiting times, severe claims",
      .avoid_when = "the standard deviation is proportional to the mean (see gamma_deviance, which is convex)",
      .source = "McCullagh and Nelder, Generalized Linear Models, 2nd ed. 1989, table 2.1",
      .differences = "scikit-learn's mean_tweedie_deviance with power=3 of the predictions exp(y)"};

  // t exp(-y) - 1 cancels near the target.
  auto operator()(auto y, auto t) const {
    if constexpr (detail::is_symbol<decltype(y - t)>) {
      return square(t * exp(-y) - 1.0) / t;
    } else {
      const auto error = expm1(log(t) - y);
      return error * (error / t);
    }
  }
};

}  // namespace perdita
