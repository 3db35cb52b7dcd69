#pragma once

#include <cstdint>

#include "perdita/losses/overlap/mask_parameters.hpp"

namespace perdita {

/// Overlap in which pixels found too many and pixels missed count differently.
struct Tversky {
  static constexpr LossInfo info{
      .name = "tversky",
      .torch_name = "",
      .family = Family::overlap,
      .operands = mask_operands,
      .unit = Unit::mask,
      .summary = "1 - (tp + smooth) / (tp + alpha fp + beta fn + smooth): dice for alpha = beta = 0.5, jaccard for 1.",
      .variables = overlap_operands,
      .broadcasts = false,
      .traits = Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "small masks must not be missed: beta above alpha; or nothing may be claimed that is not there",
      .avoid_when = "both errors are alike (see dice)",
      .source =
          "Salehi, Erdogmus and Gholipour, Tversky loss function for image segmentation using 3D fully convolutional "
          "deep networks, MLMI 2017, eq. 3",
      .differences = "alpha and beta are those of segmentation_models_pytorch and MONAI, too"};
  static constexpr auto parameters() {
    return with_mask_parameters(std::array{
        parameter<&Tversky::alpha>("alpha", "what false positives count", non_negative),
        parameter<&Tversky::beta>("beta", "what false negatives count", non_negative),
        parameter<&Tversky::smooth>(
            "smooth", "added to numerator and denominator, which bounds the slope of an empty mask", non_negative)});
  }

  double alpha = 0.5, beta = 0.5;
  double smooth = 1;
  bool batch = false, multilabel = false, present_only = false;
  std::int64_t ignore_index = -100;

  auto operator()(auto tp, auto fp, auto fn) const { return share_of_errors(alpha * fp + beta * fn, tp, smooth); }
};

}  // namespace perdita
