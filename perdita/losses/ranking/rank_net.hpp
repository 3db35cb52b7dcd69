#pragma once

#include <array>

#include "perdita/losses/ranking/operands.hpp"

namespace perdita {

/// Cross-entropy of the order of pairs of documents.
struct RankNet {
  static constexpr LossInfo info{
      .name = "rank_net",
      .torch_name = "",
      .family = Family::ranking,
      .operands = {ranked_scores_operand, relevance_operand, document_groups_operand, group_weight_operand},
      .unit = Unit::group,
      .summary =
          "The sum of log(1 + exp(-sigma (s_i - s_j))) over the pairs of documents of a group whose relevance "
          "is l_i > l_j.",
      .variables = "s: scores, l: relevance, of the documents of a group (query)",
      .broadcasts = false,
      .counted = "the number of pairs of all groups",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "the order of the documents of a query matters, and every pair counts alike",
      .avoid_when =
          "the first places of the ranking count most (see lambda_rank), or groups are large: the time grows "
          "with the square of their size (see list_net)",
      .source = "Burges et al., Learning to rank using gradient descent, ICML 2005, eq. 3",
      .differences =
          "as rax's pairwise_logistic_loss and allRank's rankNet; XGBoost's rank:pairwise and CatBoost's "
          "PairLogit have the sum"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&RankNet::sigma>("sigma", "steepness of the sigmoid of differences of scores", positive)};
  }

  double sigma = 1.0;
};

}  // namespace perdita
