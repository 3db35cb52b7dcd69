// Operands that losses of embeddings share.
#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// Two views of the same samples, row by row.
inline constexpr LossOperand query_operand = prediction(Meaning::vector).named("query").of_shape("[N, D]");
inline constexpr LossOperand positive_operand = prediction(Meaning::vector).named("positive").of_shape("[N, D]");
/// Embeddings of a batch, and the class of each.
inline constexpr LossOperand embeddings_operand = prediction(Meaning::vector).of_shape("[N, D]");
inline constexpr LossOperand embedding_class_operand = index_target_operand.of_shape("[N]");
/// Vectors that represent the classes.
inline constexpr LossOperand class_vectors_operand =
    prediction(Meaning::vector).named("class_vectors").of_shape("[C, D]");
/// A factor of cosines, which may be learned.
inline constexpr LossOperand logit_scale_operand{.name = "logit_scale",
                                                 .role = Role::prediction,
                                                 .meaning = Meaning::factor,
                                                 .shape = "[]",
                                                 .is_optional = true,
                                                 .decides_dtype = false};
inline constexpr LossOperand query_weight_operand = element_weight_operand.of_shape("[N]").not_deciding_dtype();

}  // namespace perdita
