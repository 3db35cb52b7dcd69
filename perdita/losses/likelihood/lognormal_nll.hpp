#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/dual.hpp"

namespace perdita {

/// Negative log-likelihood of a log-normal distribution: the logarithm of the target is normally distributed.
struct LognormalNll {
  static constexpr LossInfo info{
      .name = "lognormal_nll",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::value), target(Meaning::value, positive), scale_operand, loss_weight_operand},
      .summary = "((log t - y) / s)^2 / 2 + log s for a positive target t.",
      .variables = "y: mean of the logarithm; t: target; scale: s, standard deviation of the logarithm",
      .traits = Trait::convex | Trait::smooth,
      .use_when = "the target is positive and skewed, and its uncertainty should be predicted: durations, prices",
      .avoid_when =
          "targets may be 0 (see tweedie), or the mean should be right although the distribution is not "
          "log-normal (see gamma_nll)",
      .source = "Crow and Shimizu, Lognormal Distributions, 1988, eq. 1.1",
      .differences = "with full, minus the log_prob of torch.distributions.LogNormal"};
  static constexpr auto parameters() {
    return std::array{parameter<&LognormalNll::full>("full", "adds log t + log(2 pi) / 2")};
  }

  bool full = false;

  auto operator()(auto y, auto t, auto scale) const {
    const auto log_t = log(t);
    const auto z = (log_t - y) / scale;
    const auto loss = log(scale) + 0.5 * (z * z);
    return full ? loss + (log_t + 0.91893853320467274) : loss + 0.0;
  }
};

}  // namespace perdita
