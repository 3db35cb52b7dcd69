#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/dual.hpp"

namespace perdita {

/// Negative log-likelihood of a Laplace distribution whose scale is predicted, too.
struct LaplaceNll {
  static constexpr LossInfo info{
      .name = "laplace_nll",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::value), target(Meaning::value), scale_operand, loss_weight_operand},
      .summary = "|t - y| / s + log s for a predicted median y and scale s: l1 with a predicted scale.",
      .variables = "y: median; t: target; scale: s",
      .traits = Trait::convex | Trait::lipschitz | Trait::symmetric,
      .use_when = "the size of the errors varies between samples and should be predicted, and there are outliers",
      .avoid_when = "errors are normally distributed (see gaussian_nll), or the scale is not needed (see l1)",
      .source = "Kotz, Kozubowski and Podgorski, The Laplace Distribution and Generalizations, 2001, section 2.6",
      .differences = "with full, minus the log_prob of torch.distributions.Laplace"};
  static constexpr auto parameters() {
    return std::array{parameter<&LaplaceNll::full>("full", "adds the constant log 2")};
  }

  bool full = false;

  auto operator()(auto y, auto t, auto scale) const {
    const auto loss = abs(t - y) / scale + log(scale);
    return full ? loss + 0.69314718055994531 : loss + 0.0;
  }
};

}  // namespace perdita
