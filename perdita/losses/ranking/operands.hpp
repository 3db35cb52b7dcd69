// Operands of losses of rankings.
#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

inline constexpr LossOperand ranked_scores_operand =
    prediction(Meaning::score).of_shape("[N] with groups, or [G, L] with one group per row");
inline constexpr LossOperand relevance_operand = target(Meaning::relevance, non_negative).of_shape("that of input");
inline constexpr LossOperand document_groups_operand{
    .name = "groups",
    .role = Role::side_information,
    .meaning = Meaning::group,
    .shape =
        "[N] with the group of each document, where the documents of a group are adjacent; [G] with the sizes of "
        "the groups; or [G + 1] with the indices at which the groups begin, followed by N",
    .element = Element::integer,
    .is_optional = true,
    .decides_dtype = false};
inline constexpr LossOperand group_weight_operand = element_weight_operand.of_shape("[G]").not_deciding_dtype();

/// The contribution of a document to the DCG.
enum class RelevanceGain { exponential, linear };
inline constexpr std::string_view relevance_gain_names[] = {"exponential", "linear"};

}  // namespace perdita
