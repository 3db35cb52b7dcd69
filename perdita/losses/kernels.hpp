// The kernels of the losses in the list are compiled once, in the library; who includes this does not compile them
// again.
#pragma once

#include "perdita/kernels/elementwise.hpp"
#include "perdita/kernels/margin_rows.hpp"
#include "perdita/kernels/softmax.hpp"
#include "perdita/kernels/vector_rows.hpp"
#include "perdita/losses/distance/of_sums.hpp"
#include "perdita/losses/list.hpp"
#include "perdita/losses/margin/of_scores.hpp"

namespace perdita::kernels {

#define PERDITA_PAIR_KERNEL(keyword, Loss, T)                                                                    \
  keyword template double elementwise(const Loss&, const std::array<const T*, 2>&, const ElementwiseOutputs<T>&, \
                                      std::int64_t);
#define PERDITA_SOFTMAX_KERNEL(keyword, Loss, T) \
  keyword template double softmax_loss(const Loss&, const SoftmaxTask<T>&);

/// Those of the losses that compare: each kind has a driver of its own.
#define PERDITA_COMPARING_KERNELS(keyword, T)                                                       \
  keyword template double elementwise(const MarginRankingOfScores&, const std::array<const T*, 3>&, \
                                      const ElementwiseOutputs<T>&, std::int64_t);                  \
  PERDITA_PAIR_KERNEL(keyword, MultilabelSoftMargin, T)                                             \
  keyword template double margin_rows_loss(const MultiMargin&, const MarginRowsTask<T>&);           \
  keyword template double margin_rows_loss(const MultilabelMargin&, const MarginRowsTask<T>&);      \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, CosineEmbeddingOfSums, 2, T)                                  \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, TripletMarginOf2Norms, 3, T)                                  \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, SwappedTripletMarginOf2Norms, 3, T)                           \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, TripletMarginOf1Norms, 3, T)                                  \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, SwappedTripletMarginOf1Norms, 3, T)
#define PERDITA_VECTOR_ROWS_KERNEL(keyword, Formula, vectors, T) \
  keyword template double vector_rows_loss(const Formula&, const VectorRowsTask<T, vectors>&);

#define PERDITA_KERNEL_OF_PAIR(Loss, function, Module) \
  PERDITA_PAIR_KERNEL(extern, Loss, float)             \
  PERDITA_PAIR_KERNEL(extern, Loss, double)
#define PERDITA_KERNEL_OF_SOFTMAX(Loss, function, Module) \
  PERDITA_SOFTMAX_KERNEL(extern, Loss, float)             \
  PERDITA_SOFTMAX_KERNEL(extern, Loss, double)
PERDITA_PAIR_LOSSES(PERDITA_KERNEL_OF_PAIR)
PERDITA_SOFTMAX_LOSSES(PERDITA_KERNEL_OF_SOFTMAX)
PERDITA_COMPARING_KERNELS(extern, float)
PERDITA_COMPARING_KERNELS(extern, double)
#undef PERDITA_KERNEL_OF_PAIR
#undef PERDITA_KERNEL_OF_SOFTMAX

}  // namespace perdita::kernels
