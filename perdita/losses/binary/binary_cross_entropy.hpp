#pragma once

#include "perdita/losses/binary/binary_cross_entropy_with_logits.hpp"

namespace perdita {

/// Binary cross-entropy of a probability. Prefer the form with logits.
struct BinaryCrossEntropy {
  static constexpr LossInfo info{
      .name = "binary_cross_entropy",
      .torch_name = "binary_cross_entropy",
      .family = Family::binary,
      .operands = elementwise_operands(prediction(Meaning::probability, probabilities),
                                       target(Meaning::label, probabilities).not_deciding_dtype()),
      .summary = "-t log y - (1 - t) log(1 - y) for a probability y; each logarithm is clamped to at least -100.",
      .broadcasts = false,
      .checks_domain = true,
      .traits = Trait::convex | Trait::smooth | Trait::never_negative | Trait::proper,
      .use_when = "the output of the model is a probability and its logit is not available",
      .avoid_when =
          "the model ends in a sigmoid: binary_cross_entropy_with_logits keeps the gradient where the sigmoid "
          "saturates",
      .source = "Good, Rational decisions, J. R. Statist. Soc. B 14, 1952, section 8",
      .differences =
          "where the input is 0 or 1, the gradient with respect to the target is that of the clamped loss, 100 or -100 "
          "(PyTorch: infinite)"};

  /// The same loss for logits, which does not round probabilities near 1; its values are limited to `largest`.
  using OfLogits = BinaryCrossEntropyWithLogits;
  static constexpr double largest = 100;

  // PyTorch clamps the logarithms in the value, but x (1 - x) >= 1e-12 (rounded to float32) in the gradient, so that it
  // is never 0 at an incorrect 0 or 1.
  auto operator()(auto y, auto t) const {
    const auto value = [=](auto p) { return -(t * max(log(p), -100.0) + (1.0 - t) * max(log1p(-p), -100.0)); };
    constexpr double least = 1e-12F;
    const auto slope = [=](auto p) { return (p - t) / max(p * (1.0 - p), least); };
    return with_slope(y, value, slope);
  }
};

}  // namespace perdita
