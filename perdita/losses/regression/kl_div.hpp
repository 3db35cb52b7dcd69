#pragma once

#include <array>
#include <limits>

#include "perdita/losses/info.hpp"

namespace perdita {

/// One term of the Kullback-Leibler divergence of the target from the input.
struct KlDiv {
  static constexpr LossInfo info{
      .name = "kl_div",
      .torch_name = "kl_div",
      .family = Family::regression,
      .operands = {prediction(Meaning::log_probability), target(Meaning::probability, non_negative),
                   element_weight_operand},
      .summary = "t (log t - y), where y is a log-probability and t a probability (or its logarithm).",
      .log_target = {.high = 0},
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth,
      .use_when = "the target is a distribution, as in distillation and variational inference; use reduction batchmean",
      .avoid_when = "targets are class indices (see cross_entropy)",
      .source = "Kullback and Leibler, On information and sufficiency, Ann. Math. Statist. 22, 1951, eq. 2.4",
      .differences =
          "a target of probability 0 adds 0 even where the input is -inf, and the derivative with respect to it is "
          "-3.4e38 instead of -inf (PyTorch: nan)"};
  static constexpr auto parameters() {
    return std::array{parameter<&KlDiv::log_target>("log_target", "whether the target is a log-probability too")};
  }

  bool log_target = false;

  auto operator()(auto y, auto t) const {
    if (log_target) return select((exp(t) == 0.0) & (y == y), 0.0, exp(t) * (t - y));
    // The derivative of t log t with respect to t is -inf at 0 and is replaced by minus the largest float.
    return select((t == 0.0) & (y == y), t * -double{std::numeric_limits<float>::max()}, t * (log(t) - y));
  }
};

}  // namespace perdita
