// The loss of rows with a label by a written formula f(log p) of the label's class. With l the cross-entropy of the
// row,
//     log p = -l,    dL/dz_k = -f'(log p) dl/dz_k,
// so the kernel of cross-entropy writes l and its gradient, and the latter is scaled while it is in the cache.
#include <algorithm>

#include "perdita/kernels/blocks.hpp"
#include "perdita/losses/compiled.hpp"
#include "perdita/losses/formula.hpp"

namespace perdita {

namespace {

/// Multiplies the elements of each row by the row's factor.
template <class T>
void scale_rows(T* elements, const kernels::ClassLayout& layout, const T* factors) {
  for (std::int64_t o = 0; o < layout.outer; ++o) {
    const T* const factor = factors + o * layout.inner;
    for (std::int64_t c = 0; c < layout.classes; ++c, elements += layout.inner) {
      for (std::int64_t i = 0; i < layout.inner; ++i) elements[i] *= factor[i];
    }
  }
}
template <class T>
void scale_dense_rows(T* elements, std::int64_t rows, std::int64_t classes, const T* factors) {
  for (std::int64_t row = 0; row < rows; ++row, elements += classes) {
    const T factor = factors[row];
    for (std::int64_t c = 0; c < classes; ++c) elements[c] *= factor;
  }
}

}  // namespace

template <class T>
double ClassFormula::compute_rows(const kernels::SoftmaxTask<T>& task) const {
  constexpr std::int64_t block_elements = 32768;
  const kernels::ClassLayout& all = task.layout;
  const std::int64_t block =
      std::max<std::int64_t>(1, block_elements / std::max<std::int64_t>(all.classes * all.inner, 1));
  return kernels::sum_over_blocks(all.outer, block, [&](std::int64_t begin, std::int64_t end) {
    const kernels::SoftmaxTask<T> part = kernels::rows_of(task, begin, end);
    const std::int64_t rows = part.layout.rows();
    const Buffer scratch = Buffer::allocate(static_cast<std::size_t>(3 * rows) * sizeof(T));
    T *const log_p = static_cast<T*>(scratch.data()), *const values = log_p + rows, *const slopes = values + rows;

    kernels::SoftmaxTask<T> cross_entropy = part;
    cross_entropy.losses = log_p, cross_entropy.scale = 1;
    cross_entropy.class_weights = cross_entropy.upstream = nullptr;
    kernels::class_rows_loss(CrossEntropy{}, cross_entropy);
    for (std::int64_t row = 0; row < rows; ++row) log_p[row] = -log_p[row];
    own_class_->compute<T>(log_p, log_p, rows,
                           {.losses = values, .by_input = task.gradient ? slopes : nullptr, .scale = -task.scale});

    double sum = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int32_t label = part.labels[row];
      const T weight = task.class_weights && label >= 0 ? task.class_weights[label] : T(1);
      const T loss = label < 0 ? T(0) : weight * values[row];
      if (part.losses) part.losses[row] = loss;
      if (part.gradient) {
        const T factor = part.upstream ? weight * part.upstream[row] : weight;
        slopes[row] = label < 0 ? T(0) : factor * slopes[row];
      }
      sum += static_cast<double>(loss);
    }
    if (!part.gradient) return sum;
    if (part.layout.inner == 1)
      scale_dense_rows(part.gradient, rows, part.layout.classes, slopes);
    else
      scale_rows(part.gradient, part.layout, slopes);
    return sum;
  });
}

template double ClassFormula::compute_rows(const kernels::SoftmaxTask<float>&) const;
template double ClassFormula::compute_rows(const kernels::SoftmaxTask<double>&) const;

}  // namespace perdita
