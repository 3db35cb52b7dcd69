#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Cross-entropy of a score between 0 and 1, weighted by the distance of the prediction to it.
struct QualityFocal {
  static constexpr LossInfo info{
      .name = "quality_focal",
      .torch_name = "",
      .family = Family::binary,
      .operands = elementwise_operands(prediction(Meaning::logit), target(Meaning::label, probabilities)),
      .summary = "|t - p|^beta times the cross-entropy of p = sigmoid(y), for targets t from 0 to 1.",
      .traits = Trait::never_negative | Trait::smooth,
      .use_when =
          "a detector predicts the quality (IoU) of a box in place of its class; the target is the quality at the "
          "class of the box and 0 elsewhere. Divide by the number of boxes (reduction sum, or normalize_by)",
      .avoid_when = "targets are 0 and 1 (see binary_focal)",
      .source = "Li et al., Generalized focal loss, NeurIPS 2020, eq. 2",
      .differences = "mmdet's quality_focal_loss of (label, score) is the sum over the classes of this loss"};
  static constexpr auto parameters() {
    return std::array{parameter<&QualityFocal::beta>("beta", "exponent of the distance", Interval{.low = 1})};
  }

  double beta = 2.0;

  // For y > 0 the cross-entropy is (1 - t) y + softplus(-y), else -t y + softplus(y): limits exist at both ends.
  auto operator()(auto y, auto t) const {
    const auto cross_entropy = share_in_sum(t, softplus(-y)) + share_in_sum(1.0 - t, softplus(y));
    const auto distance = t - sigmoid(y);
    const auto weight = beta == 2.0 ? distance * distance : pow(abs(distance), beta);
    return fading_product(weight, cross_entropy);
  }
};

}  // namespace perdita
