#pragma once

#include <array>

#include "perdita/losses/preference/dpo.hpp"

namespace perdita {

/// Preference optimization without a reference model, by means of log-probabilities.
struct SimPo {
  static constexpr LossInfo info{
      .name = "simpo",
      .torch_name = "",
      .family = Family::preference,
      .operands = {log_prob_operand.named("chosen"), log_prob_operand.named("rejected"), loss_weight_operand},
      .summary =
          "-log sigmoid(beta (chosen - rejected) - gamma), for means of the log-probabilities of the tokens of a "
          "completion.",
      .variables = "chosen, rejected: mean log-probabilities of the completions",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "a language model is trained on pairs of completions, and a reference model is too expensive",
      .avoid_when = "the model must stay close to a reference (see dpo)",
      .source =
          "Meng, Xia and Chen, SimPO: Simple preference optimization with a reference-free reward, NeurIPS 2024, eq. 6",
      .differences =
          "gamma is the margin itself; TRL's simpo_gamma is divided by beta. Liger's defaults are beta 0.1 and "
          "gamma 0.5, the paper's 2 to 10 and 0.3 to 1.6 times beta"};
  static constexpr auto parameters() {
    return std::array{parameter<&SimPo::beta>("beta", "factor of the difference", positive),
                      parameter<&SimPo::gamma>("gamma", "required margin", non_negative)};
  }

  double beta = 2.0;
  double gamma = 1.0;

  auto operator()(auto chosen, auto rejected) const { return softplus(gamma - beta * (chosen - rejected)); }
};

}  // namespace perdita
