#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// Each view of a sample should be nearer to its other view than to all other embeddings of the batch.
struct NtXent {
  static constexpr LossInfo info{
      .name = "nt_xent",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {query_operand, positive_operand, element_weight_operand.of_shape("[2 N]").not_deciding_dtype()},
      .unit = Unit::vector,
      .summary =
          "log sum_k exp(cos(e_i, e_k) / temperature) - cos(e_i, e_j) / temperature for each of the 2 N embeddings i, "
          "where j is the other view of its sample and k runs over all embeddings except i.",
      .variables = "e: the embeddings of query, followed by those of positive; i, k: embeddings; j: the other view",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "an encoder is trained without labels, from two augmented views of each sample (SimCLR)",
      .avoid_when = "labels are known (see sup_con), or queries and keys are of different kinds (see info_nce)",
      .source =
          "Chen, Kornblith, Norouzi and Hinton, A simple framework for contrastive learning of visual representations, "
          "ICML 2020, eq. 1"};
  static constexpr auto parameters() {
    return std::array{parameter<&NtXent::temperature>(
        "temperature", "divides the cosines; small values give more weight to the nearest embeddings", positive)};
  }

  double temperature = 0.5;
};

}  // namespace perdita
