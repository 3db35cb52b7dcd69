#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Continuous ranked probability score of an ensemble of predictions.
struct CrpsEnsemble {
  static constexpr LossInfo info{
      .name = "crps_ensemble",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::value).of_shape("[N, M] with the M members of each ensemble"),
                   target(Meaning::value).of_shape("[N]"), element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .unit = Unit::row,
      .summary =
          "The mean of |x_i - t| over the members x_i, minus half the mean of |x_i - x_j| over all pairs of members; "
          "with fair, over the pairs of different members.",
      .variables = "x: members, t: target",
      .broadcasts = false,
      .traits = Trait::lipschitz,
      .use_when =
          "a model draws several predictions (weather, demand, generative models) that should be as spread as the "
          "target is uncertain",
      .avoid_when =
          "a distribution with a formula is predicted (see crps_gaussian), or levels of quantiles (see quantile)",
      .source =
          "Gneiting and Raftery, Strictly proper scoring rules, JASA 102, 2007, eq. 21; fair: Ferro, Fair scores for "
          "ensemble forecasts, Q. J. R. Meteorol. Soc. 140, 2014",
      .differences = "scoringrules' crps_ensemble with the estimators nrg and fair, and properscoring: the same"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&CrpsEnsemble::fair>("fair", "pairs of different members only: unbiased for small ensembles")};
  }

  bool fair = false;
};

}  // namespace perdita
