// The kernels of the losses of three operands, compiled once, in the library.
#pragma once

#include "perdita/kernels/elementwise.hpp"
#include "perdita/losses/binary/binary_cross_entropy_with_logits.hpp"
#include "perdita/losses/regression/of_variance.hpp"

namespace perdita {

/// Losses with a weight of the positive class.
template <class Loss>
concept WeighsPositives = requires(const Loss& loss, Pack<double, 1> x) {
  loss(x, x, x);
};

/// Such a loss as a function of input, target and weight.
template <class Loss>
struct WithPosWeight {
  Loss loss;
  auto operator()(auto y, auto t, auto weight) const { return loss(y, t, weight); }
};

namespace kernels {

#define PERDITA_TRIPLE_KERNEL(keyword, Formula, T)                                                                  \
  keyword template double elementwise(const Formula&, const std::array<const T*, 3>&, const ElementwiseOutputs<T>&, \
                                      std::int64_t);
PERDITA_TRIPLE_KERNEL(extern, GaussianNllOfVariance, float)
PERDITA_TRIPLE_KERNEL(extern, GaussianNllOfVariance, double)
PERDITA_TRIPLE_KERNEL(extern, WithPosWeight<BinaryCrossEntropyWithLogits>, float)
PERDITA_TRIPLE_KERNEL(extern, WithPosWeight<BinaryCrossEntropyWithLogits>, double)

}  // namespace kernels
}  // namespace perdita
