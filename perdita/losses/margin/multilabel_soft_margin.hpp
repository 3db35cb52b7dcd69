#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/logit.hpp"

namespace perdita {

/// Binary cross-entropy of each class, averaged over the classes.
struct MultilabelSoftMargin {
  static constexpr LossInfo info{
      .name = "multilabel_soft_margin",
      .torch_name = "multilabel_soft_margin_loss",
      .family = Family::margin,
      .operands = {prediction(Meaning::logit).of_shape("[C] or [N, C]"),
                   target(Meaning::label, probabilities).of_shape("[C] or [N, C]"), class_weight_operand},
      .unit = Unit::row,
      .summary = "-t log sigmoid(y) - (1 - t) log sigmoid(-y), averaged over the classes (the last dimension).",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative | Trait::proper,
      .use_when = "a sample may have several classes, and one loss per sample is needed",
      .avoid_when = "each sample belongs to exactly one of several classes (see cross_entropy)",
      .source = "Cox, The regression analysis of binary sequences, J. R. Statist. Soc. B 20, 1958, section 2",
      .differences = "the loss of an infinite logit is 0 if it matches the target and inf otherwise (PyTorch: nan)"};

  auto operator()(auto y, auto t) const { return logit(y).cross_entropy(t); }
};

}  // namespace perdita
