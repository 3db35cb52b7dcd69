#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Each query should have a larger cosine with its positive than with the negatives.
struct InfoNce {
  static constexpr LossInfo info{
      .name = "info_nce",
      .torch_name = "",
      .family = Family::contrastive,
      .operands =
          {prediction(Meaning::vector).named("query").of_shape("[N, D]"),
           prediction(Meaning::vector).named("positive").of_shape("[N, D]"),
           LossOperand{
               .name = "negatives",
               .role = Role::prediction,
               .meaning = Meaning::vector,
               .shape = "[M, D] for all queries, or [N, M, D] for each query; if omitted, the other positives are used",
               .is_optional = true},
           element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .unit = Unit::vector,
      .summary =
          "log sum_j exp(cos(q_i, k_j) / temperature) - cos(q_i, k_i) / temperature for each query i; j runs over its "
          "positive and the negatives.",
      .variables =
          "q: queries [N, D]; k: the positive of each query [N, D], followed by the negatives (by default the other "
          "positives)",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "embeddings are learned from matching pairs, such as two views of a sample, or a text and its image",
      .avoid_when = "batches are small and contain few negatives, or other samples of the batch may match as well",
      .source =
          "van den Oord, Li and Vinyals, Representation learning with contrastive predictive coding, arXiv 1807.03748, "
          "eq. 4; Sohn, Improved deep metric learning, NeurIPS 2016"};
  static constexpr auto parameters() {
    return std::array{parameter<&InfoNce::temperature>(
        "temperature", "divides the cosines; small values give more weight to the nearest negatives", positive)};
  }

  double temperature = 0.1;
};

}  // namespace perdita
