#pragma once

#include <array>
#include <limits>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Negative log-likelihood of a gamma distribution: positive numbers with a standard deviation proportional to the
/// mean.
struct GammaNll {
  static constexpr LossInfo info{
      .name = "gamma_nll",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::log_mean), target(Meaning::value, positive)),
      .summary = "y + t exp(-y) for a positive target t, where y is the logarithm of the expected value.",
      .rate = positive,
      .traits = Trait::convex | Trait::smooth,
      .use_when = "the target is positive and errors are relative: costs, durations, sizes of claims",
      .avoid_when = "targets may be 0 (see tweedie), or are counts (see poisson_nll)",
      .source =
          "McCullagh and Nelder, Generalized Linear Models, 2nd ed. 1989, section 8.3.2, with a constant shape "
          "parameter",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{
        parameter<&GammaNll::log_input>("log_input", "whether the input is the logarithm of the expected value")};
  }

  bool log_input = true;

  // Where the ratio is infinite, the logarithm is -inf and does not matter.
  auto operator()(auto y, auto t) const {
    const auto ratio = log_input ? t * exp(-y) : t / y;
    return select(ratio == std::numeric_limits<double>::infinity(), ratio, (log_input ? y : log(y)) + ratio);
  }
};

}  // namespace perdita
