// Kernels of the losses that compare scores or vectors, which the library compiles once: sources that include this
// header do not compile them again.
#pragma once

#include "perdita/kernels/elementwise.hpp"
#include "perdita/kernels/margin_rows.hpp"
#include "perdita/kernels/vector_rows.hpp"
#include "perdita/losses/distance/of_sums.hpp"
#include "perdita/losses/margin/multi_margin.hpp"
#include "perdita/losses/margin/multilabel_margin.hpp"
#include "perdita/losses/margin/multilabel_soft_margin.hpp"
#include "perdita/losses/margin/of_scores.hpp"

namespace perdita::kernels {

#define PERDITA_COMPARING_KERNELS(keyword, T)                                                       \
  keyword template double elementwise(const MarginRankingOfScores&, const std::array<const T*, 3>&, \
                                      const ElementwiseOutputs<T>&, std::int64_t);                  \
  keyword template double elementwise(const MultilabelSoftMargin&, const std::array<const T*, 2>&,  \
                                      const ElementwiseOutputs<T>&, std::int64_t);                  \
  keyword template double margin_rows_loss(const MultiMargin&, const MarginRowsTask<T>&);           \
  keyword template double margin_rows_loss(const MultilabelMargin&, const MarginRowsTask<T>&);      \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, CosineEmbeddingOfSums, 2, T)                                  \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, TripletMarginOf2Norms, 3, T)                                  \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, SwappedTripletMarginOf2Norms, 3, T)                           \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, TripletMarginOf1Norms, 3, T)                                  \
  PERDITA_VECTOR_ROWS_KERNEL(keyword, SwappedTripletMarginOf1Norms, 3, T)
#define PERDITA_VECTOR_ROWS_KERNEL(keyword, Formula, vectors, T) \
  keyword template double vector_rows_loss(const Formula&, const VectorRowsTask<T, vectors>&);

PERDITA_COMPARING_KERNELS(extern, float)
PERDITA_COMPARING_KERNELS(extern, double)

}  // namespace perdita::kernels
