// Losses of float32 tensors with parameters that require float64, such as huber with a delta of 1e-50.
#pragma once

#include "perdita/functional/loss_options.hpp"
#include "perdita/losses/parameter_range.hpp"

namespace perdita::detail {

template <class Loss>
bool needs_double(const Loss& loss, DType dtype) {
  return dtype == DType::float32 && beyond_float_range(loss) != nullptr;
}

/// A loss of float64, and its extras, as float32.
inline Tensor narrowed(const Tensor& loss, LossExtras* extras) {
  if (extras) {
    extras->losses = extras->losses.to(DType::float32);
    if (extras->margins.defined()) extras->margins = extras->margins.to(DType::float32);
  }
  return loss.to(DType::float32);
}

}  // namespace perdita::detail
