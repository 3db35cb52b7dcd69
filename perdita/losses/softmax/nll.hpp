#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Negative log-likelihood of a class index under given log-probabilities.
struct Nll {
  static constexpr LossInfo info{
      .name = "nll",
      .torch_name = "nll_loss",
      .family = Family::softmax,
      .operands = {class_logits_operand.of(Meaning::log_probability),
                   index_target_operand.of_shape("[], [N] or [N, d1, ...]"), class_weight_operand.not_deciding_dtype()},
      .unit = Unit::row,
      .summary = "-y_k of the true class k, for log-probabilities y.",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth,
      .use_when = "the model already ends in log_softmax, or log-probabilities are computed elsewhere",
      .avoid_when =
          "the model returns logits: cross_entropy avoids the rounding errors of log_softmax and needs one pass less",
      .source =
          "Fisher, On the mathematical foundations of theoretical statistics, Phil. Trans. A 222, 1922, section 6",
      .differences = "if all labels have weight 0, the mean is nan and its gradient 0 (PyTorch: gradient nan)"};

  auto operator()(auto log_p, auto t) const { return share_of(t, -log_p); }
};

}  // namespace perdita
