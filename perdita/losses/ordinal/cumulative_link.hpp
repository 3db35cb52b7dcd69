#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/normal_distribution.hpp"

namespace perdita {

/// Distribution of the error of the score.
enum class OrdinalLink { logit, probit };
inline constexpr std::string_view ordinal_link_names[] = {"logit", "probit"};

/// Negative log-likelihood of ordered classes by one score and thresholds: the proportional odds model.
struct CumulativeLink {
  static constexpr LossInfo info{
      .name = "cumulative_link",
      .torch_name = "",
      .family = Family::ordinal,
      .operands = {prediction(Meaning::score).of_shape("[N]"), ordered_class_operand,
                   prediction(Meaning::value).named("thresholds").of_shape("[C - 1]"),
                   element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .summary =
          "-log(F(b - y) - F(a - y)) for a score y and the thresholds a and b below and above the class, which are "
          "infinite at the ends; F is the logistic (link=logit) or normal (link=probit) distribution function.",
      .variables =
          "y: score; a, b: thresholds below and above the class, which is 0 to C - 1; thresholds: ascending, learned "
          "or constant",
      .broadcasts = false,
      .traits = Trait::convex | Trait::smooth | Trait::never_negative,
      .use_when =
          "classes are ordered and one score should explain them: ratings, stages. Keep the thresholds in order, for "
          "example as a first one plus a running sum of exponentials",
      .avoid_when = "each threshold should have its own logit (see coral)",
      .source = "McCullagh, Regression models for ordinal data, J. R. Statist. Soc. B 42, 1980",
      .differences = "statsmodels' OrderedModel: the same; thresholds that are not in ascending order are an error"};
  static constexpr auto parameters() {
    return std::array{
        choice<&CumulativeLink::link>("link", "distribution of the error of the score", ordinal_link_names)};
  }

  /// Operands of the formula.
  static constexpr const char* formula_names[] = {"y", "a", "b"};

  OrdinalLink link = OrdinalLink::logit;

  // In terms of both tails, so that no difference of probabilities cancels. An end that is infinite has no term.
  auto operator()(auto score, auto low, auto high) const {
    const auto is_first = low == -detail::infinite;
    const auto is_last = high == detail::infinite;
    const auto a = select(is_first, 0.0, low) - score;
    const auto b = select(is_last, 0.0, high) - score;
    const auto width = select(is_first | is_last, 1.0, high - low);
    if (link == OrdinalLink::logit) {
      const auto below = select(is_first, 0.0 * a, softplus(a));
      const auto above = select(is_last, 0.0 * b, softplus(-b));
      return below + above - select(is_first | is_last, 0.0 * width, log(-expm1(-width)));
    }
    const auto of_end = select(is_first, log_ndtr(b), log_ndtr(-a));
    const auto of_ends = select(is_first & is_last, 0.0 * a, of_end);
    return -select(is_first | is_last, of_ends, log_normal_interval(a, width));
  }
};

}  // namespace perdita
