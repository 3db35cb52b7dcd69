// with_slope() on tensors: see math/dual.hpp. For the sources of this part only.
#pragma once

#include "perdita/math/dual.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {

// A recorded function is one step, and is differentiated again by its own rule. Written out it would be made of max(x,
// 0) and exp(-|x|), whose derivatives at 0 do not add up.
template <>
inline constexpr bool detail::calls_functions<Tensor> = true;

/// value(x) with slope(x) for its gradient by x; gradients by what the two capture flow as usual. As Taylor's series
/// about x, whose terms past the first are 0: derivatives are right to the second order.
template <class Value, class Slope>
Tensor with_slope(const Tensor& x, const Value& value, const Slope& slope) {
  const Tensor at = x.detach(), step = x - at;
  const Dual<Tensor> slopes = slope(Dual<Tensor>{at, Tensor::ones({}, at.dtype())});
  return value(at) + step * slopes.v + 0.5 * step * step * slopes.d.detach();
}

/// The same where slope(x) is a constant where differs(x), and value's own derivative elsewhere: right to any order.
template <class Value, class Slope, class Where>
Tensor with_slope(const Tensor& x, const Value& value, const Slope& slope, const Where& differs) {
  const Tensor constant = x.detach(), where = differs(constant);
  return value(select(where, constant, x)) + select(where, (x - constant) * slope(constant), 0.0);
}

}  // namespace perdita
