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
      .variables = "y: distance to the positive example; t: distance to the negative example",
      .input = non_negative,
      .target = non_negative,
      .traits = Trait::convex | Trait::lipschitz | Trait::never_negative,
      .use_when = "an embedding is learned from triplets: an anchor, a similar example and a less similar one",
      .avoid_when = "each pair has a label (see cosine_embedding, hinge_embedding)",
      .source =
          "Balntas, Riba, Ponsa and Mikolajczyk, Learning local feature descriptors with triplets and shallow "
          "convolutional neural networks, BMVC 2016, eq. 1",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{
        parameter<&TripletMargin::margin>(
            "margin", "required difference between the distances to the negative and to the positive example",
            positive),
        parameter<&TripletMargin::p>("p", "order of the norm; inf is the maximum norm", non_negative,
                                     Infinite::allowed),
        parameter<&TripletMargin::eps>("eps", "added to each component of a difference", non_negative),
        parameter<&TripletMargin::swap>(
            "swap", "whether to use the distance between positive and negative where it is smaller")};
  }

  double margin = 1.0;
  double p = 2.0;
  double eps = 1e-6;
  bool swap = false;

  auto operator()(auto y, auto t) const { return clamp_min(margin + (y - t), 0.0); }
};

}  // namespace perdita
