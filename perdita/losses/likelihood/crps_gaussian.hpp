#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Continuous ranked probability score of a normal distribution.
struct CrpsGaussian {
  static constexpr LossInfo info{
      .name = "crps_gaussian",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::value), target(Meaning::value), scale_operand.in(non_negative),
                   loss_weight_operand},
      .summary =
          "s (z erf(z / sqrt(2)) + 2 phi(z) - 1 / sqrt(pi)) with z = (t - y) / s and the normal density phi: the "
          "absolute error, reduced by the spread that was predicted.",
      .variables = "y: mean; t: target; scale: s, standard deviation",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when =
          "a distribution is predicted and judged in the unit of the target; an outlier counts linearly, not with "
          "its square as in gaussian_nll",
      .avoid_when = "a likelihood is needed, for example to compare models, or tails matter most (see gaussian_nll)",
      .source =
          "Gneiting, Raftery, Westveld and Goldman, Calibrated probabilistic forecasting, Monthly Weather Review 133, "
          "2005, eq. 5",
      .differences = "scoringrules, properscoring: the same"};

  // Beyond 40 standard deviations, and for a scale of 0, the score is |t - y| - s / sqrt(pi).
  auto operator()(auto y, auto t, auto scale) const {
    constexpr double root = 0.70710678118654752, twice_density = 0.79788456080286536, offset = 0.56418958354775629;
    const auto r = t - y;
    const auto z = r / scale;
    if constexpr (detail::is_symbol<decltype(z)>) {
      return scale * (z * erf(root * z) + twice_density * exp(-0.5 * z * z) - offset);
    } else {
      const auto is_far = (scale == 0.0) | (abs(z) > 40.0);
      const auto near = select(is_far, 0.0, z);
      const auto of_near = r * erf(root * near) + scale * (twice_density * exp(-0.5 * near * near) - offset);
      return select(is_far, abs(r) - offset * scale, of_near);
    }
  }
};

}  // namespace perdita
