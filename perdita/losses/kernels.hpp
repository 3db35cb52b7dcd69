// The kernels of the losses in the list are compiled once, in the library; who includes this does not compile them
// again.
#pragma once

#include "perdita/kernels/elementwise.hpp"
#include "perdita/kernels/softmax.hpp"
#include "perdita/losses/list.hpp"

namespace perdita::kernels {

#define PERDITA_PAIR_KERNEL(keyword, Loss, T)                                                                    \
  keyword template double elementwise(const Loss&, const std::array<const T*, 2>&, const ElementwiseOutputs<T>&, \
                                      std::int64_t);
#define PERDITA_SOFTMAX_KERNEL(keyword, Loss, T) \
  keyword template double softmax_loss(const Loss&, const SoftmaxTask<T>&);

#define PERDITA_KERNEL_OF_PAIR(Loss, function, Module) \
  PERDITA_PAIR_KERNEL(extern, Loss, float)             \
  PERDITA_PAIR_KERNEL(extern, Loss, double)
#define PERDITA_KERNEL_OF_SOFTMAX(Loss, function, Module) \
  PERDITA_SOFTMAX_KERNEL(extern, Loss, float)             \
  PERDITA_SOFTMAX_KERNEL(extern, Loss, double)
PERDITA_PAIR_LOSSES(PERDITA_KERNEL_OF_PAIR)
PERDITA_SOFTMAX_LOSSES(PERDITA_KERNEL_OF_SOFTMAX)
#undef PERDITA_KERNEL_OF_PAIR
#undef PERDITA_KERNEL_OF_SOFTMAX

}  // namespace perdita::kernels
