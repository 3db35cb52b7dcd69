#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// Similar vectors should be near, dissimilar ones at least a margin apart.
struct Contrastive {
  static constexpr LossInfo info{
      .name = "contrastive",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {prediction(Meaning::vector).named("input1").of_shape("[N, D]"),
                   prediction(Meaning::vector).named("input2").of_shape("[N, D]"),
                   target(Meaning::label, probabilities).of_shape("[N]").not_deciding_dtype(), query_weight_operand},
      .unit = Unit::vector,
      .summary = "t d^2 / 2 + (1 - t) max(0, margin - d)^2 / 2, with the Euclidean distance d = |input1 - input2|.",
      .variables = "t: target, 1 for similar pairs and 0 for dissimilar ones",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "pairs are labelled as similar or dissimilar and distances should have a scale",
      .avoid_when = "only directions matter (see cosine_embedding), or the pairs are those of a batch (see sup_con)",
      .source =
          "Hadsell, Chopra and LeCun, Dimensionality reduction by learning an invariant mapping, CVPR 2006, eq. 4; "
          "their target is 1 for dissimilar pairs"};
  static constexpr auto parameters() {
    return std::array{parameter<&Contrastive::margin>(
        "margin", "smallest distance of dissimilar pairs that is not penalized", positive)};
  }

  double margin = 1.0;
};

}  // namespace perdita
