#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// Logistic loss on the margin t y, for labels -1 and 1.
struct SoftMargin {
  static constexpr LossInfo info{
      .name = "soft_margin",
      .torch_name = "soft_margin_loss",
      .family = Family::binary,
      .operands = elementwise_operands(prediction(Meaning::score), target(Meaning::sign, signs).not_deciding_dtype()),
      .summary = "log(1 + exp(-t y)) for labels t of -1 or 1.",
      .grows_input = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative | Trait::proper,
      .use_when = "there are two classes, labelled -1 and 1",
      .avoid_when = "labels are 0 and 1 (see binary_cross_entropy_with_logits)",
      .source = "Friedman, Hastie and Tibshirani, Additive logistic regression, Ann. Statist. 28, 2000, section 4.2",
      .differences = "the loss does not overflow; PyTorch returns inf, with nan gradients, for -t y above 88"};

  auto operator()(auto y, auto t) const { return softplus(-t * y); }
};

}  // namespace perdita
