#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/gamma_ratio.hpp"

namespace perdita {

/// Negative log-likelihood of counts under a negative binomial distribution whose mean and dispersion are predicted.
struct NegativeBinomialNll {
  static constexpr LossInfo info{
      .name = "negative_binomial_nll",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::log_mean), target(Meaning::count, non_negative),
                   prediction(Meaning::log_dispersion).named("log_dispersion"), loss_weight_operand},
      .summary =
          "Counts t of mean m = exp(y) and variance m + a m^2, where a = exp(log_dispersion); without log t! unless "
          "full.",
      .variables = "y: logarithm of the mean; t: count; log_dispersion: logarithm of a, limited to -80 to 80",
      .traits = Trait::convex | Trait::smooth,
      .use_when = "the target is a count whose variance exceeds its mean: sales, read counts, visits",
      .avoid_when =
          "variance and mean are equal (see poisson_nll, which needs no second prediction), or zeros have a separate "
          "cause",
      .source = "Cameron and Trivedi, Regression Analysis of Count Data, 2nd ed. 2013, eq. 3.26 (NB2)",
      .differences =
          "total_count of torch.distributions.NegativeBinomial is exp(-log_dispersion), its logits are y + "
          "log_dispersion; p of SciPy is 1 minus its probs"};
  static constexpr auto parameters() {
    return std::array{parameter<&NegativeBinomialNll::full>("full", "adds log t!")};
  }

  bool full = false;

  // k = exp(-log_dispersion) is the number of failures. Where the dispersion is small, k log(1 + m a) is m plus k times
  // the rest of the logarithm, so that its derivative with respect to the dispersion does not cancel.
  auto operator()(auto y, auto t, auto log_dispersion) const {
    const auto loss = without_constant(y, t, log_dispersion);
    return full ? loss + lgamma(t + 1.0) : loss + 0.0;
  }

 private:
  static auto without_constant(auto y, auto t, auto log_dispersion) {
    if constexpr (detail::is_symbol<decltype(y + t + log_dispersion)>) {
      const auto k = exp(-log_dispersion);
      return (k + t) * softplus(y + log_dispersion) - log_gamma_ratio(-log_dispersion, t) - t * y;
    } else {
      const auto a = clamp_max(clamp_min(log_dispersion, -80.0), 80.0);
      return of_rate(y, t, y + a, exp(-a)) - log_gamma_ratio(-a, t) + share_in_sum(t, -y);
    }
  }

  /// (k + t) log(1 + m a).
  static auto of_rate(auto y, auto t, auto log_ratio, auto failures) {
    const auto is_small = log_ratio < 0.0;
    const auto ratio = exp(select(is_small, log_ratio, 0.0));
    const auto by_parts = exp(select(is_small, y, 0.0)) + failures * log1p_without_x(ratio) + t * log1p(ratio);
    return select(is_small, by_parts, (failures + t) * softplus(log_ratio));
  }
};

}  // namespace perdita
