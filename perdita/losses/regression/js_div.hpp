#pragma once

#include <array>
#include <limits>

#include "perdita/losses/info.hpp"
#include "perdita/math/remainders.hpp"

namespace perdita {

/// One term of the Jensen-Shannon divergence of two distributions: their divergence from their mean.
struct JsDiv {
  static constexpr LossInfo info{
      .name = "js_div",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::log_probability, Interval{.high = 0}),
                                       target(Meaning::probability, probabilities)),
      .summary =
          "beta t log(t / m) + (1 - beta) q log(q / m) with q = exp(y) and m = beta t + (1 - beta) q, where y is a "
          "log-probability and t a probability.",
      .traits = Trait::smooth | Trait::never_negative,
      .use_when =
          "a model is distilled and should neither cover all of the teacher's distribution nor only its mode; use "
          "reduction batchmean",
      .avoid_when =
          "targets are class indices (see cross_entropy), or the gradient must not vanish where the distributions "
          "do not overlap (see kl_div)",
      .source =
          "Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37, 1991; Agarwal et al., "
          "On-policy distillation of language models, ICLR 2024, eq. 1",
      .differences =
          "beta = 0.5, summed over the classes, is jensen_shannon_divergence of torchmetrics, at most log 2. Liger "
          "and TRL take beta = 0 and 1 for kl_div and its reverse, although the limits of this formula are 0"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&JsDiv::beta>("beta", "weight of the target in the mean of the distributions",
                                Interval{.low = 0, .high = 1, .includes_low = false, .includes_high = false})};
  }

  double beta = 0.5;

  // With p = m (1 + d), and likewise for q, the first-order terms of both logarithms cancel exactly; what is left is
  // the sum of two terms m ((1 + d) log(1 + d) - d) = p log(p / m) - (p - m), which are positive.
  auto operator()(auto y, auto t) const {
    const auto q = exp(y);
    const auto m = beta * t + (1.0 - beta) * q;
    if constexpr (detail::is_symbol<decltype(q + t)>) {
      return beta * xlogy(t, t / m) + (1.0 - beta) * (q * (y - log(m)));
    } else {
      const auto difference = (t - q) / select(m == 0.0, 1.0, m), log_m = log(select(m == 0.0, 1.0, m));
      // As in kl_div, the derivative with respect to a target of 0 is minus the largest float instead of -inf.
      const auto of_t = select(t == 0.0, t * -double{std::numeric_limits<float>::max()}, t * (log(t) - log_m));
      const auto of_q = select(q == 0.0, q, q * (y - log_m));
      return beta * term(t, m, (1.0 - beta) * difference, of_t) + (1.0 - beta) * term(q, m, -beta * difference, of_q);
    }
  }

 private:
  /// m ((1 + d) log(1 + d) - d) for p = m (1 + d). product: p log(p / m), from which p - m can be subtracted where p is
  /// far below m.
  static auto term(const auto& p, const auto& m, const auto& d, const auto& product) {
    const auto is_near = d > -0.5;
    return select(is_near, m * entropy_excess(select(is_near, d, 0.0)), product + (m - p));
  }
};

}  // namespace perdita
