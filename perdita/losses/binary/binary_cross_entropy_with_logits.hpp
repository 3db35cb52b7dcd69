#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// Binary cross-entropy of sigmoid(y), computed from the logit y so that nothing overflows or cancels.
struct BinaryCrossEntropyWithLogits {
  static constexpr LossInfo info{
      .name = "binary_cross_entropy_with_logits",
      .torch_name = "binary_cross_entropy_with_logits",
      .family = Family::binary,
      .summary = "-t log sigmoid(y) - (1 - t) log sigmoid(-y) for a logit y.",
      .target = probabilities,
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative | Trait::proper,
      .use_when = "two classes, or several labels that do not exclude one another",
      .avoid_when = "exactly one of several classes holds (see cross_entropy)",
      .source = "Cox, The regression analysis of binary sequences, J. R. Statist. Soc. B 20, 1958, section 2",
      .differences = ""};

  // (1 - t) max(y, 0) + t max(-y, 0) + log(1 + exp(-|y|)). For t = 1 and y > 0 the first terms vanish, value and slope
  // alike, and what remains is small and exact; softplus(y) - t y would lose all of it.
  auto operator()(auto y, auto t) const { return (1.0 - t) * max(y, 0.0) + t * max(-y, 0.0) + softplus(-abs(y)); }

  // With weight w of the positive class: w t softplus(-y) + (1 - t) softplus(y), which share softplus(-|y|).
  auto operator()(auto y, auto t, auto positive_weight) const {
    const auto rest = softplus(-abs(y));
    return positive_weight * t * (max(-y, 0.0) + rest) + (1.0 - t) * (max(y, 0.0) + rest);
  }
};

}  // namespace perdita
