#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Negative log-likelihood of counts under a Poisson distribution.
struct PoissonNll {
  static constexpr LossInfo info{
      .name = "poisson_nll",
      .torch_name = "poisson_nll_loss",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::log_mean), target(Meaning::count, non_negative)),
      .summary = "exp(y) - t y for counts t, where y is the logarithm of the expected count.",
      .rate = non_negative,
      .traits = Trait::convex | Trait::smooth,
      .use_when = "the target is a count of rare, independent events",
      .avoid_when = "the variance of the counts exceeds their mean (overdispersion), or the targets are not counts",
      .source = "Cameron and Trivedi, Regression Analysis of Count Data, 2nd ed. 2013, eq. 3.3",
      .differences =
          "with full, the gradient with respect to a target of 0 is -input (PyTorch: nan, from the term that is "
          "omitted); the loss of a count of 0 at a rate of 0 (input -inf) is 0 (PyTorch: nan)"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&PoissonNll::log_input>("log_input", "whether the input is the logarithm of the rate"),
        parameter<&PoissonNll::full>("full", "adds Stirling's approximation of log t! where t > 1"),
        parameter<&PoissonNll::eps>("eps", "added to the rate before its logarithm is taken", non_negative)};
  }

  bool log_input = true;
  bool full = false;
  double eps = 1e-8;

  auto operator()(auto y, auto t) const {
    const auto loss = log_input ? exp(y) + share_in_sum(t, -y) : y + share_of(t, -log(y + eps));
    if (!full) return loss;
    // t log t - t + log(2 pi t) / 2; the inner select avoids the logarithm for t <= 1, where it is not needed. It is
    // written as a product because the derivative of the first two terms is then rounded like log t - 1 instead of log
    // t + 1.
    const auto large = select(t > 1.0, t, 2.0);
    const auto stirling = large * (log(large) - 1.0) + 0.5 * log(6.283185307179586 * large);
    return loss + select(t > 1.0, stirling, 0.0);
  }
};

}  // namespace perdita
