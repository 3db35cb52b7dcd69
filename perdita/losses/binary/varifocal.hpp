#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Cross-entropy of a score between 0 and 1: positives are weighted by their score, negatives by their probability.
struct Varifocal {
  static constexpr LossInfo info{
      .name = "varifocal",
      .torch_name = "",
      .family = Family::binary,
      .operands = elementwise_operands(prediction(Meaning::logit), target(Meaning::label, probabilities)),
      .summary =
          "t times the cross-entropy of p = sigmoid(y) for a target t above 0, alpha p^gamma times it for a target of "
          "0.",
      .traits = Trait::never_negative | Trait::smooth,
      .use_when =
          "a detector predicts the quality (IoU) of a box in place of its class, and there are few positives; divide "
          "by the number of boxes (reduction sum, or normalize_by)",
      .avoid_when =
          "targets are 0 and 1 (see binary_focal), or positives should be weighted by their error, too (see "
          "quality_focal)",
      .source = "Zhang et al., VarifocalNet: An IoU-aware dense object detector, CVPR 2021, eq. 2",
      .differences = "mmdet's varifocal_loss with iou_weighted: the same"};
  static constexpr auto parameters() {
    return std::array{parameter<&Varifocal::alpha>("alpha", "factor of negatives", non_negative),
                      parameter<&Varifocal::gamma>("gamma", "exponent of the probability of negatives", non_negative)};
  }

  double alpha = 0.75;
  double gamma = 2.0;

  auto operator()(auto y, auto t) const {
    const auto of_negative = softplus(y);
    const auto negative = alpha * fading_product(faded(sigmoid(y), gamma), of_negative);
    const auto of_positive = t * (share_in_sum(t, softplus(-y)) + share_in_sum(1.0 - t, of_negative));
    return select(t > 0.0, of_positive, negative);
  }
};

}  // namespace perdita
