#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// Cross-entropy of a number between two bins, each weighted by its nearness: the distribution of a box's side.
struct DistributionFocal {
  static constexpr LossInfo info{
      .name = "distribution_focal",
      .torch_name = "",
      .family = Family::box,
      .operands = {prediction(Meaning::logit).of_shape("[N, B]"),
                   target(Meaning::value, non_negative).of_shape("[N]").not_deciding_dtype(),
                   element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .unit = Unit::row,
      .summary =
          "(k + 1 - t) times the cross-entropy of bin k, plus (t - k) times that of bin k + 1, for a target t between "
          "both.",
      .variables = "input: logits of the bins 0 to B - 1; target: a number from 0 to B - 1",
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "a detector predicts the distance of each side of a box as a distribution over bins",
      .avoid_when = "targets are classes (see cross_entropy)",
      .source = "Li et al., Generalized focal loss, NeurIPS 2020, eq. 6",
      .differences =
          "a target of B - 1 is valid; mmdet's distribution_focal_loss requires smaller ones, and its callers "
          "reduce them by 0.1 (ultralytics by 0.01)"};
};

}  // namespace perdita
