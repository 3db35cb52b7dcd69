// The kernels of the losses of three operands, compiled once, in the library.
#pragma once

#include "perdita/kernels/elementwise.hpp"
#include "perdita/losses/regression/of_variance.hpp"

namespace perdita::kernels {

#define PERDITA_TRIPLE_KERNEL(keyword, Formula, T)                                                                  \
  keyword template double elementwise(const Formula&, const std::array<const T*, 3>&, const ElementwiseOutputs<T>&, \
                                      std::int64_t);
PERDITA_TRIPLE_KERNEL(extern, GaussianNllOfVariance, float)
PERDITA_TRIPLE_KERNEL(extern, GaussianNllOfVariance, double)

}  // namespace perdita::kernels
