#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Pulls distances of similar pairs to 0 and pushes those of dissimilar pairs beyond a margin.
struct HingeEmbedding {
  static constexpr LossInfo info{
      .name = "hinge_embedding",
      .torch_name = "hinge_embedding_loss",
      .family = Family::binary,
      .operands =
          elementwise_operands(prediction(Meaning::distance), target(Meaning::sign, signs).not_deciding_dtype()),
      .summary =
          "y for a similar pair (t = 1), max(0, margin - y) for a dissimilar one (t = -1), where y is a distance.",
      .traits = Trait::convex | Trait::lipschitz,
      .use_when = "pairs are labelled as similar or dissimilar, and y is the distance between their embeddings",
      .avoid_when = "y is a score that may be negative for similar pairs: the loss then has no lower bound",
      .source =
          "Hadsell, Chopra and LeCun, Dimensionality reduction by learning an invariant mapping, CVPR 2006, eq. 4 "
          "(there squared)",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{parameter<&HingeEmbedding::margin>("margin", "minimum distance of dissimilar pairs")};
  }

  double margin = 1.0;

  // Both selects, as in PyTorch: a target that is neither 1 nor -1 adds both terms.
  auto operator()(auto y, auto t) const {
    return select(t != 1.0, clamp_min(margin - y, 0.0), 0.0) + select(t != -1.0, y, 0.0);
  }
};

}  // namespace perdita
