#include "perdita/kernels/nll.hpp"

#include <algorithm>

#include "perdita/kernels/blocks.hpp"

namespace perdita::kernels {

template <class T>
double nll_loss(const SoftmaxTask<T>& task) {
  const ClassLayout& layout = task.layout;
  if (task.gradient) {
    constexpr std::int64_t block = 65536;
    const std::int64_t size = layout.rows() * layout.classes;
    parallel_for((size + block - 1) / block, [&](std::int64_t i) {
      std::fill(task.gradient + i * block, task.gradient + std::min(size, (i + 1) * block), T(0));
    });
  }
  return sum_over_blocks(layout.rows(), 4096, [&](std::int64_t begin, std::int64_t end) {
    double total = 0;
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int32_t label = task.labels[row];
      T loss = 0;
      if (label >= 0) {
        const std::int64_t at = (row / layout.inner * layout.classes + label) * layout.inner + row % layout.inner;
        const T weight = task.class_weights ? task.class_weights[label] : T(1);
        loss = -weight * task.logits[at];
        if (task.gradient) task.gradient[at] = static_cast<T>(-static_cast<double>(weight) * task.scale);
      }
      total += static_cast<double>(loss);
      if (task.losses) task.losses[row] = loss;
    }
    return total;
  });
}

template double nll_loss(const SoftmaxTask<float>&);
template double nll_loss(const SoftmaxTask<double>&);

}  // namespace perdita::kernels
