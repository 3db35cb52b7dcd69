#pragma once

#include <cstdint>

#include "perdita/losses/overlap/mask_parameters.hpp"

namespace perdita {

/// 1 - Dice coefficient of a mask and its prediction, which does not depend on the size of the mask.
struct Dice {
  static constexpr LossInfo info{
      .name = "dice",
      .torch_name = "",
      .family = Family::overlap,
      .operands = mask_operands,
      .unit = Unit::mask,
      .summary =
          "1 - (2 tp + smooth) / (2 tp + fp + fn + smooth), where tp, fp and fn are sums over the pixels of a mask.",
      .variables = overlap_operands,
      .broadcasts = false,
      .traits = Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "the masks of a segmentation are small compared with the background",
      .avoid_when =
          "probabilities must be calibrated (see binary_cross_entropy_with_logits), or false positives and false "
          "negatives are not equally bad (see tversky)",
      .source =
          "Milletari, Navab and Ahmadi, V-Net, 3DV 2016, section 3 (squared=true); Drozdzal, Vorontsov, Chartrand, "
          "Kadoury and Pal, The importance of skip connections in biomedical image segmentation, DLMIA 2016 (plain "
          "sums)",
      .differences =
          "segmentation_models_pytorch: smooth=0,batch=true; MONAI: smooth=1e-5, and with sigmoid=True also "
          "multilabel=true. tversky with alpha = beta = 0.5 and half the value of smooth is equal"};
  static constexpr auto parameters() {
    return with_mask_parameters(std::array{
        parameter<&Dice::smooth>("smooth", "added to numerator and denominator; bounds the gradient of an empty mask",
                                 non_negative),
        parameter<&Dice::squared>(
            "squared", "whether the denominator is the sum of p^2 + t^2; fp and fn are then sums of (p - t)^2")});
  }

  double smooth = 1;
  bool squared = false;
  bool batch = false, multilabel = false, present_only = false;
  std::int64_t ignore_index = -100;

  auto operator()(auto tp, auto fp, auto fn) const { return share_of_errors(fp + fn, 2.0 * tp, smooth); }
};

}  // namespace perdita
