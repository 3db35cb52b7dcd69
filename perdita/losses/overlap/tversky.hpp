#pragma once

#include <cstdint>

#include "perdita/losses/overlap/mask_parameters.hpp"

namespace perdita {

/// Overlap with separate weights for false positives and false negatives.
struct Tversky {
  static constexpr LossInfo info{
      .name = "tversky",
      .torch_name = "",
      .family = Family::overlap,
      .operands = mask_operands,
      .unit = Unit::mask,
      .summary =
          "1 - (tp + smooth) / (tp + alpha fp + beta fn + smooth); dice for alpha = beta = 0.5, jaccard for alpha = "
          "beta = 1.",
      .variables = overlap_operands,
      .broadcasts = false,
      .traits = Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when =
          "false negatives are worse than false positives, as for small masks (beta above alpha), or vice versa",
      .avoid_when = "false positives and false negatives are equally bad (see dice)",
      .source =
          "Salehi, Erdogmus and Gholipour, Tversky loss function for image segmentation using 3D fully convolutional "
          "deep networks, MLMI 2017, eq. 3",
      .differences = "segmentation_models_pytorch and MONAI define alpha and beta in the same way"};
  static constexpr auto parameters() {
    return with_mask_parameters(std::array{
        parameter<&Tversky::alpha>("alpha", "weight of false positives", non_negative),
        parameter<&Tversky::beta>("beta", "weight of false negatives", non_negative),
        parameter<&Tversky::smooth>(
            "smooth", "added to numerator and denominator; bounds the gradient of an empty mask", non_negative)});
  }

  double alpha = 0.5, beta = 0.5;
  double smooth = 1;
  bool batch = false, multilabel = false, present_only = false;
  std::int64_t ignore_index = -100;

  auto operator()(auto tp, auto fp, auto fn) const { return share_of_errors(alpha * fp + beta * fn, tp, smooth); }
};

}  // namespace perdita
