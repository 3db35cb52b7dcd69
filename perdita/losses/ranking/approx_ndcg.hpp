#pragma once

#include <array>

#include "perdita/losses/ranking/operands.hpp"

namespace perdita {

/// 1 - NDCG with ranks approximated by sigmoids.
struct ApproxNdcg {
  static constexpr LossInfo info{
      .name = "approx_ndcg",
      .torch_name = "",
      .family = Family::ranking,
      .operands = {ranked_scores_operand, relevance_operand, document_groups_operand, group_weight_operand},
      .unit = Unit::group,
      .summary =
          "1 - sum_i gain_i / log2(1 + pi_i) / (ideal DCG) over the documents of a group, with the approximate "
          "rank pi_i = 1 + sum_{j != i} sigmoid(alpha (s_j - s_i)); 0 for a group without relevant documents.",
      .variables = "s: scores; gain: 2^relevance - 1, or the relevance",
      .broadcasts = false,
      .traits = Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "the NDCG itself should be optimized",
      .avoid_when =
          "training starts from scores that are far apart: sigmoids are flat there (begin with list_net, or a "
          "smaller alpha)",
      .source =
          "Qin, Liu and Li, A general approximation framework for direct optimization of information retrieval "
          "measures, Information Retrieval 13, 2010",
      .differences =
          "allRank, rax and TensorFlow Ranking have the NDCG with a negative sign, without the 1; their alpha "
          "is 1, 1 and 10"};
  static constexpr auto parameters() {
    return std::array{parameter<&ApproxNdcg::alpha>("alpha", "steepness of the sigmoids", positive),
                      choice<&ApproxNdcg::gain>("gain", "gain of a document: 2^relevance - 1, or its relevance",
                                                relevance_gain_names)};
  }

  double alpha = 10.0;
  RelevanceGain gain = RelevanceGain::exponential;
};

}  // namespace perdita
