#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// Cross-entropy of scaled cosines with the vectors of the classes, with a margin on the cosine of the true class.
struct CosFace {
  static constexpr LossInfo info{
      .name = "cos_face",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {embeddings_operand, class_vectors_operand, embedding_class_operand, query_weight_operand},
      .unit = Unit::vector,
      .summary = "log sum_k exp(scale l_k) - scale l_t, where l_k = cos(e, w_k), but l_t = cos(e, w_t) - margin.",
      .variables = "e: an embedding; w: class_vectors; t: its class",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "embeddings for verification, such as of faces, are learned as a classification of many classes",
      .avoid_when = "there are few classes, or confidence matters more than distances (see cross_entropy)",
      .source = "Wang et al., CosFace: large margin cosine loss for deep face recognition, CVPR 2018, eq. 4"};
  static constexpr auto parameters() {
    return std::array{parameter<&CosFace::margin>("margin", "cosine that is subtracted for the true class",
                                                  Interval{.low = 0, .high = 2}),
                      parameter<&CosFace::scale>("scale", "factor of the cosines", positive)};
  }

  double margin = 0.35, scale = 64.0;
};

}  // namespace perdita
