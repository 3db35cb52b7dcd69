// A loss of single elements whose operands need not be dense arrays of one type. Blocks that fit the innermost cache
// are read into dense ones, the loss's own kernel computes them, and results are weighted and converted on their way
// back: memory is touched once, as for plain operands.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "perdita/kernels/elementwise.hpp"
#include "perdita/kernels/gather.hpp"

namespace perdita::kernels {

/// What a pass over such operands reads and writes.
template <class T, std::size_t arity>
struct StagedElements {
  std::int64_t count = 0;
  std::array<perdita::detail::StridedArray, arity> inputs;
  const perdita::detail::StridedArray* weight = nullptr;    ///< multiplies values and gradients
  const perdita::detail::StridedArray* upstream = nullptr;  ///< multiplies gradients
  T* values = nullptr;                                      ///< weight * the loss; null if not wanted
  void* gradient = nullptr;  ///< weight * upstream * scale * its derivative by the first input; null if not wanted
  DType gradient_dtype = perdita::dtype_of<T>();  ///< T's, or a narrow one
  double scale = 1;
  bool leaves_out_nan = false;  ///< whether values and gradients are 0 where the second input is NaN
  double smoothing = 0;         ///< s: an element t of the second input is read as (1 - s) t + s / 2
};

/// Computes `count` elements of dense inputs, as kernels::elementwise() does.
template <class T, std::size_t arity>
using ElementwiseBlock =
    std::function<double(const std::array<const T*, arity>&, const ElementwiseOutputs<T>&, std::int64_t count)>;

/// The sum of the values; it and all results do not depend on the number of threads. The gradient may be the first
/// input itself.
template <class T, std::size_t arity>
double staged_elements(const StagedElements<T, arity>& task, const ElementwiseBlock<T, arity>& block);

/// The number of NaNs among the `count` elements of an array.
std::int64_t count_nan(const perdita::detail::StridedArray& array, std::int64_t count);

/// The sum of the `count` elements of an array, in double.
double strided_sum(const perdita::detail::StridedArray& array, std::int64_t count);

}  // namespace perdita::kernels
