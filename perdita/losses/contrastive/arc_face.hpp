#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// Cross-entropy of scaled cosines with the vectors of the classes, with a margin on the angle of the true class.
struct ArcFace {
  static constexpr LossInfo info{
      .name = "arc_face",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {embeddings_operand, class_vectors_operand, embedding_class_operand, query_weight_operand},
      .unit = Unit::vector,
      .summary =
          "log sum_k exp(scale l_k) - scale l_t, where l_k = cos(e, w_k), but l_t = cos(a + margin) with the angle a "
          "of e and w_t; for a > pi - margin, l_t = cos(a) - margin sin(margin).",
      .variables = "e: an embedding; w: class_vectors; t: its class",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "embeddings for verification, such as of faces, are learned as a classification of many classes",
      .avoid_when = "training is unstable with a margin on the angle (see cos_face), or there are few classes",
      .source =
          "Deng, Guo, Xue and Zafeiriou, ArcFace: additive angular margin loss for deep face recognition, CVPR 2019, "
          "eq. 3",
      .differences =
          "the derivative is that of the formula; the training code of insightface takes 1 for the derivative of the "
          "margin"};
  static constexpr auto parameters() {
    return std::array{parameter<&ArcFace::margin>("margin", "angle in radians that is added for the true class",
                                                  Interval{.low = 0, .high = 3.141592653589793}),
                      parameter<&ArcFace::scale>("scale", "factor of the cosines", positive)};
  }

  double margin = 0.5, scale = 64.0;
};

}  // namespace perdita
