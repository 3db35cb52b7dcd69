#pragma once

#include <array>
#include <cmath>

#include "perdita/losses/info.hpp"
#include "perdita/losses/softmax/class_frequency.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Cross-entropy that wants the true class ahead by a margin, which is larger for rarer classes.
struct Ldam {
  static constexpr LossInfo info{
      .name = "ldam",
      .torch_name = "",
      .family = Family::softmax,
      .operands = counted_class_operands,
      .unit = Unit::row,
      .summary = "cross_entropy of s (y_k - m_k [k is the true class]) with margins m_k in proportion to n_k^(-1/4).",
      .variables = "log_p, the log-softmax of scale (y_k less the margin of the true class), and t",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when =
          "classes differ in size and the rare ones are learned by heart; with class weights that set in late in "
          "training (deferred re-weighting)",
      .avoid_when =
          "probabilities are wanted: margins and scale make the logits no log-probabilities. The paper's logits are "
          "cosines of normalised weights and features; for other logits a scale near 1 is right",
      .source =
          "Cao, Wei, Gaidon, Arechiga and Ma, Learning imbalanced datasets with label-distribution-aware margin loss, "
          "NeurIPS 2019, eq. 10 and 13",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Ldam::max_margin>("max_margin", "the margin of the rarest class", non_negative),
        parameter<&Ldam::scale>("scale", "what logits are multiplied by, the margin taken off", positive)};
  }

  double max_margin = 0.5, scale = 30.0;

  auto operator()(auto log_p, auto t) const { return share_of(t, -log_p); }

  /// Of a class without samples as of the rarest one with some.
  double margin(const ClassFrequency& of_class) const {
    return max_margin * std::pow(of_class.smallest / std::fmax(of_class.count, of_class.smallest), 0.25);
  }
};

}  // namespace perdita
