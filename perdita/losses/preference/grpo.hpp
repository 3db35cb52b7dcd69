#pragma once

#include <array>

#include "perdita/losses/preference/ppo_clip.hpp"
#include "perdita/math/remainders.hpp"

namespace perdita {

/// Group relative policy optimization: the clipped surrogate of each token, and a penalty for leaving a reference
/// model.
struct Grpo {
  static constexpr LossInfo info{
      .name = "grpo",
      .torch_name = "",
      .family = Family::preference,
      .operands = {log_prob_operand.in(reals), old_log_prob_operand.in(reals), reference_operand.in(reals),
                   advantage_operand, loss_weight_operand},
      .summary =
          "ppo_clip plus beta (exp(k) - 1 - k) with k = ref_log_prob - log_prob. A mean divides by the sum of the "
          "weights: by all tokens, if weight is the mask of tokens.",
      .variables =
          "log_prob: of a token; old_log_prob: by the policy that generated it; ref_log_prob: by the reference model; "
          "advantage: reward relative to the group, broadcast over the tokens; the last three are constants",
      .mean = Normalize::weight_sum,
      .traits = Trait::none,
      .use_when =
          "a language model is trained on rewards of groups of completions. weight = mask is the mean of DAPO; weight "
          "= mask / tokens of the completion with normalize_by='batch' that of GRPO; normalize_by = batch times a "
          "length that of Dr. GRPO",
      .avoid_when = "preferences are known as pairs (see dpo)",
      .source =
          "Shao et al., DeepSeekMath, 2024, eq. 3 and 4; Yu et al., DAPO, 2025; Liu et al., Understanding R1-Zero-like "
          "training, 2025",
      .differences =
          "beta is 0.04 in DeepSeekMath and Liger, 0 in TRL. Without an older policy, old_log_prob is "
          "log_prob.detach()"};
  static constexpr auto parameters() {
    return std::array{parameter<&Grpo::beta>("beta", "weight of the penalty", non_negative),
                      parameter<&Grpo::clip_low>("clip_low", "ratios below 1 minus this are clipped", probabilities),
                      parameter<&Grpo::clip_high>("clip_high", "ratios above 1 plus this are clipped", non_negative)};
  }

  double beta = 0.04;
  double clip_low = 0.2;
  double clip_high = 0.2;

  auto operator()(auto log_prob, auto old_log_prob, auto ref_log_prob, auto advantage) const {
    return clipped_surrogate(exp(log_prob - old_log_prob), advantage, clip_low, clip_high) +
           beta * expm1_without_x(ref_log_prob - log_prob);
  }
};

}  // namespace perdita
