#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// An anchor should be nearer to a positive example than to a negative one, by a margin.
struct TripletMargin {
  static constexpr LossInfo info{
      .name = "triplet_margin",
      .torch_name = "triplet_margin_loss",
      .family = Family::distance,
      .operands = {prediction(Meaning::vector).named("anchor").of_shape("[..., D]"),
                   prediction(Meaning::vector).named("positive").of_shape("[..., D]"),
                   prediction(Meaning::vector).named("negative").of_shape("[..., D]")},
      .unit = Unit::vector,
      .summary = "max(0, margin + D(anchor, positive) - D(anchor, negative)) with D(a, b) = ||a - b + eps||_p.",
      .variables = "y: distance to the positive example; t: distance to the negative one",
      .input = non_negative,
      .target = non_negative,
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when = "an embedding is learned from which of two examples is more like a third",
      .avoid_when = "pairs are labelled by themselves (see cosine_embedding, hinge_embedding)",
      .source =
          "Balntas, Riba, Ponsa and Mikolajczyk, Learning local feature descriptors with triplets and shallow "
          "convolutional neural networks, BMVC 2016, eq. 1",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{
        parameter<&TripletMargin::margin>("margin", "by how much the negative example should be farther", positive),
        parameter<&TripletMargin::p>("p", "the norm; inf for the largest component", non_negative, Infinite::allowed),
        parameter<&TripletMargin::eps>("eps", "added to each component of a difference", non_negative),
        parameter<&TripletMargin::swap>("swap", "takes the distance of positive to negative where that is smaller")};
  }

  double margin = 1.0;
  double p = 2.0;
  double eps = 1e-6;
  bool swap = false;

  auto operator()(auto y, auto t) const { return clamp_min(margin + (y - t), 0.0); }
};

}  // namespace perdita
