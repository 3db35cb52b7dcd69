#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// Every pair of a query and a positive is classified by itself as matching or not.
struct Siglip {
  static constexpr LossInfo info{
      .name = "siglip",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {query_operand, positive_operand, logit_scale_operand,
                   logit_scale_operand.named("logit_bias").of(Meaning::logit), query_weight_operand},
      .unit = Unit::vector,
      .summary =
          "-sum_j log sigmoid(z_ij (s cos(q_i, p_j) + b)) for each query i, where z_ij is 1 for i = j and -1 "
          "otherwise.",
      .variables = "q: query; p: positive; s: logit_scale, 10 if omitted; b: logit_bias, -10 if omitted",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "encoders of two kinds of data are trained on matching pairs, with batches of any size",
      .avoid_when = "similarities should be comparable across queries as probabilities (see clip_contrastive)",
      .source = "Zhai, Mustafa, Kolesnikov and Beyer, Sigmoid loss for language image pre-training, ICCV 2023"};
};

}  // namespace perdita
