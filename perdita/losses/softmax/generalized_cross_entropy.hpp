#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Between cross-entropy (q towards 0) and the mean absolute error of the true class's probability (q = 1).
struct GeneralizedCrossEntropy {
  static constexpr LossInfo info{
      .name = "generalized_cross_entropy",
      .torch_name = "",
      .family = Family::softmax,
      .operands = class_operands,
      .unit = Unit::row,
      .summary = "(1 - p^q) / q of the true class, p = softmax(logits); the loss of a sample is at most 1 / q.",
      .traits = Trait::smooth | Trait::lipschitz | Trait::never_negative,
      .use_when =
          "some labels are wrong: samples whose label contradicts the model have smaller gradients than in "
          "cross_entropy",
      .avoid_when = "labels are correct and rare classes are hard: their samples are treated like wrong labels",
      .source =
          "Zhang and Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy labels, "
          "NeurIPS 2018, eq. 6",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{parameter<&GeneralizedCrossEntropy::q>("q",
                                                             "robustness to wrong labels; the limit 0 is cross-entropy",
                                                             Interval{.low = 0, .high = 1, .includes_low = false})};
  }

  double q = 0.7;

  // 1 - p^q = -expm1(q log p) does not cancel for p near 1 or q near 0.
  auto operator()(auto log_p, auto t) const { return -t * expm1(q * log_p) / q; }
};

}  // namespace perdita
