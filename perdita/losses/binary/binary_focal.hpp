#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/logit.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Binary cross-entropy times (1 - p_t)^gamma, which reduces the loss of samples that are already well classified.
struct BinaryFocal {
  static constexpr LossInfo info{
      .name = "binary_focal",
      .torch_name = "",
      .family = Family::binary,
      .operands = elementwise_operands(prediction(Meaning::logit), target(Meaning::label, probabilities)),
      .summary = "-alpha_t (1 - p_t)^gamma log p_t for a logit y, where p_t is the probability of the true class.",
      .traits = Trait::smooth | Trait::lipschitz | Trait::never_negative,
      .use_when = "easy negatives outnumber all other samples by orders of magnitude, as in dense object detection",
      .avoid_when = "probabilities must be calibrated without a separate calibration step, or the imbalance is mild",
      .source = "Lin, Goyal, Girshick, He and Dollar, Focal loss for dense object detection, ICCV 2017, eq. 5",
      .differences =
          "with alpha_by_class=true it is torchvision's sigmoid_focal_loss; with false, and targets of 0 and 1, it is "
          "the common implementation alpha (1 - exp(-b))^gamma b, where b is the cross-entropy"};
  static constexpr auto parameters() {
    return std::array{parameter<&BinaryFocal::alpha>("alpha", "weight of the positive class", probabilities),
                      parameter<&BinaryFocal::gamma>(
                          "gamma", "exponent that reduces the loss of easy samples; 0 is cross-entropy", non_negative),
                      parameter<&BinaryFocal::alpha_by_class>(
                          "alpha_by_class",
                          "whether negatives have the weight 1 - alpha; if false, all samples have the weight alpha")};
  }

  double alpha = 0.25;
  double gamma = 2.0;
  bool alpha_by_class = true;

  auto operator()(auto y, auto t) const {
    const auto l = logit(y);
    return share_of(weight(t), fading_product(faded(l.wrong(t), gamma), l.cross_entropy(t)));
  }

  /// The same for the most common gamma and weights above 0: a loop with a square. A power that is known only at run
  /// time would need branches.
  bool is_usual() const { return gamma == 2 && alpha > 0 && alpha < 1; }
  auto usual() const {
    return [loss = *this](auto y, auto t) {
      const auto l = logit(y);
      return loss.weight(t) * fading_product(square(l.wrong(t)), l.cross_entropy(t));
    };
  }

 private:
  /// alpha t + (1 - alpha) (1 - t), or alpha: without a branch, which would be evaluated for every element
  auto weight(auto t) const {
    const double difference = alpha_by_class * (2.0 * alpha - 1.0);
    return (alpha - difference) + difference * t;
  }
};

}  // namespace perdita
