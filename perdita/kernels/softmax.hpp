// The softmax driver. A loss of this family is a formula f(log p, t) summed over the classes of a row:
//     L = sum_k w_k f(log p_k, t_k),    dL/dz_k = w_k f'_k - p_k sum_j w_j f'_j,
// where z are the logits, p = softmax(z) and f' is the derivative by log p. For a class index t is 1 at one class and 0
// elsewhere, and f(., 0) is 0: only one f' is not zero.
//
// Two layouts. Rows of many classes stay in cache and are walked along the classes. Rows of few classes, and classes
// that are not the last dimension, are taken several at a time, one row a lane.
#pragma once

#include "perdita/kernels/softmax_columns.hpp"
#include "perdita/kernels/softmax_rows.hpp"

namespace perdita::kernels {

/// Computes the loss of every row; returns the sum of the losses. Sums and results do not depend on threads.
template <class Formula, class T>
double softmax_loss(const Formula& formula, const SoftmaxTask<T>& task) {
  const ClassLayout& layout = task.layout;
  const std::int64_t rows = layout.rows();
  // Fixed blocks of about 32 thousand logits; a multiple of every pack's lanes.
  const std::int64_t per_block = std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(layout.classes, 1));
  if (layout.inner == 1 && layout.classes > most_classes_in_columns) {
    // Several rows even where they are long, if there are many: a row's work overlaps with that of its neighbours.
    const std::int64_t several = std::max(per_block, std::min<std::int64_t>(rows / 64, 16));
    return sum_over_blocks(rows, several, [&](std::int64_t begin, std::int64_t end) {
      const Buffer scratch = Buffer::allocate(SoftmaxRowsKernel<Formula, T>::scratch_bytes(task));
      return run(SoftmaxRowsKernel<Formula, T>{}, formula, task, begin, end, static_cast<T*>(scratch.data()));
    });
  }
  const std::int64_t block = std::max<std::int64_t>(64, per_block / 64 * 64);
  return sum_over_blocks(rows, block, [&](std::int64_t begin, std::int64_t end) {
    const Buffer scratch = Buffer::allocate(SoftmaxColumnsKernel<Formula, T>::scratch_bytes(task));
    return run(SoftmaxColumnsKernel<Formula, T>{}, formula, task, begin, end, static_cast<T*>(scratch.data()));
  });
}

}  // namespace perdita::kernels
