// Losses of rows of classes whose arrays are of a narrow type, or hold the classes of a row far apart. Tiles of rows
// that fit the cache are read into dense arrays, the loss's own kernel computes them, and gradients are converted on
// their way back: memory is touched once.
#pragma once

#include <functional>

#include "perdita/core/dtype.hpp"
#include "perdita/kernels/softmax_task.hpp"

namespace perdita::kernels {

/// The arrays of a task as they are in memory, in its layout; null where the task has none.
struct StagedRows {
  struct Array {
    void* data = nullptr;
    DType dtype = DType::float32;  ///< the type that is computed in, or a narrow one
  };
  Array logits, probabilities, gradient;
};

/// Computes a task on dense arrays, and returns the sum of its losses.
template <class T>
using RowsKernel = std::function<double(const SoftmaxTask<T>&)>;

/// Whether the kernels cannot walk such arrays themselves, or only slowly: classes far apart share few places of a
/// cache.
template <class T>
bool should_be_staged(const ClassLayout& layout, const StagedRows& arrays);

/// The sum of the losses of all rows. `task` has everything but the arrays `arrays`. Sums and results do not depend on
/// the number of threads.
template <class T>
double staged_rows(const SoftmaxTask<T>& task, const StagedRows& arrays, const RowsKernel<T>& compute);

}  // namespace perdita::kernels
