#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/remainders.hpp"

namespace perdita {

/// Continuous ranked probability score of a Laplace distribution.
struct CrpsLaplace {
  static constexpr LossInfo info{
      .name = "crps_laplace",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::value), target(Meaning::value), scale_operand.in(non_negative),
                   loss_weight_operand},
      .summary = "s (|z| + exp(-|z|) - 3/4) with z = (t - y) / s.",
      .variables = "y: median; t: target; scale: s",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when = "as crps_gaussian, where errors have heavier tails than a normal distribution",
      .avoid_when = "a likelihood is needed (see laplace_nll)",
      .source =
          "Jordan, Krueger and Lerch, Evaluating probabilistic forecasts with scoringRules, J. Stat. Softw. 90, "
          "2019, appendix A",
      .differences = "scoringrules: the same"};

  // Near 0 the sum of |z| and exp(-|z|) is 1 plus expm1(-|z|) - (-|z|), whose derivative does not cancel.
  auto operator()(auto y, auto t, auto scale) const {
    const auto r = t - y;
    const auto z = r / scale;
    if constexpr (detail::is_symbol<decltype(z)>) {
      return scale * (abs(z) + exp(-abs(z)) - 0.75);
    } else {
      const auto size = select(z < 0.0, -z, z);
      const auto is_near = (size < 1.0) & (scale != 0.0);
      const auto near = select(is_near, size, 0.0);
      const auto far = select((scale == 0.0) | (size > 800.0), 800.0, size);
      const auto of_near = scale * (expm1_without_x(-near) + 0.25);
      return select(is_near, of_near, abs(r) + scale * (exp(-far) - 0.75));
    }
  }
};

}  // namespace perdita
