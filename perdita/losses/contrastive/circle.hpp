#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// Similarities within and between classes, each weighted by its distance from its optimum.
struct Circle {
  static constexpr LossInfo info{
      .name = "circle",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {embeddings_operand, embedding_class_operand, query_weight_operand},
      .unit = Unit::vector,
      .summary =
          "log(1 + sum_n exp(gamma w_n (s_n - margin)) sum_p exp(-gamma w_p (s_p - 1 + margin))) for each embedding, "
          "with the constants w_n = max(0, s_n + margin) and w_p = max(0, 1 + margin - s_p).",
      .variables =
          "s_p: cosines with the others of the class; s_n: with those of other classes. 0 for an embedding that lacks "
          "either",
      .broadcasts = false,
      .counted = "the number of embeddings with others of their class and of other classes",
      .traits = Trait::never_negative,
      .use_when = "embeddings for verification or retrieval are learned from labelled samples",
      .avoid_when = "classes have one sample in a batch",
      .source =
          "Sun et al., Circle loss: a unified perspective of pair similarity optimization, CVPR 2020, eq. 6. The "
          "weights are not differentiated, as in the paper",
      .differences =
          "margin and gamma are those of pytorch-metric-learning and Keras; the paper has 0.25 and 256 for faces. "
          "Keras differentiates the weights"};
  static constexpr auto parameters() {
    return std::array{parameter<&Circle::margin>("margin", "radius of the decision boundary"),
                      parameter<&Circle::gamma>("gamma", "factor of similarities", positive)};
  }

  double margin = 0.4, gamma = 80.0;
};

}  // namespace perdita
