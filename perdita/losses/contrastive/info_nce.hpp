#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Each query should be nearer, by the cosine, to its own positive than to the negatives.
struct InfoNce {
  static constexpr LossInfo info{
      .name = "info_nce",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {prediction(Meaning::vector).named("query").of_shape("[N, D]"),
                   prediction(Meaning::vector).named("positive").of_shape("[N, D]"),
                   LossOperand{.name = "negatives",
                               .role = Role::prediction,
                               .meaning = Meaning::vector,
                               .shape = "[M, D] for all queries, or [N, M, D] for each; without, the other positives",
                               .is_optional = true},
                   element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .unit = Unit::vector,
      .summary =
          "log sum_j exp(cos(q_i, k_j) / temperature) - cos(q_i, k_i) / temperature for each query i, summed over its "
          "positive and the negatives.",
      .variables = "q: query, k: its positive [N, D], then the negatives: the other positives, or those that are given",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "embeddings are learned from pairs that belong together, such as two views or a text and its image",
      .avoid_when = "batches are small, so that negatives are few, or other pairs of the batch may be alike too",
      .source =
          "van den Oord, Li and Vinyals, Representation learning with contrastive predictive coding, arXiv "
          "1807.03748, eq. 4; Sohn, Improved deep metric learning, NeurIPS 2016"};
  static constexpr auto parameters() {
    return std::array{parameter<&InfoNce::temperature>(
        "temperature", "divides the cosines; small values stress near negatives", positive)};
  }

  double temperature = 0.1;
};

}  // namespace perdita
