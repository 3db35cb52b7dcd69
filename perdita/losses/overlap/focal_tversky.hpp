#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "perdita/losses/overlap/mask_parameters.hpp"

namespace perdita {

/// A power of the Tversky loss, which increases or reduces the gradient of masks that are nearly correct.
struct FocalTversky {
  static constexpr LossInfo info{
      .name = "focal_tversky",
      .torch_name = "",
      .family = Family::overlap,
      .operands = mask_operands,
      .unit = Unit::mask,
      .summary = "tversky^(1 / gamma): with gamma above 1, masks that are nearly correct keep a large gradient.",
      .variables = overlap_operands,
      .broadcasts = false,
      .traits = Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "small structures are missed by dice or tversky",
      .avoid_when = "training becomes unstable near the end, where the gradient per error is largest (see tversky)",
      .source =
          "Abraham and Khan, A novel focal Tversky loss function with improved attention U-Net for lesion "
          "segmentation, ISBI 2019, eq. 4",
      .differences =
          "alpha and beta are those of tversky; in the paper alpha is the weight of false negatives and beta that of "
          "false positives. segmentation_models_pytorch uses the exponent gamma instead of 1 / gamma"};
  static constexpr auto parameters() {
    return with_mask_parameters(std::array{
        parameter<&FocalTversky::alpha>("alpha", "weight of false positives", non_negative),
        parameter<&FocalTversky::beta>("beta", "weight of false negatives", non_negative),
        parameter<&FocalTversky::gamma>("gamma", "degree of the root of the Tversky loss", positive),
        parameter<&FocalTversky::smooth>(
            "smooth", "added to numerator and denominator; bounds the gradient of an empty mask", non_negative)});
  }

  double alpha = 0.3, beta = 0.7;
  double gamma = 4.0 / 3.0;
  double smooth = 1;
  bool batch = false, multilabel = false, present_only = false;
  std::int64_t ignore_index = -100;

  // The derivative of a root is infinite at 0. There the mask is correct, and the gradient is 0.
  auto operator()(auto tp, auto fp, auto fn) const {
    const auto share = share_of_errors(alpha * fp + beta * fn, tp, smooth);
    const auto right = share == 0.0;
    const double power = std::min(1.0 / gamma, std::numeric_limits<double>::max());
    return select(right, 0.0, pow(select(right, 1.0, share), power));
  }
};

}  // namespace perdita
