#pragma once

#include <array>
#include <cstdint>

#include "perdita/losses/ranking/operands.hpp"

namespace perdita {

/// Likelihood of the best ranking under the Plackett-Luce model.
struct ListMle {
  static constexpr LossInfo info{
      .name = "list_mle",
      .torch_name = "",
      .family = Family::ranking,
      .operands = {ranked_scores_operand, relevance_operand, document_groups_operand, group_weight_operand},
      .unit = Unit::group,
      .summary =
          "-sum_i a_i log(exp(s_i) / sum_{j >= i} exp(s_j)) over the documents of a group by descending "
          "relevance, equal ones in their order, with a_i = 1, or with position_aware a_i = (2^(n - i) - 1) / "
          "sum_k (2^(n - k) - 1).",
      .variables = "s: scores; i: from 1 to n, at most k if k is not 0",
      .broadcasts = false,
      .traits = Trait::convex | Trait::smooth | Trait::never_negative,
      .use_when = "the whole order of the documents of a query is known, or that of the first k",
      .avoid_when = "many documents have the same relevance: their order in the data counts (see list_net)",
      .source =
          "Xia, Liu, Wang, Zhang and Li, Listwise approach to learning to rank, ICML 2008; position_aware: Lan "
          "et al., Position-aware ListMLE, UAI 2014",
      .differences =
          "as rax's listmle_loss; allRank and TensorFlow Ranking draw the order of equal documents at random, "
          "and sentence-transformers takes the documents in their order"};
  static constexpr auto parameters() {
    return std::array{parameter<&ListMle::k>("k", "number of the first terms that count, or 0 for all", non_negative),
                      parameter<&ListMle::position_aware>("position_aware", "larger weights of the first places")};
  }

  std::int64_t k = 0;
  bool position_aware = false;
};

}  // namespace perdita
