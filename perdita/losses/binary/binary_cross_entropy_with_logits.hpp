#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/logit.hpp"

namespace perdita {

/// Binary cross-entropy of sigmoid(y), computed from the logit y so that nothing overflows or cancels.
struct BinaryCrossEntropyWithLogits {
  static constexpr LossInfo info{
      .name = "binary_cross_entropy_with_logits",
      .torch_name = "binary_cross_entropy_with_logits",
      .family = Family::binary,
      .operands = {prediction(Meaning::logit).not_deciding_dtype(), target(Meaning::label, probabilities),
                   element_weight_operand.not_deciding_dtype(),
                   element_weight_operand.named("pos_weight").not_deciding_dtype()},
      .summary = "-t log sigmoid(y) - (1 - t) log sigmoid(-y) for a logit y.",
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative | Trait::proper,
      .use_when = "there are two classes, or several labels that are not mutually exclusive",
      .avoid_when = "each sample belongs to exactly one of several classes (see cross_entropy)",
      .source = "Cox, The regression analysis of binary sequences, J. R. Statist. Soc. B 20, 1958, section 2",
      .differences = "the loss of an infinite logit is 0 if it matches the target and inf otherwise (PyTorch: nan)"};

  // (1 - t) softplus(y) + t softplus(-y); softplus(y) - t y would cancel where the logit is correct.
  auto operator()(auto y, auto t) const { return logit(y).cross_entropy(t); }

  /// With a weight of the positive class.
  auto operator()(auto y, auto t, auto positive_weight) const { return logit(y).cross_entropy(t, positive_weight); }
};

}  // namespace perdita
