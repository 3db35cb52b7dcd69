// with_slope() on tensors: see math/dual.hpp. For the sources of this part only.
#pragma once

#include "perdita/tensor/all.hpp"

namespace perdita {

/// value(x), with slope(x) for a gradient by x where differs(x); gradients by what these capture flow as usual, and all
/// of them can be differentiated again.
template <class Value, class Slope, class Where>
Tensor with_slope(const Tensor& x, const Value& value, const Slope& slope, const Where& differs) {
  const Tensor constant = x.detach(), where = differs(constant);
  const Tensor step = (x - constant) * slope(constant);  // 0, with that slope
  return value(select(where, constant, x)) + select(where, step, 0.0);
}

}  // namespace perdita
