#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// The square of the hinge loss, for labels -1 and 1.
struct SquaredHinge {
  static constexpr LossInfo info{
      .name = "squared_hinge",
      .torch_name = "",
      .family = Family::binary,
      .operands = elementwise_operands(prediction(Meaning::score), target(Meaning::sign, signs).not_deciding_dtype()),
      .summary = "max(0, margin - t y)^2 for labels t of -1 or 1.",
      .traits = Trait::convex | Trait::smooth | Trait::never_negative,
      .use_when = "a linear classifier is trained by a method that requires a continuous gradient, such as L-BFGS",
      .avoid_when = "labels contain errors, which are penalized with their square (see hinge, soft_margin)",
      .source =
          "Chang, Hsieh and Lin, Coordinate descent method for large-scale L2-loss linear SVM, JMLR 9, 2008, eq. 3",
      .differences = "Keras converts labels of 0 and 1"};
  static constexpr auto parameters() {
    return std::array{parameter<&SquaredHinge::margin>("margin", "required product of label and score")};
  }

  double margin = 1.0;

  auto operator()(auto y, auto t) const { return square(clamp_min(margin - t * y, 0.0)); }
};

}  // namespace perdita
