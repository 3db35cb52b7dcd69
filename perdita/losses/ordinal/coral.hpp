#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// One binary question for each threshold between ordered classes: whether the class is above it.
struct Coral {
  static constexpr LossInfo info{
      .name = "coral",
      .torch_name = "",
      .family = Family::ordinal,
      .operands = {prediction(Meaning::logit).of_shape("[N, C - 1]"), ordered_class_operand,
                   element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .unit = Unit::row,
      .summary =
          "The sum over the thresholds j of the binary cross-entropy of logit j and whether the class is above j.",
      .variables = "input: logits that the class is above threshold 0, 1, ..., C - 2; target: class, 0 to C - 1",
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when =
          "classes are ordered (grades, stages, ages) and a network predicts them; the logits should share their "
          "weights and differ by a bias, so that they are in order. The class is the number of logits above 0",
      .avoid_when =
          "the model is one score with thresholds (see cumulative_link), or the order is doubtful (see cross_entropy)",
      .source =
          "Cao, Mirjalili and Raschka, Rank consistent ordinal regression for neural networks, Pattern Recognit. "
          "Lett. 140, 2020, eq. 4",
      .differences = "coral_pytorch's coral_loss without importance_weights: the same"};
};

}  // namespace perdita
