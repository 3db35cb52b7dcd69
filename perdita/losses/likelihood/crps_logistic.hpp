#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Continuous ranked probability score of a logistic distribution.
struct CrpsLogistic {
  static constexpr LossInfo info{
      .name = "crps_logistic",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::value), target(Meaning::value), scale_operand.in(non_negative),
                   loss_weight_operand},
      .summary = "s (2 log(2 cosh(z / 2)) - 1) with z = (t - y) / s.",
      .variables = "y: mean; t: target; scale: s",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when = "as crps_gaussian, at the cost of elementary functions only",
      .avoid_when = "a likelihood is needed (see student_t_nll, gaussian_nll)",
      .source =
          "Jordan, Krueger and Lerch, Evaluating probabilistic forecasts with scoringRules, J. Stat. Softw. 90, "
          "2019, appendix A: s (z - 2 log sigmoid(z) - 1)",
      .differences = "scoringrules: the same"};

  // log(2 cosh(z / 2)) is |z| / 2 + log(1 + exp(-|z|)), whose derivative with respect to the scale does not cancel far
  // from 0.
  auto operator()(auto y, auto t, auto scale) const {
    constexpr double offset = 0.38629436111989062;  // 2 log 2 - 1
    const auto r = t - y;
    const auto z = r / scale;
    if constexpr (detail::is_symbol<decltype(z)>) {
      return scale * (2.0 * log_cosh(0.5 * z) + offset);
    } else {
      const auto size = select(z < 0.0, -z, z);
      const auto is_near = (size < 1.0) & (scale != 0.0);
      const auto near = select(is_near, z, 0.0);
      const auto far = select((scale == 0.0) | (size > 800.0), 800.0, size);
      const auto of_near = scale * (2.0 * log_cosh(0.5 * near) + offset);
      return select(is_near, of_near, abs(r) + scale * (2.0 * softplus(-far) - 1.0));
    }
  }
};

}  // namespace perdita
