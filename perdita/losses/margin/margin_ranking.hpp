#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Two scores, of which one should be larger by a margin.
struct MarginRanking {
  static constexpr LossInfo info{
      .name = "margin_ranking",
      .torch_name = "margin_ranking_loss",
      .family = Family::margin,
      .operands = {prediction(Meaning::score).named("input1"), prediction(Meaning::score).named("input2"),
                   target(Meaning::sign, signs)},
      .summary = "max(0, margin - t (x1 - x2)): x1 should be the larger score for t = 1, x2 for t = -1.",
      .variables = "y: input1 - input2; t: target, 1 or -1",
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when = "only the order of two scores is known, as in search results or preferences",
      .avoid_when = "the scores themselves are known (see mse), or probabilities are needed (see soft_margin)",
      .source =
          "Herbrich, Graepel and Obermayer, Large margin rank boundaries for ordinal regression, Advances in Large "
          "Margin Classifiers, MIT Press, 2000, eq. 7",
      .differences =
          "a uint8 target is converted before it is negated (PyTorch negates it as uint8, so that -1 becomes 255). If "
          "an infinite score is in the correct order, the gradient with respect to the target is 0 (PyTorch: nan)"};
  static constexpr auto parameters() {
    return std::array{parameter<&MarginRanking::margin>("margin", "required difference between the scores")};
  }

  double margin = 0.0;

  auto operator()(auto y, auto t) const { return clamp_min(margin - t * y, 0.0); }
};

}  // namespace perdita
