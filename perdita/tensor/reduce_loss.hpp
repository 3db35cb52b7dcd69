// What every loss on tensors does once its elements' losses are known. For the sources of this part only.
#pragma once

#include "perdita/losses/reduction.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita::detail {

/// The denominator of a mean over losses of `shape`, by its name; weight_sum and count are what the loss found.
inline double denominator_of(Normalize normalize, const Shape& shape, double count, double weight_sum) {
  switch (normalize) {
    case Normalize::count:
      return count;
    case Normalize::weight_sum:
      return weight_sum;
    case Normalize::batch:
      return shape.rank() == 0 ? 1.0 : static_cast<double>(shape[0]);
    case Normalize::standard:
      break;
  }
  return count;
}

/// Passes `gradient` (of the reduced loss, or of each element) on, times the upstream gradient.
inline void scale_gradient(BackwardContext& b, Tensor& gradient, int classes_dim) {
  const Tensor& upstream = b.upstream();
  if (upstream.numel() == 1 && gradient.numel() != 1 && !b.create_graph()) {
    const double factor = upstream.item();
    if (factor == 1.0 && b.may_consume()) return b.set(0, std::move(gradient));
    return b.set(0, gradient * factor);
  }
  b.set(0, gradient * (classes_dim < 0 || upstream.rank() == 0 ? upstream : upstream.unsqueeze(classes_dim)));
}

}  // namespace perdita::detail
