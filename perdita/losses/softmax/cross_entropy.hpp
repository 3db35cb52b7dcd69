#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// The term of one class in the cross-entropy of a target distribution with softmax(logits).
/// Formulas of this family take the log-probability of a class and its target probability.
struct CrossEntropy {
  static constexpr LossInfo info{
      .name = "cross_entropy",
      .torch_name = "cross_entropy",
      .family = Family::softmax,
      .operands = {class_logits_operand, class_target_operand, class_weight_operand},
      .unit = Unit::row,
      .summary = "-sum_k t_k log p_k with p = softmax(logits); -log p of the true class for a class index.",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative | Trait::proper,
      .use_when = "each sample belongs to exactly one of several classes",
      .avoid_when = "a sample may have several labels (see binary_cross_entropy_with_logits)",
      .source = "Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990, section 3",
      .differences =
          "a class of target probability 0 adds 0 even where its logit is -inf (PyTorch: nan); ignored rows have "
          "gradient 0 even where their logits are nan (PyTorch: nan); if all labels have weight 0, the mean is nan and "
          "its gradient 0 (PyTorch: gradient nan); a negative label_smoothing is an error (PyTorch: treated as 0)"};

  auto operator()(auto log_p, auto t) const { return share_of(t, -log_p); }
};

}  // namespace perdita
