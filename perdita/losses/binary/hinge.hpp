#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// The loss of support vector machines, for labels -1 and 1.
struct Hinge {
  static constexpr LossInfo info{
      .name = "hinge",
      .torch_name = "",
      .family = Family::binary,
      .operands = elementwise_operands(prediction(Meaning::score), target(Meaning::sign, signs).not_deciding_dtype()),
      .summary = "max(0, margin - t y) for labels t of -1 or 1.",
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when = "a separating hyperplane with a margin is required, and samples beyond the margin should not matter",
      .avoid_when =
          "probabilities are needed (see soft_margin, binary_cross_entropy_with_logits), or labels are 0 and 1",
      .source = "Cortes and Vapnik, Support-vector networks, Machine Learning 20, 1995",
      .differences =
          "the gradient at t y = margin is 0, as in XGBoost; scikit-learn has -t there, Keras and optax -t / 2. "
          "Keras converts labels of 0 and 1"};
  static constexpr auto parameters() {
    return std::array{parameter<&Hinge::margin>("margin", "required product of label and score")};
  }

  double margin = 1.0;

  auto operator()(auto y, auto t) const { return clamp_min(margin - t * y, 0.0); }
};

}  // namespace perdita
