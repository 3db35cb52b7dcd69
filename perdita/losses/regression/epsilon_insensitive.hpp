#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Absolute error beyond a tolerance: that of support vector regression.
struct EpsilonInsensitive {
  static constexpr LossInfo info{
      .name = "epsilon_insensitive",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary = "max(0, |y - t| - epsilon): the absolute error beyond a tolerance.",
      .traits = Trait::convex | Trait::lipschitz | Trait::symmetric | Trait::never_negative,
      .use_when = "errors below a known tolerance do not matter, and larger ones should not dominate",
      .avoid_when = "small errors matter: predictions within the tolerance are not improved (see huber, l1)",
      .source = "Vapnik, The Nature of Statistical Learning Theory, 1995, section 6.1",
      .differences = "the gradient is 0 where |y - t| is epsilon, as in scikit-learn"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&EpsilonInsensitive::epsilon>("epsilon", "absolute error that is tolerated", non_negative)};
  }

  double epsilon = 0.1;

  auto operator()(auto y, auto t) const { return clamp_min(abs(y - t) - epsilon, 0.0); }
};

}  // namespace perdita
