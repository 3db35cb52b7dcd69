#pragma once

#include <array>
#include <cmath>

#include "perdita/losses/info.hpp"
#include "perdita/math/normal_distribution.hpp"

namespace perdita {

/// Distribution of the error of the logarithm of a time.
enum class TimeError { normal, logistic, extreme };
inline constexpr std::string_view time_error_names[] = {"normal", "logistic", "extreme"};

/// Negative log-likelihood of an accelerated failure time model, for times that are known, or known to be in an
/// interval.
struct Aft {
  static constexpr LossInfo info{
      .name = "aft",
      .torch_name = "",
      .family = Family::survival,
      .operands = {prediction(Meaning::log_time), target(Meaning::time, non_negative).named("lower"),
                   target(Meaning::time, positive).named("upper"), loss_weight_operand},
      .summary =
          "The logarithm of the time is y + scale e, where the error e is normal, logistic or of extreme values "
          "(Weibull times). lower = upper: an observed time; upper = inf: censored, the time is later; lower = 0: it "
          "is earlier; otherwise between both.",
      .variables = "y: predicted logarithm of the time; lower, upper: the interval that is known to contain the time",
      .traits = Trait::convex | Trait::smooth,
      .use_when =
          "the time itself should be predicted, and some times are censored on either side or known to an interval",
      .avoid_when = "only the order of risks matters and no distribution should be assumed (see cox)",
      .source =
          "Barnwal, Cho and Hocking, Survival regression with accelerated failure time model in XGBoost, J. Comput. "
          "Graph. Stat. 31, 2022; Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2nd ed. "
          "2002, section 3.2",
      .differences =
          "XGBoost's survival:aft limits the likelihood to 1e-12 and the gradient to 15; here tails are exact. An "
          "observed time has the density of the time, with log(scale time), as in XGBoost and R; some texts have "
          "that of its logarithm"};
  static constexpr auto parameters() {
    return std::array{parameter<&Aft::scale>("scale", "scale of the error of the logarithm of the time", positive),
                      choice<&Aft::distribution>("distribution", "distribution of that error", time_error_names)};
  }

  double scale = 1.0;
  TimeError distribution = TimeError::normal;

  // The width of the interval of the error is log(upper / lower), as log1p, which is exact for narrow intervals. Ends
  // that an interval does not have are replaced, so that the other cases are finite, and with them their derivatives.
  auto operator()(auto y, auto lower, auto upper) const {
    const double per_scale = 1.0 / scale;
    const auto is_exact = lower == upper;
    const auto is_right = upper == detail::infinite;
    const auto is_left = lower == 0.0;
    const auto safe_lower = select(is_left, 1.0, lower);
    const auto safe_upper = select(is_right, 1.0, upper);
    const auto low = (log(safe_lower) - y) * per_scale;
    const auto high = (log(safe_upper) - y) * per_scale;
    const auto excess = select(is_exact | is_right | is_left, 1.0, (safe_upper - safe_lower) / safe_lower);
    const auto observed = density(low) + log(scale * safe_lower);
    const auto of_interval = between(low, log1p(excess) * per_scale);
    const auto censored = select(is_right, survival(low), select(is_left, cumulative(high), of_interval));
    return select(is_exact, observed, select(is_right & is_left, 0.0 * y, censored));
  }

 private:
  /// -log f(z).
  auto density(auto z) const {
    if (distribution == TimeError::normal) return 0.5 * z * z + 0.91893853320467274;
    if (distribution == TimeError::logistic) return 2.0 * log_cosh(0.5 * z) + 1.3862943611198906;
    return exp(z) - z;
  }
  /// -log(1 - F(z)).
  auto survival(auto z) const {
    if (distribution == TimeError::normal) return -log_ndtr(-z);
    if (distribution == TimeError::logistic) return softplus(z);
    return exp(z);
  }
  /// -log F(z).
  auto cumulative(auto z) const {
    if (distribution == TimeError::normal) return -log_ndtr(z);
    if (distribution == TimeError::logistic) return softplus(-z);
    return -log1m_exp_exp(z);
  }
  /// -log(F(z + width) - F(z)).
  auto between(auto z, auto width) const {
    if (distribution == TimeError::normal) return -log_normal_interval(z, width);
    if (distribution == TimeError::logistic) return softplus(-(z + width)) + softplus(z) - log(-expm1(-width));
    return exp(z) - log1m_exp_exp(z + log_expm1(width));
  }

  /// log(1 - exp(-exp(v))), which is v for very negative v.
  static auto log1m_exp_exp(auto v) {
    if constexpr (detail::is_symbol<decltype(v)>) {
      return log(1.0 - exp(-exp(v)));
    } else {
      const auto is_low = v < -20.0;
      const auto x = exp(v);
      return select(is_low, v - 0.5 * x, detail::log1m_exp(-exp(select(is_low, 0.0, v))));
    }
  }
  /// log(exp(w) - 1) for w > 0.
  static auto log_expm1(auto w) {
    if constexpr (detail::is_symbol<decltype(w)>)
      return log(expm1(w));
    else
      return select(w > 1.0, w + log1p(-exp(-w)), log(expm1(select(w > 1.0, 1.0, w))));
  }
};

}  // namespace perdita
