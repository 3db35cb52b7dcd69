#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Similar vectors should have the same direction, dissimilar ones different directions.
struct CosineEmbedding {
  static constexpr LossInfo info{
      .name = "cosine_embedding",
      .torch_name = "cosine_embedding_loss",
      .family = Family::distance,
      .operands = {prediction(Meaning::vector).named("input1").of_shape("[D] or [N, D]"),
                   prediction(Meaning::vector).named("input2").of_shape("[D] or [N, D]"),
                   target(Meaning::sign, signs).of_shape("[] or [N]").not_deciding_dtype()},
      .unit = Unit::vector,
      .summary =
          "1 - cos(x1, x2) for a similar pair (t = 1), max(0, cos(x1, x2) - margin) for a dissimilar one (t = -1).",
      .variables = "y: cosine of the angle between input1 and input2; t: target, 1 or -1",
      .input = {.low = -1, .high = 1},
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when = "pairs are labelled as similar or dissimilar and the length of the vectors is irrelevant",
      .avoid_when =
          "the length of the vectors matters (see hinge_embedding), or the examples are triplets (see triplet_margin)",
      .source =
          "Hadsell, Chopra and LeCun, Dimensionality reduction by learning an invariant mapping, CVPR 2006, with the "
          "cosine instead of a distance",
      .differences =
          "a target that is neither 1 nor -1 gives gradient 0 even where the cosine is nan (PyTorch: nan); the cosine "
          "of float32 vectors whose squares overflow is correct (PyTorch: 0 or nan)"};
  static constexpr auto parameters() {
    return std::array{parameter<&CosineEmbedding::margin>(
        "margin", "largest cosine of dissimilar pairs that is not penalized", Interval{.low = -1, .high = 1})};
  }

  double margin = 0.0;

  // The loss of a target that is neither 1 nor -1 is 0, as in PyTorch.
  auto operator()(auto y, auto t) const {
    return select(t == 1.0, 1.0 - y, zero_unless(t == -1.0, clamp_min(y - margin, 0.0)));
  }
};

}  // namespace perdita
