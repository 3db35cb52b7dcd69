#pragma once

#include <array>

#include "perdita/losses/preference/dpo.hpp"

namespace perdita {

inline constexpr LossOperand old_log_prob_operand = reference_operand.named("old_log_prob");
inline constexpr LossOperand advantage_operand =
    reference_operand.of(Role::side_information, Meaning::advantage).named("advantage").in(reals);

/// -min(r A, clip(r) A) for a ratio r of probabilities and an advantage A. The gradient is 0 where the ratio is
/// clipped.
inline auto clipped_surrogate(auto ratio, auto advantage, double low, double high) {
  const auto is_high = (advantage > 0.0) & (ratio > 1.0 + high), is_low = (advantage < 0.0) & (ratio < 1.0 - low);
  return -select(is_high, 1.0 + high, select(is_low, 1.0 - low, ratio)) * advantage;
}

/// The clipped surrogate objective of proximal policy optimization.
struct PpoClip {
  static constexpr LossInfo info{
      .name = "ppo_clip",
      .torch_name = "",
      .family = Family::preference,
      .operands = {log_prob_operand.in(reals), old_log_prob_operand.in(reals), advantage_operand, loss_weight_operand},
      .summary =
          "-min(r A, clip(r, 1 - clip_low, 1 + clip_high) A) with the ratio r = exp(log_prob - old_log_prob) and the "
          "advantage A.",
      .variables =
          "log_prob: of an action or token; old_log_prob: by the policy that acted, a constant; advantage: a constant",
      .mean = Normalize::weight_sum,
      .traits = Trait::none,
      .use_when = "a policy is improved by several steps on the same samples; give a mask of tokens as weight",
      .avoid_when = "advantages are relative to a group of completions and a penalty is needed (see grpo)",
      .source = "Schulman et al., Proximal policy optimization algorithms, arXiv 1707.06347, eq. 7",
      .differences = "a mean divides by the sum of the weights where they are given"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&PpoClip::clip_low>("clip_low", "ratios below 1 minus this are clipped", probabilities),
        parameter<&PpoClip::clip_high>("clip_high", "ratios above 1 plus this are clipped", non_negative)};
  }

  double clip_low = 0.2;
  double clip_high = 0.2;

  auto operator()(auto log_prob, auto old_log_prob, auto advantage) const {
    return clipped_surrogate(exp(log_prob - old_log_prob), advantage, clip_low, clip_high);
  }
};

}  // namespace perdita
