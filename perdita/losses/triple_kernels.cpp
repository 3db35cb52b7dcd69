#include "perdita/losses/triple_kernels.hpp"

namespace perdita::kernels {

PERDITA_TRIPLE_KERNEL(, GaussianNllOfVariance, float)
PERDITA_TRIPLE_KERNEL(, GaussianNllOfVariance, double)
PERDITA_TRIPLE_KERNEL(, WithPosWeight<BinaryCrossEntropyWithLogits>, float)
PERDITA_TRIPLE_KERNEL(, WithPosWeight<BinaryCrossEntropyWithLogits>, double)

}  // namespace perdita::kernels
