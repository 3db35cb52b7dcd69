#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// Matching pairs of two kinds, such as images and texts, should be nearer than all other pairs of the batch.
struct ClipContrastive {
  static constexpr LossInfo info{
      .name = "clip_contrastive",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {query_operand, positive_operand, logit_scale_operand, query_weight_operand},
      .unit = Unit::vector,
      .summary =
          "(log sum_k exp(s cos(q_i, p_k)) + log sum_k exp(s cos(q_k, p_i))) / 2 - s cos(q_i, p_i) for each pair i: "
          "the mean of the cross-entropies of the rows and of the columns of the matrix of scaled cosines.",
      .variables = "q: query; p: positive; s: logit_scale, 1 / 0.07 if omitted",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when =
          "encoders of two kinds of data are trained together on matching pairs, such as images and texts (CLIP)",
      .avoid_when = "only one direction is searched (see info_nce), or batches are small (see siglip)",
      .source =
          "Radford et al., Learning transferable visual models from natural language supervision, ICML 2021, fig. 3. "
          "The scale is the factor itself, not its logarithm"};
};

}  // namespace perdita
