#pragma once

#include <array>
#include <cstdint>

#include "perdita/losses/ranking/operands.hpp"

namespace perdita {

/// The order of pairs of documents, weighted by what an exchange would change in the NDCG.
struct LambdaRank {
  static constexpr LossInfo info{
      .name = "lambda_rank",
      .torch_name = "",
      .family = Family::ranking,
      .operands = {ranked_scores_operand, relevance_operand, document_groups_operand, group_weight_operand},
      .unit = Unit::group,
      .summary =
          "The sum of w_ij log(1 + exp(-sigma (s_i - s_j))) over the pairs of documents of a group whose "
          "relevance is l_i > l_j and of which one has a rank of at most k, with the constant w_ij = |gain_i - "
          "gain_j| |1 / log2(1 + rank_i) - 1 / log2(1 + rank_j)| / (ideal DCG at k).",
      .variables =
          "s: scores, l: relevance, gain: 2^l - 1, or l; rank: from 1, by descending score, equal scores in "
          "their order. normalize: w_ij is divided by 0.01 + |s_i - s_j| unless all scores of the group are "
          "equal, and the loss of a group is multiplied by log2(1 + L) / L, with twice the sum L of the "
          "absolute derivatives of its pairs; both are constants",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "documents are ranked by graded relevance, and the first places count most, as in NDCG",
      .avoid_when =
          "the loss itself is to be compared between epochs: its weights change with the ranking (compare the "
          "NDCG)",
      .source =
          "Burges, From RankNet to LambdaRank to LambdaMART, MSR-TR-2010-82; Wang et al., The LambdaLoss "
          "framework, CIKM 2018",
      .differences =
          "gradients as in LightGBM (lambdarank_truncation_level, sigmoid, lambdarank_norm) and XGBoost "
          "(rank:ndcg), which add those of all groups up and normalize by default; allRank takes log2 and, with "
          "k, pairs of which both are among the first k"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&LambdaRank::sigma>("sigma", "steepness of the sigmoid of differences of scores", positive),
        parameter<&LambdaRank::k>("k", "largest rank of the better document of a pair", Interval{.low = 1}),
        choice<&LambdaRank::gain>("gain", "gain of a document: 2^relevance - 1, or its relevance",
                                  relevance_gain_names),
        parameter<&LambdaRank::normalize>(
            "normalize", "normalization by differences of scores and by the sum of absolute derivatives")};
  }

  double sigma = 1.0;
  std::int64_t k = 30;
  RelevanceGain gain = RelevanceGain::exponential;
  bool normalize = false;
};

}  // namespace perdita
