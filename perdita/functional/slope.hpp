// with_slope() on tensors: see math/dual.hpp. For the sources of this part only.
#pragma once

#include "perdita/math/dual.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {

// A recorded function is one operation with its own derivative. Composed of max(x, 0) and exp(-|x|), its derivative at
// 0 would be wrong.
template <>
inline constexpr bool detail::calls_functions<Tensor> = true;

/// value(x) with slope(x) as its gradient with respect to x; gradients with respect to captured tensors are unchanged.
/// Computed as a Taylor series about x whose terms are 0 at x: derivatives are correct to the second order.
template <class Value, class Slope>
Tensor with_slope(const Tensor& x, const Value& value, const Slope& slope) {
  const Tensor at = x.detach(), step = x - at;
  const Dual<Tensor> slopes = slope(Dual<Tensor>{at, Tensor::ones({}, at.dtype())});
  return value(at) + step * slopes.v + 0.5 * step * step * slopes.d.detach();
}

/// The same if slope(x) is a constant where differs(x), and the derivative of value elsewhere: correct to any order.
template <class Value, class Slope, class Where>
Tensor with_slope(const Tensor& x, const Value& value, const Slope& slope, const Where& differs) {
  const Tensor constant = x.detach(), where = differs(constant);
  return value(select(where, constant, x)) + select(where, (x - constant) * slope(constant), 0.0);
}

}  // namespace perdita
