#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Quasi-likelihood of a compound Poisson-gamma distribution: often exactly 0, positive otherwise.
struct Tweedie {
  static constexpr LossInfo info{
      .name = "tweedie",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::log_mean), target(Meaning::value, non_negative)),
      .summary = "m^(2-p) / (2 - p) + t m^(1-p) / (p - 1) for the mean m = exp(y) and a variance proportional to m^p.",
      .rate = positive,
      .traits = Trait::convex | Trait::smooth | Trait::never_negative,
      .use_when = "the target is a sum of a random number of positive amounts and often 0: claims, rain, sales",
      .avoid_when = "zeros have a separate cause and should be modelled separately (hurdle or zero-inflated model)",
      .source =
          "Tweedie 1984; Jorgensen, Exponential dispersion models, J. R. Statist. Soc. B 49, 1987, section 4; the "
          "terms of the log-likelihood that depend on the mean",
      .differences = "half of scikit-learn's mean_tweedie_deviance, except for a term that depends only on the target"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Tweedie::power>("power", "the variance is proportional to the mean to this power",
                                   Interval{.low = 1, .high = 2, .includes_low = false, .includes_high = false}),
        parameter<&Tweedie::log_input>("log_input", "whether the input is the logarithm of the mean")};
  }

  double power = 1.5;
  bool log_input = true;

  // A target of 0 has no second term, even where its factor is infinite.
  auto operator()(auto y, auto t) const {
    const double a = 2.0 - power, b = 1.0 - power;
    if (log_input) return exp(a * y) * (1.0 / a) + share_in_sum(t, exp(b * y) * (-1.0 / b));
    return pow(y, a) / a + share_of(t, pow(y, b) / -b);
  }
};

}  // namespace perdita
