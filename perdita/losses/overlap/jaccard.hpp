#pragma once

#include <cstdint>

#include "perdita/losses/overlap/mask_parameters.hpp"

namespace perdita {

/// 1 - intersection over union of a mask and its prediction.
struct Jaccard {
  static constexpr LossInfo info{
      .name = "jaccard",
      .torch_name = "",
      .family = Family::overlap,
      .operands = mask_operands,
      .unit = Unit::mask,
      .summary = "1 - (tp + smooth) / (tp + fp + fn + smooth), where tp, fp and fn are sums over the pixels of a mask.",
      .variables = overlap_operands,
      .broadcasts = false,
      .traits = Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "segmentations are evaluated by intersection over union (IoU)",
      .avoid_when = "the last errors of a nearly correct mask should be penalized less (see dice)",
      .source =
          "Rahman and Wang, Optimizing intersection-over-union in deep neural networks for image segmentation, ISVC "
          "2016, section 3",
      .differences =
          "segmentation_models_pytorch: smooth=0,batch=true; MONAI (DiceLoss with jaccard=True): smooth=1e-5. With "
          "smooth = 0, the loss of a mask is 2 d / (1 + d), where d is its dice loss"};
  static constexpr auto parameters() {
    return with_mask_parameters(std::array{
        parameter<&Jaccard::smooth>(
            "smooth", "added to numerator and denominator; bounds the gradient of an empty mask", non_negative),
        parameter<&Jaccard::squared>(
            "squared", "whether the union is the sum of p^2 + t^2 - p t; fp and fn are then sums of (p - t)^2")});
  }

  double smooth = 1;
  bool squared = false;
  bool batch = false, multilabel = false, present_only = false;
  std::int64_t ignore_index = -100;

  auto operator()(auto tp, auto fp, auto fn) const { return share_of_errors(fp + fn, tp, smooth); }
};

}  // namespace perdita
