#pragma once

#include <array>
#include <cstdint>

#include "perdita/losses/overlap/mask_parameters.hpp"

namespace perdita {

/// Weight of a class by its size T, the sum of its target.
enum class VolumeWeighting { square, simple, uniform };
inline constexpr std::array<std::string_view, 3> volume_weighting_names{"square", "simple", "uniform"};

/// Dice of all classes of an item together, where each class is weighted by its size. It is a function of sums of all
/// classes: see functional/overlap.cpp.
struct GeneralizedDice {
  static constexpr LossInfo info{
      .name = "generalized_dice",
      .torch_name = "",
      .family = Family::overlap,
      .operands = {mask_operands.first(Role::prediction), mask_operands.first(Role::target),
                   element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .unit = Unit::mask,
      .summary =
          "1 - (2 sum_c w_c tp_c + smooth) / (sum_c w_c (2 tp_c + fp_c + fn_c) + smooth) over the classes c of an "
          "item, "
          "with w_c = 1 / T_c^2 (square), 1 / T_c (simple) or 1 (uniform), where T_c is the sum of the target.",
      .variables = overlap_operands,
      .broadcasts = false,
      .traits = Trait::smooth | Trait::never_negative,
      .use_when = "classes of very different sizes are segmented, and errors in small ones should count as much",
      .avoid_when = "classes often have no or few pixels in an item: their weights dominate (see dice)",
      .source =
          "Sudre, Li, Vercauteren, Ourselin and Cardoso, Generalised Dice overlap as a deep learning loss function for "
          "highly unbalanced segmentations, DLMIA 2017, section 2",
      .differences =
          "a class without a pixel has the largest weight of the others, as in MONAI, or is ignored with present_only. "
          "optax averages the losses of classes instead, which is another loss"};
  static constexpr auto parameters() {
    return with_mask_parameters(
        std::array{choice<&GeneralizedDice::weighting>("weighting", "weights of the classes by their sizes",
                                                       volume_weighting_names),
                   parameter<&GeneralizedDice::smooth>("smooth", "added to numerator and denominator", non_negative)});
  }

  VolumeWeighting weighting = VolumeWeighting::square;
  double smooth = 1e-5;
  bool batch = false, multilabel = false, present_only = false;
  std::int64_t ignore_index = -100;
};

}  // namespace perdita
