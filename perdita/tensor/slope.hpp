// with_slope() on tensors: see math/dual.hpp. For the sources of this part only.
#pragma once

#include "perdita/tensor/all.hpp"

namespace perdita {

/// value(x) with the gradient upstream * slope(x) by x; gradients by what the two capture flow as usual.
template <class Value, class Slope>
Tensor with_slope(const Tensor& x, const Value& value, const Slope& slope) {
  const Tensor of_others = value(x.detach());
  const Tensor result = of_others.detach().clone();
  return make_node("with_slope", result, {&x, &of_others}, [saved = Saved(x), slope](BackwardContext& b) {
    if (b.wants(0)) b.set(0, b.upstream() * slope(saved.get(b.name())));
    if (b.wants(1)) b.set(1, b.upstream());
  });
}

}  // namespace perdita
