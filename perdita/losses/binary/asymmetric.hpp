#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Focal loss with separate exponents for positives and negatives, in which easy negatives are ignored.
struct Asymmetric {
  static constexpr LossInfo info{
      .name = "asymmetric",
      .torch_name = "",
      .family = Family::binary,
      .operands = elementwise_operands(prediction(Meaning::logit), target(Meaning::label, probabilities)),
      .summary =
          "-t (1 - p)^gamma_pos log p - (1 - t) q^gamma_neg log(1 - q), with p = sigmoid(y) and q = max(p - clip, 0).",
      .traits = Trait::smooth | Trait::never_negative,
      .use_when = "each sample has few of many possible labels; positives are kept and easy negatives are dropped",
      .avoid_when = "probabilities must be calibrated, or positives are not rare (see binary_focal)",
      .source =
          "Ridnik, Ben-Baruch, Zamir, Noy, Friedman, Protter and Zelnik-Manor, Asymmetric loss for multi-label "
          "classification, ICCV 2021, eq. 4 to 7",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{parameter<&Asymmetric::gamma_pos>("gamma_pos", "exponent that reduces the loss of easy positives",
                                                        non_negative),
                      parameter<&Asymmetric::gamma_neg>("gamma_neg", "exponent that reduces the loss of easy negatives",
                                                        non_negative),
                      parameter<&Asymmetric::clip>("clip", "negatives with a smaller probability are ignored",
                                                   Interval{.low = 0, .high = 1, .includes_high = false})};
  }

  double gamma_pos = 0.0;
  double gamma_neg = 4.0;
  double clip = 0.05;

  // log p = -softplus(-y) is accurate. Without a clip, log(1 - p) must be too; with one, 1 - q is at least clip. The
  // power of 0 is a separate case because its derivative may be infinite.
  auto operator()(auto y, auto t) const {
    const auto price = softplus(-y);
    const auto positives = share_of(t, gamma_pos == 0.0 ? price : fading_product(faded(sigmoid(-y), gamma_pos), price));
    if (clip == 0.0) return positives + share_of(1.0 - t, fading_product(faded(sigmoid(y), gamma_neg), softplus(y)));
    const auto q = max(sigmoid(y) - clip, 0.0);
    const auto negatives = select(q == 0.0, 0.0, -pow(q, gamma_neg) * log1p(-q));
    return positives + (1.0 - t) * negatives;
  }
};

}  // namespace perdita
