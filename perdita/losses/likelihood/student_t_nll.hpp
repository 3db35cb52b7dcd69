#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/gamma_ratio.hpp"

namespace perdita {

/// Negative log-likelihood of Student's t distribution, whose location, scale and degrees of freedom are predicted.
struct StudentTNll {
  static constexpr LossInfo info{
      .name = "student_t_nll",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::value), target(Meaning::value), scale_operand,
                   prediction(Meaning::degrees_of_freedom, positive).named("df"), loss_weight_operand},
      .summary =
          "log s + (df + 1) / 2 log(1 + z^2 / df) with z = (t - y) / s, plus the terms that depend on df alone; df = "
          "1 is Cauchy, large df normal.",
      .variables = "y: location; t: target; scale: s; df: degrees of freedom",
      .traits = Trait::smooth | Trait::symmetric,
      .use_when = "the noise has heavy tails, and outliers should neither dominate nor be cut off",
      .avoid_when =
          "there is too little data to estimate both df and scale (fix df, for example at 4), or a robust mean "
          "without a distribution is sufficient (see huber)",
      .source = "Lange, Little and Taylor, Robust statistical modeling using the t distribution, JASA 84, 1989",
      .differences = "gluonts has df = 2 + softplus of its output, so that the variance is finite"};
  static constexpr auto parameters() {
    return std::array{parameter<&StudentTNll::full>("full", "adds the constant log(pi) / 2")};
  }

  bool full = false;

  auto operator()(auto y, auto t, auto scale, auto df) const {
    const auto z = (t - y) / scale;
    // log Gamma((df + 1) / 2) - log Gamma(df / 2) - log(df) / 2 for x = df / 2, whose logarithm differs by log 2.
    const auto bracket = log_gamma_half_ratio(0.5 * df) - 0.34657359027997264;
    const auto loss = log(scale) + 0.5 * (df + 1.0) * log_of_tail(z, df) - bracket;
    return full ? loss + 0.57236494292470009 : loss + 0.0;
  }

 private:
  /// log(1 + z^2 / df). The square may overflow where its logarithm does not; it is then all of the sum.
  static auto log_of_tail(auto z, auto df) {
    if constexpr (detail::is_symbol<decltype(z / df)>) {
      return log1p(z * z / df);
    } else {
      const auto is_far = abs(z) > 1e15 * (1.0 + df);
      const auto far = select(is_far, abs(z), 1.0), near = select(is_far, 0.0, z);
      return select(is_far, 2.0 * log(far) - log(df), log1p(near * (near / df)));
    }
  }
};

}  // namespace perdita
