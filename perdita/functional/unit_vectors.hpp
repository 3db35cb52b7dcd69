// Vectors divided by their length.
#pragma once

#include "perdita/losses/distance/norm.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita::detail {

/// x / max(|x|, 1e-12) along the last dimension, with gradient 0 for shorter vectors. Vectors are first divided by
/// their largest component, so that squares neither overflow nor underflow.
inline Tensor unit_vectors(const Tensor& x) {
  constexpr double shortest = 1e-12;
  if (x.numel() == 0) return x;
  const Tensor largest = amax(abs(x.detach()), -1, true);
  const Tensor scaled = x / select(largest > 0.0, largest, 1.0);
  const Tensor norm = EuclideanNorm::root(sum(square(scaled), -1, true));
  const Tensor is_short = largest * norm.detach() <= shortest;
  return select(is_short, x.detach() / shortest, scaled / select(norm > 0.0, norm, 1.0));
}

}  // namespace perdita::detail
