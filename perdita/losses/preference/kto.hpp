#pragma once

#include <array>

#include "perdita/losses/preference/dpo.hpp"

namespace perdita {

/// Preference optimization by feedback on single completions, which are desirable or not.
struct Kto {
  static constexpr LossInfo info{
      .name = "kto",
      .torch_name = "",
      .family = Family::preference,
      .operands = {log_prob_operand, reference_operand,
                   target(Meaning::indicator, zero_or_one).named("desirable").not_deciding_dtype(),
                   reference_operand.of(Role::side_information, Meaning::divergence).named("kl").in(non_negative),
                   loss_weight_operand},
      .summary =
          "sigmoid(beta (kl - u)) of a desirable completion and sigmoid(beta (u - kl)) of an undesirable one, with u = "
          "log_prob - ref_log_prob for sums of the log-probabilities of the tokens.",
      .variables =
          "log_prob: log-probability of the completion; ref_log_prob: the same by the reference model, a constant; "
          "desirable: 0 or 1; kl: divergence from the reference model, max(0, mean of u for mismatched prompts and "
          "completions), a constant",
      .traits = Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "completions are rated one by one, good or bad, and not in pairs",
      .avoid_when = "there are pairs of completions for a prompt (see dpo)",
      .source = "Ethayarajh et al., KTO: Model alignment as prospect theoretic optimization, ICML 2024, eq. 8",
      .differences = "as Liger and TRL, whose kl is the mean over the batch; the weights of Liger are 1"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Kto::beta>("beta", "strength of the penalty for leaving the reference model", positive),
        parameter<&Kto::desirable_weight>("desirable_weight", "factor of desirable completions", non_negative),
        parameter<&Kto::undesirable_weight>("undesirable_weight", "factor of undesirable completions", non_negative)};
  }

  double beta = 0.1;
  double desirable_weight = 1.0;
  double undesirable_weight = 1.0;

  auto operator()(auto log_prob, auto ref_log_prob, auto desirable, auto kl) const {
    const auto margin = beta * ((log_prob - ref_log_prob) - kl);
    const auto is_desirable = desirable > 0.5;
    return select(is_desirable, desirable_weight, undesirable_weight + 0.0 * desirable) *
           sigmoid(select(is_desirable, -margin, margin));
  }
};

}  // namespace perdita
