#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// Near embeddings of other classes and distant ones of the same class have the largest weight.
struct MultiSimilarity {
  static constexpr LossInfo info{
      .name = "multi_similarity",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {embeddings_operand, embedding_class_operand, query_weight_operand},
      .unit = Unit::vector,
      .summary =
          "log(1 + sum_p exp(-alpha (cos(e_i, e_p) - base))) / alpha + log(1 + sum_n exp(beta (cos(e_i, e_n) - base))) "
          "/ beta for each embedding i, where p runs over the others of its class and n over those of other classes.",
      .variables = "e: embeddings; p: others of the same class; n: those of other classes",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "embeddings for retrieval are learned from labelled samples",
      .avoid_when = "no labels are known (see nt_xent)",
      .source =
          "Wang, Han, Huang, Dong and Scott, Multi-similarity loss with general pair weighting for deep metric "
          "learning, CVPR 2019, eq. 15, without mining",
      .differences = "base is 0.5 as in pytorch-metric-learning; the paper has 1"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&MultiSimilarity::alpha>("alpha", "weight of the most distant embeddings of the class", positive),
        parameter<&MultiSimilarity::beta>("beta", "weight of the nearest embeddings of other classes", positive),
        parameter<&MultiSimilarity::base>("base", "cosine that separates near from distant")};
  }

  double alpha = 2.0, beta = 50.0, base = 0.5;
};

}  // namespace perdita
