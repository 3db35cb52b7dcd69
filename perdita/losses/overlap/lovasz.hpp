#pragma once

#include <cstdint>

#include "perdita/losses/overlap/mask_parameters.hpp"

namespace perdita {

/// The convex extension of intersection over union to continuous errors. It sorts the pixels of a mask by their errors
/// and is not a formula of sums.
struct Lovasz {
  static constexpr LossInfo info{
      .name = "lovasz",
      .torch_name = "",
      .family = Family::overlap,
      .operands = mask_operands,
      .unit = Unit::mask,
      .summary =
          "1 - intersection over union, extended to continuous errors: those of a hinge for masks (Lovasz hinge), "
          "those of the softmax for classes (Lovasz-Softmax).",
      .variables =
          "for logits and targets 0 or 1 of the same shape, the errors are max(0, 1 - (2 t - 1) y); for logits [N, C, "
          "...] and class indices [N, ...], they are 1 - p for the true class and p for the others",
      .target = {.low = 0, .high = 1, .ends_only = true},
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when =
          "intersection over union is the metric, especially to fine-tune a model that was trained with cross-entropy",
      .avoid_when = "speed matters, because all pixels are sorted (see jaccard), or targets lie between 0 and 1",
      .source =
          "Berman, Triki and Blaschko, The Lovasz-Softmax loss, CVPR 2018, eq. 8 to 12 and algorithm 1; for the hinge "
          "also Yu and Blaschko, The Lovasz hinge, IEEE TPAMI 42, 2020",
      .differences =
          "equivalents in the authors' code: lovasz_hinge is the default, lovasz_softmax is batch=true, classes='all' "
          "is present_only=false. Only the hinge is convex"};
  static constexpr auto parameters() { return with_mask_parameters(std::array<Parameter<Lovasz>, 0>{}); }

  bool batch = false, multilabel = false, present_only = true;
  std::int64_t ignore_index = -100;
};

}  // namespace perdita
