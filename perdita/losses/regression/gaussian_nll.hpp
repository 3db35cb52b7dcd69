#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Negative log-likelihood of a normal distribution whose variance is predicted, too.
struct GaussianNll {
  static constexpr LossInfo info{
      .name = "gaussian_nll",
      .torch_name = "gaussian_nll_loss",
      .family = Family::regression,
      .operands = {prediction(Meaning::value), target(Meaning::value),
                   prediction(Meaning::variance, non_negative).named("var")},
      .summary = "(log v + (y - t)^2 / v) / 2 for a predicted mean y and variance v >= eps.",
      .traits = Trait::convex | Trait::smooth | Trait::symmetric | Trait::proper,
      .use_when = "the noise varies between samples and the model should predict its variance",
      .avoid_when = "the data are not sufficient to learn the variance, which then collapses (see mse, huber)",
      .source =
          "Nix and Weigend, Estimating the mean and variance of the target probability distribution, ICNN 1994, eq. 4",
      .differences =
          "finite where the square of a large error overflows but its quotient by v does not (PyTorch: inf)"};
  static constexpr auto parameters() {
    return std::array{parameter<&GaussianNll::full>("full", "adds the constant log(2 pi) / 2"),
                      parameter<&GaussianNll::eps>("eps", "minimum variance", positive)};
  }

  bool full = false;
  double eps = 1e-6;

  // As in PyTorch, the clamp of the variance is outside the graph: the gradient is that without the clamp.
  auto operator()(auto y, auto t, auto variance) const {
    const auto v = with_slope(
        variance, [=, this](auto given) { return clamp_min(given, eps); },
        [](auto given) { return 1.0 + zero_unless(given != given, given); },
        [=, this](auto given) { return given <= eps; });
    const auto r = y - t;
    const auto loss = 0.5 * (log(v) + r * (r / v));         // r^2 would overflow first
    return full ? loss + 0.91893853320467274 : loss + 0.0;  // log(2 pi) / 2
  }
};

}  // namespace perdita
