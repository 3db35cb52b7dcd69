#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// The score of every listed class should exceed that of every other class by 1.
struct MultilabelMargin {
  static constexpr LossInfo info{
      .name = "multilabel_margin",
      .torch_name = "multilabel_margin_loss",
      .family = Family::margin,
      .operands = {prediction(Meaning::score).of_shape("[C] or [N, C]"),
                   index_target_operand.of_shape("[C] or [N, C]").of(Meaning::class_list)},
      .unit = Unit::row,
      .summary = "max(0, 1 + x_i - x_j), summed over the listed classes j and all other classes i and divided by C.",
      .variables = "y: difference x_i - x_j between the score of a class that is not listed and that of a listed class",
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when = "a sample may have several classes, which only need to be ranked above the others",
      .avoid_when = "probabilities are needed (see multilabel_soft_margin)",
      .source = "Elisseeff and Weston, A kernel method for multi-labelled classification, NIPS 2001, section 3",
      .differences = "the mean over zero rows is nan (PyTorch: uninitialized memory)"};

  // As in PyTorch, the derivative is 0 where the difference equals the margin.
  auto operator()(auto y) const {
    const auto missing = 1.0 + y;
    return zero_unless(missing > 0.0, missing);
  }
};

}  // namespace perdita
