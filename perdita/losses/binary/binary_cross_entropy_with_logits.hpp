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

  // For t = 1 and large y the first term vanishes, value and slope alike, and what remains is small and exact;
  // softplus(y) - t y would lose all of it.
  auto operator()(auto y, auto t) const {
    const auto l = logistic(y);
    return (1.0 - t) * l.softplus + t * l.softplus_negative;
  }

  /// With a weight of the positive class.
  auto operator()(auto y, auto t, auto positive_weight) const {
    const auto l = logistic(y);
    return (1.0 - t) * l.softplus + positive_weight * t * l.softplus_negative;
  }
};

}  // namespace perdita
