#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// The target distribution that relevance makes of a group.
enum class RelevanceTarget { softmax, labels, normalized };
inline constexpr std::string_view relevance_target_names[] = {"softmax", "labels", "normalized"};

/// Cross-entropy between the distributions that relevance and scores make of the documents of a query.
struct ListNet {
  static constexpr LossInfo info{
      .name = "list_net",
      .torch_name = "",
      .family = Family::ranking,
      .operands = {prediction(Meaning::score).of_shape("[N] with groups, or [G, L] whose rows are groups"),
                   target(Meaning::relevance, non_negative).of_shape("that of input"),
                   LossOperand{.name = "groups",
                               .role = Role::side_information,
                               .meaning = Meaning::group,
                               .shape = "[N] with the group of each document, whose documents stand together; [G] with "
                                        "their numbers of documents; or [G + 1] with the places where they begin and N",
                               .element = Element::integer,
                               .is_optional = true,
                               .decides_dtype = false},
                   element_weight_operand.of_shape("[G]").not_deciding_dtype()},
      .unit = Unit::group,
      .summary =
          "-sum_i w_i log softmax(s / temperature)_i over the documents i of each group, with w = softmax(relevance), "
          "the relevance itself (labels), or relevance over its sum (normalized).",
      .variables =
          "s: scores, w: from the relevance, both of the documents of a group (query); groups: the group of each "
          "document [N], or the sizes of groups [G], or where they begin [G + 1]",
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "the documents of a query are to be ordered by graded relevance",
      .avoid_when =
          "only pairs are known (see margin_ranking), or one document of a query is right (see cross_entropy)",
      .source =
          "Cao, Qin, Liu, Tsai and Li, Learning to rank: from pairwise approach to listwise approach, ICML 2007; "
          "labels: Bruch, Wang, Bendersky and Najork, ICTIR 2019"};
  static constexpr auto parameters() {
    return std::array{
        choice<&ListNet::relevance>("relevance", "the distribution that relevance becomes", relevance_target_names),
        parameter<&ListNet::temperature>("temperature", "divides the scores", positive)};
  }

  RelevanceTarget relevance = RelevanceTarget::softmax;
  double temperature = 1.0;
};

}  // namespace perdita
