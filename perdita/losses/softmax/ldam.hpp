#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "perdita/losses/info.hpp"
#include "perdita/losses/softmax/class_frequency.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Cross-entropy that requires a margin for the true class, which is larger for rarer classes.
struct Ldam {
  static constexpr LossInfo info{
      .name = "ldam",
      .torch_name = "",
      .family = Family::softmax,
      .operands = counted_class_operands,
      .unit = Unit::row,
      .summary = "cross_entropy of s (y_k - m_k [k is the true class]) with margins m_k proportional to n_k^(-1/4).",
      .variables = "log_p: log-softmax of scale (y_k minus the margin of the true class), t: target",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when =
          "classes differ in size and the model overfits the rare ones; combine it with class weights from a late "
          "epoch on (deferred re-weighting)",
      .avoid_when =
          "probabilities are needed: because of the margins and the scale, the logits are not log-probabilities. The "
          "logits of the paper are cosines of normalized weights and features; for other logits use a scale near 1",
      .source =
          "Cao, Wei, Gaidon, Arechiga and Ma, Learning imbalanced datasets with label-distribution-aware margin loss, "
          "NeurIPS 2019, eq. 10 and 13",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Ldam::max_margin>("max_margin", "the margin of the rarest class", non_negative),
        parameter<&Ldam::scale>("scale", "factor of the logits after the margin is subtracted", positive)};
  }

  double max_margin = 0.5, scale = 30.0;

  auto operator()(auto log_p, auto t) const { return share_of(t, -log_p); }

  /// A class without samples has the margin of the rarest class with samples.
  template <class Number>
  Number margin(const ClassFrequency<Number>& of_class) const {
    using std::max, std::pow;
    return max_margin * pow(of_class.smallest / max(of_class.count, of_class.smallest), 0.25);
  }
};

}  // namespace perdita
