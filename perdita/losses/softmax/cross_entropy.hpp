#pragma once

#include <array>
#include <limits>

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
      .summary =
          "-sum_k t_k log p_k with p = softmax(logits); -log p of the true class for a class index. With z_loss and "
          "softcap c, z_loss (log sum_k exp l_k)^2 is added, and the logits are l_k = c tanh(logit_k / c).",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative | Trait::proper,
      .use_when = "each sample belongs to exactly one of several classes",
      .avoid_when = "a sample may have several labels (see binary_cross_entropy_with_logits)",
      .source =
          "Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990, section 3; "
          "z_loss: "
          "Chowdhery et al., PaLM, JMLR 24, 2023, section 5 (there 1e-4); softcap: Gemma 2, arXiv 2408.00118 (there "
          "30)",
      .differences =
          "a class of target probability 0 adds 0 even where its logit is -inf (PyTorch: nan); ignored rows have "
          "gradient 0 even where their logits are nan (PyTorch: nan); if all labels have weight 0, the mean is nan and "
          "its gradient 0 (PyTorch: gradient nan); a negative label_smoothing is an error (PyTorch: treated as 0). "
          "z_loss is not multiplied by class weights (as in Liger)"};
  static constexpr auto parameters() {
    return std::array{parameter<&CrossEntropy::z_loss>(
                          "z_loss", "factor of the squared logarithm of the sum of exponentials", non_negative),
                      parameter<&CrossEntropy::softcap>("softcap", "bound of the logits: c tanh(logit / c)", positive,
                                                        Infinite::allowed)};
  }

  double z_loss = 0;
  double softcap = std::numeric_limits<double>::infinity();

  auto operator()(auto log_p, auto t) const { return share_of(t, -log_p); }

  /// Of a row, where x is the logarithm of the sum of the exponentials of its logits.
  auto of_log_sum(auto x) const { return z_loss * square(x); }
};

}  // namespace perdita
