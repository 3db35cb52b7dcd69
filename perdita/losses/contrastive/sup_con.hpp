#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// Embeddings of one class should be nearer to each other than to all other embeddings of the batch.
struct SupCon {
  static constexpr LossInfo info{
      .name = "sup_con",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {embeddings_operand, embedding_class_operand, query_weight_operand},
      .unit = Unit::vector,
      .summary =
          "log sum_k exp(cos(e_i, e_k) / temperature) - mean_p cos(e_i, e_p) / temperature for each embedding i, where "
          "k runs over all others and p over those of its class; 0 for an embedding that is alone in its class.",
      .variables = "e: embeddings; p: others of the same class",
      .broadcasts = false,
      .counted = "the number of embeddings that are not alone in their class",
      .traits = Trait::never_negative,
      .use_when = "embeddings are learned from labelled samples, with several samples of a class in each batch",
      .avoid_when =
          "batches contain few samples of each class, or classes should have a classifier (see cross_entropy)",
      .source = "Khosla et al., Supervised contrastive learning, NeurIPS 2020, eq. 2",
      .differences =
          "a mean is over the embeddings that have another of their class, as in pytorch-metric-learning; the code of "
          "the authors counts the others as 0 (normalize_by=batch), and multiplies by temperature / 0.07"};
  static constexpr auto parameters() {
    return std::array{parameter<&SupCon::temperature>(
        "temperature", "divides the cosines; small values give more weight to the nearest embeddings", positive)};
  }

  double temperature = 0.1;
};

}  // namespace perdita
