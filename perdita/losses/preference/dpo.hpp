#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/dual.hpp"

namespace perdita {

/// A sum or mean of the log-probabilities of a completion's tokens, or one token's.
inline constexpr LossOperand log_prob_operand =
    prediction(Meaning::log_probability, Interval{.high = 0}).named("log_prob");
/// The same by a model that is not trained.
inline constexpr LossOperand reference_operand =
    log_prob_operand.of(Role::side_information, Meaning::log_probability).named("ref_log_prob").not_deciding_dtype();

/// The function of the margin in dpo.
enum class DpoKind { sigmoid, robust, hinge, ipo };
inline constexpr std::string_view dpo_kind_names[] = {"sigmoid", "robust", "hinge", "ipo"};

/// Direct preference optimization: the chosen completion should gain probability, compared with a reference model, and
/// the rejected one lose it.
struct Dpo {
  static constexpr LossInfo info{
      .name = "dpo",
      .torch_name = "",
      .family = Family::preference,
      .operands = {log_prob_operand.named("chosen"), log_prob_operand.named("rejected"),
                   reference_operand.named("ref_chosen"), reference_operand.named("ref_rejected"), loss_weight_operand},
      .summary =
          "-log sigmoid(beta d) with d = (chosen - ref_chosen) - (rejected - ref_rejected), for sums of the "
          "log-probabilities of the tokens of a completion.",
      .variables =
          "chosen, rejected: log-probabilities of the completions; ref_chosen, ref_rejected: the same by the reference "
          "model, constants",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when =
          "a language model is trained on pairs of completions of which one is preferred, with a reference model",
      .avoid_when =
          "a reference model is not available (see simpo, orpo), or completions are rated one at a time (see kto)",
      .source =
          "Rafailov et al., Direct preference optimization, NeurIPS 2023, eq. 7; ipo: Azar et al., AISTATS 2024, eq. "
          "17; robust: Chowdhury, Kini and Natarajan, ICML 2024; hinge: Zhao et al., SLiC-HF, 2023",
      .differences =
          "ipo: TRL divides log-probabilities by the numbers of tokens, the paper and this loss do not (pass means for "
          "that). label_smoothing applies to sigmoid and robust; TRL 1.x has it in robust only"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Dpo::beta>("beta", "strength of the penalty for leaving the reference model", positive),
        parameter<&Dpo::label_smoothing>("label_smoothing", "probability that a preference is reversed",
                                         Interval{.low = 0, .high = 0.5, .includes_high = false}),
        choice<&Dpo::kind>("kind", "function of the margin beta d", dpo_kind_names)};
  }

  double beta = 0.1;
  double label_smoothing = 0.0;
  DpoKind kind = DpoKind::sigmoid;

  auto operator()(auto chosen, auto rejected, auto ref_chosen, auto ref_rejected) const {
    const auto d = (chosen - ref_chosen) - (rejected - ref_rejected);
    if (kind == DpoKind::ipo) return square(d - 0.5 / beta);
    const auto margin = beta * d;
    if (kind == DpoKind::hinge) return clamp_min(1.0 - margin, 0.0);
    const double e = label_smoothing;
    if (e == 0.0) return softplus(-margin);
    if (kind == DpoKind::sigmoid) return (1.0 - e) * softplus(-margin) + e * softplus(margin);
    return ((1.0 - e) * softplus(-margin) - e * softplus(margin)) * (1.0 / (1.0 - 2.0 * e));
  }
};

}  // namespace perdita
