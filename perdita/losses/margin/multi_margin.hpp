#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// The score of the true class should exceed every other by a margin: the hinge loss of several classes.
struct MultiMargin {
  static constexpr LossInfo info{
      .name = "multi_margin",
      .torch_name = "multi_margin_loss",
      .family = Family::margin,
      .operands = {prediction(Meaning::score).of_shape("[C] or [N, C]"), index_target_operand.of_shape("[] or [N]"),
                   class_weight_operand.not_deciding_dtype()},
      .unit = Unit::row,
      .summary = "max(0, margin + x_i - x_y)^p, summed over all classes i except the true class y and divided by C.",
      .variables = "y: difference x_i - x_y between the score of another class and that of the true class",
      .traits = Trait::convex | Trait::never_negative,
      .use_when = "only the predicted class matters, and samples that are correct by the margin should have loss 0",
      .avoid_when = "probabilities are needed (see cross_entropy)",
      .source =
          "Crammer and Singer, On the algorithmic implementation of multiclass kernel-based vector machines, JMLR 2, "
          "2001; in the form of Weston and Watkins, ESANN 1999, eq. 3",
      .differences =
          "the number of weights is checked; the mean over zero rows is nan (PyTorch: uninitialized memory)"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&MultiMargin::p>("p", "exponent, 1 or 2", Interval{.low = 1, .high = 2, .ends_only = true}),
        parameter<&MultiMargin::margin>("margin",
                                        "required difference between the score of the true class and the others")};
  }

  double p = 1.0;
  double margin = 1.0;

  auto operator()(auto y) const { return pow(missing(y), p); }

  /// The same for the most common power, without a branch for every element.
  bool is_usual() const { return p == 1; }
  auto usual() const {
    return [loss = *this](auto y) { return loss.missing(y); };
  }

 private:
  // As in PyTorch, the derivative is 0 where the difference equals the margin.
  auto missing(auto y) const {
    const auto lacks = margin + y;
    return zero_unless(lacks > 0.0, lacks);
  }
};

}  // namespace perdita
