#pragma once

#include <cstdint>

#include "perdita/losses/overlap/mask_parameters.hpp"

namespace perdita {

/// The convex extension of intersection over union to errors that are numbers. It sorts a mask's pixels by their
/// errors: it has no formula of sums.
struct Lovasz {
  static constexpr LossInfo info{
      .name = "lovasz",
      .torch_name = "",
      .family = Family::overlap,
      .operands = mask_operands,
      .unit = Unit::mask,
      .summary =
          "1 - intersection over union, extended to errors between right and wrong: of a hinge for masks (Lovasz "
          "hinge), of the softmax for classes (Lovasz-Softmax).",
      .variables =
          "logits and targets 0 or 1 of the same shape: errors max(0, 1 - (2 t - 1) y); or logits [N, C, ...] and "
          "class "
          "indices [N, ...]: errors 1 - p of the own class, p of the others",
      .target = {.low = 0, .high = 1, .ends_only = true},
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when = "intersection over union is what counts, most of all to finish a training begun with cross-entropy",
      .avoid_when = "speed counts, for it sorts all pixels (see jaccard), or targets are between 0 and 1",
      .source =
          "Berman, Triki and Blaschko, The Lovasz-Softmax loss, CVPR 2018, eq. 8 to 12 and algorithm 1; the hinge also "
          "Yu and Blaschko, The Lovasz hinge, IEEE TPAMI 42, 2020",
      .differences =
          "as the authors' code: lovasz_hinge is the default, lovasz_softmax has batch=true; classes='all' is "
          "present_only=false. Convex is the hinge"};
  static constexpr auto parameters() { return with_mask_parameters(std::array<Parameter<Lovasz>, 0>{}); }

  bool batch = false, multilabel = false, present_only = true;
  std::int64_t ignore_index = -100;
};

}  // namespace perdita
