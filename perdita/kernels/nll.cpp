#include "perdita/kernels/nll.hpp"

#include <algorithm>
#include <cstring>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/stream.hpp"

namespace perdita::kernels {

namespace {

/// Where the class of a row stands in the logits; of an ignored row, where its first class does.
template <class T>
std::int64_t place_of(const SoftmaxTask<T>& task, std::int64_t row) {
  const ClassLayout& layout = task.layout;
  const std::int64_t label = std::max(task.labels[row], 0);
  if (layout.inner == 1) return row * layout.classes + label;
  return (row / layout.inner * layout.classes + label) * layout.inner + row % layout.inner;
}

/// The gradient at that place.
template <class T>
T slope_of(const SoftmaxTask<T>& task, std::int64_t row) {
  const std::int32_t label = task.labels[row];
  if (label < 0) return T(0);
  const double weight = task.class_weights ? static_cast<double>(task.class_weights[label]) : 1.0;
  return static_cast<T>(-weight * task.scale_of(row));
}

/// Clears the gradient, then sets it at the places of the rows, wherever these are.
template <class T>
void write_gradient(const SoftmaxTask<T>& task) {
  constexpr std::int64_t block = 65536;
  const std::int64_t rows = task.layout.rows(), size = rows * task.layout.classes;
  parallel_for((size + block - 1) / block, [&](std::int64_t i) {
    std::fill(task.gradient + i * block, task.gradient + std::min(size, (i + 1) * block), T(0));
  });
  parallel_for((rows + block - 1) / block, [&](std::int64_t i) {
    for (std::int64_t row = i * block; row < std::min(rows, (i + 1) * block); ++row)
      task.gradient[place_of(task, row)] = slope_of(task, row);
  });
}

/// The same for the rows [begin, end) where classes lie side by side: some rows at a time, still in cache when their
/// places are set.
template <class T>
void write_gradient(const SoftmaxTask<T>& task, std::int64_t begin, std::int64_t end) {
  const std::int64_t classes = task.layout.classes, stretch = std::max<std::int64_t>(1, 4096 / classes);
  for (std::int64_t first = begin; first < end; first += stretch) {
    const std::int64_t last = std::min(end, first + stretch);
    T* out = task.gradient + first * classes;
    std::memset(out, 0, static_cast<std::size_t>((last - first) * classes) * sizeof(T));
    if (task.class_weights || task.upstream) {
      for (std::int64_t row = first; row < last; ++row, out += classes)
        out[std::max(task.labels[row], 0)] = slope_of(task, row);
    } else {
      const T slope = static_cast<T>(-task.scale);
      for (std::int64_t row = first; row < last; ++row, out += classes)
        out[std::max(task.labels[row], 0)] = task.labels[row] < 0 ? T(0) : slope;
    }
  }
}

/// The same past the caches: places ascend, and chunks are made in cache, for which memory is written once.
template <class T>
void stream_gradient(const SoftmaxTask<T>& task, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t chunk_size = 1024;
  T chunk[chunk_size] = {};
  const std::int64_t stop = end * task.layout.classes;
  std::int64_t row = begin;
  for (std::int64_t first = begin * task.layout.classes; first < stop; first += chunk_size) {
    const std::int64_t count = std::min(chunk_size, stop - first), first_row = row;
    std::int64_t place = 0;
    for (; row < end && (place = place_of(task, row)) < first + count; ++row)
      chunk[place - first] = slope_of(task, row);
    if (count == chunk_size)
      perdita::detail::stream(task.gradient + first, chunk, sizeof chunk);
    else
      std::memcpy(task.gradient + first, chunk, static_cast<std::size_t>(count) * sizeof(T));
    for (std::int64_t set = first_row; set < row; ++set) chunk[place_of(task, set) - first] = T(0);
  }
  perdita::detail::end_streaming();
}

template <class T>
T loss_of(const SoftmaxTask<T>& task, std::int64_t row) {
  const std::int32_t label = task.labels[row];
  const T weight = label < 0 ? T(0) : task.class_weights ? task.class_weights[label] : T(1);
  return label < 0 ? T(0) : -weight * task.logits[place_of(task, row)];
}

/// Writes and adds up the losses of the rows [begin, end): four sums, for one would wait for each addition.
template <class T>
double add_losses(const SoftmaxTask<T>& task, std::int64_t begin, std::int64_t end) {
  double totals[4] = {};
  std::int64_t row = begin;
  for (; row + 4 <= end; row += 4) {
    T losses[4];
    for (int k = 0; k < 4; ++k) losses[k] = loss_of(task, row + k);
    for (int k = 0; k < 4; ++k) totals[k] += static_cast<double>(losses[k]);
    if (task.losses) std::copy_n(losses, 4, task.losses + row);
  }
  for (; row < end; ++row) {
    const T loss = loss_of(task, row);
    totals[0] += static_cast<double>(loss);
    if (task.losses) task.losses[row] = loss;
  }
  return (totals[0] + totals[1]) + (totals[2] + totals[3]);
}

}  // namespace

template <class T>
double nll_loss(const SoftmaxTask<T>& task) {
  const std::int64_t rows = task.layout.rows(), classes = task.layout.classes;
  const bool side_by_side = task.layout.inner == 1;
  // Blocks of 16 rows begin at whole cache lines.
  const std::int64_t block = std::clamp<std::int64_t>(16384 / classes / 16 * 16, 16, 4096);
  const auto bytes = static_cast<std::size_t>(rows * classes) * sizeof(T);
  const bool streaming = task.gradient && perdita::detail::is_worth_streaming(task.gradient, bytes);
  const double sum = sum_over_blocks(rows, block, [&](std::int64_t begin, std::int64_t end) {
    const double of_block = add_losses(task, begin, end);  // before the gradient, which may lie where the logits do
    if (streaming && side_by_side)
      stream_gradient(task, begin, end);
    else if (task.gradient && side_by_side)
      write_gradient(task, begin, end);
    return of_block;
  });
  if (task.gradient && !side_by_side) write_gradient(task);
  return sum;
}

template double nll_loss(const SoftmaxTask<float>&);
template double nll_loss(const SoftmaxTask<double>&);

}  // namespace perdita::kernels
