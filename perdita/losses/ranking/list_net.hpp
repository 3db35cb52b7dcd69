#pragma once

#include <array>

#include "perdita/losses/ranking/operands.hpp"

namespace perdita {

/// The target distribution of a group, computed from its relevance.
enum class RelevanceTarget { softmax, labels, normalized };
inline constexpr std::string_view relevance_target_names[] = {"softmax", "labels", "normalized"};

/// Cross-entropy between the distributions of relevance and of scores over the documents of a query.
struct ListNet {
  static constexpr LossInfo info{
      .name = "list_net",
      .torch_name = "",
      .family = Family::ranking,
      .operands = {ranked_scores_operand, relevance_operand, document_groups_operand, group_weight_operand},
      .unit = Unit::group,
      .summary =
          "-sum_i w_i log softmax(s / temperature)_i over the documents i of each group, with w = softmax(relevance), "
          "the relevance itself (labels), or the relevance divided by its sum (normalized).",
      .variables =
          "s: scores and w: weights computed from the relevance, of the documents of a group (query); groups: the "
          "group of each document [N], the sizes of the groups [G], or the indices at which they begin [G + 1]",
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "the documents of a query should be ranked by graded relevance",
      .avoid_when =
          "only the order of pairs is known (see margin_ranking), the first places of the ranking count most (see "
          "lambda_rank), or exactly one document of a query is relevant (see cross_entropy)",
      .source =
          "Cao, Qin, Liu, Tsai and Li, Learning to rank: from pairwise approach to listwise approach, ICML 2007; "
          "labels: Bruch, Wang, Bendersky and Najork, ICTIR 2019"};
  static constexpr auto parameters() {
    return std::array{choice<&ListNet::relevance>("relevance", "conversion of the relevance to the weights w",
                                                  relevance_target_names),
                      parameter<&ListNet::temperature>("temperature", "divides the scores", positive)};
  }

  RelevanceTarget relevance = RelevanceTarget::softmax;
  double temperature = 1.0;
};

}  // namespace perdita
