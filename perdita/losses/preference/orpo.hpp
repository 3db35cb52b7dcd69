#pragma once

#include <array>

#include "perdita/losses/preference/dpo.hpp"
#include "perdita/math/normal_distribution.hpp"

namespace perdita {

/// The odds-ratio term of a loss for fine-tuning and preferences in one step.
struct Orpo {
  static constexpr LossInfo info{
      .name = "orpo",
      .torch_name = "",
      .family = Family::preference,
      .operands = {log_prob_operand.named("chosen"), log_prob_operand.named("rejected"), loss_weight_operand},
      .summary =
          "-beta log sigmoid(log(odds of chosen / odds of rejected)), where the odds of a log-probability a are "
          "exp(a) / (1 - exp(a)), for means of the log-probabilities of the tokens of a completion.",
      .variables = "chosen, rejected: mean log-probabilities of the completions, below 0",
      .traits = Trait::smooth | Trait::never_negative,
      .use_when = "a base model is fine-tuned and aligned in one step; add the cross-entropy of the chosen completion",
      .avoid_when = "the model is fine-tuned already (see dpo, simpo)",
      .source =
          "Hong, Lee and Thorne, ORPO: Monolithic preference optimization without reference model, EMNLP 2024, eq. 7",
      .differences =
          "the odds-ratio term alone, with its weight: Liger and TRL add the cross-entropy of the chosen "
          "completion. Logarithms of 1 - exp(a) are exact near a = 0"};
  static constexpr auto parameters() {
    return std::array{parameter<&Orpo::beta>("beta", "factor of the loss", positive)};
  }

  double beta = 0.1;

  auto operator()(auto chosen, auto rejected) const {
    return beta * softplus((rejected - chosen) + (log_of_rest(chosen) - log_of_rest(rejected)));
  }

 private:
  /// log(1 - exp(a)).
  static auto log_of_rest(auto a) {
    if constexpr (detail::is_symbol<decltype(a)>)
      return log(1.0 - exp(a));
    else
      return detail::log1m_exp(a);
  }
};

}  // namespace perdita
