#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// Every listed class's score should be larger by 1 than that of every class that is not.
struct MultilabelMargin {
  static constexpr LossInfo info{
      .name = "multilabel_margin",
      .torch_name = "multilabel_margin_loss",
      .family = Family::margin,
      .operands = {prediction(Meaning::score).of_shape("[C] or [N, C]"),
                   index_target_operand.of_shape("[C] or [N, C]").of(Meaning::class_list)},
      .unit = Unit::row,
      .summary = "max(0, 1 + x_i - x_j), summed over the listed classes j and all others i and divided by C.",
      .variables = "y: difference x_i - x_j of the scores of a class that is not listed and one that is",
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when = "several classes hold at once and only their order above the others counts",
      .avoid_when = "probabilities are wanted (see multilabel_soft_margin)",
      .source = "Elisseeff and Weston, A kernel method for multi-labelled classification, NIPS 2001, section 3",
      .differences = "the mean of no rows is nan (PyTorch: uninitialised memory)"};

  // As in PyTorch a difference that just keeps the margin has no slope.
  auto operator()(auto y) const {
    const auto missing = 1.0 + y;
    return zero_unless(missing > 0.0, missing);
  }
};

}  // namespace perdita
