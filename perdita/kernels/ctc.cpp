#include "perdita/kernels/ctc.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "perdita/core/buffer.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/kernels/ctc_lattice.hpp"

namespace perdita::kernels {

namespace {

/// Whether there are frames enough: one for each label, and one for the blank between two that are equal.
bool is_long_enough(const std::int32_t* labels, std::int64_t count, std::int64_t frames) {
  std::int64_t needed = count;
  for (std::int64_t i = 1; i < count; ++i) needed += labels[i] == labels[i - 1];
  return needed <= frames;
}

/// The classes that occur in a target, the blank first, and the place of each label among them.
struct Occurring {
  std::vector<std::int32_t> classes, places;
  Occurring(const std::int32_t* labels, std::int64_t count, std::int32_t blank) {
    std::vector<std::int32_t> sorted(labels, labels + count);
    std::ranges::sort(sorted);
    classes.push_back(blank);
    for (std::int32_t label : sorted) {
      if (label != blank && label != classes.back()) classes.push_back(label);
    }
    const auto others = classes.begin() + 1;
    for (std::int64_t i = 0; i < count; ++i) {
      const bool is_blank = labels[i] == blank;
      places.push_back(
          is_blank ? 0 : static_cast<std::int32_t>(std::lower_bound(others, classes.end(), labels[i]) - others) + 1);
    }
  }
};

template <class T>
void clear_frames(const CtcTask<T>& task, std::int64_t item, std::int64_t begin) {
  for (std::int64_t t = begin; t < task.frames; ++t)
    std::fill_n(task.gradient + (t * task.items + item) * task.classes, task.classes, T(0));
}

template <class T>
void compute_item(const CtcTask<T>& task, std::int64_t n) {
  const std::int32_t* const labels = task.labels + task.label_begins[n];
  const std::int64_t count = task.label_begins[n + 1] - task.label_begins[n], frames = task.input_lengths[n];
  double loss = std::numeric_limits<double>::infinity();
  if (is_long_enough(labels, count, frames)) {
    const Occurring occurring(labels, count, task.blank);
    const std::int64_t class_count = std::ssize(occurring.classes);
    const CtcScratch layout(count, class_count, frames, task.gradient != nullptr);
    const Buffer scratch = Buffer::allocate(static_cast<std::size_t>(layout.doubles()) * sizeof(double));
    loss = run(CtcKernel<T>{}, task,
               CtcItem<T>{.log_probs = task.log_probs + n * task.item_stride,
                          .gradient = task.gradient ? task.gradient + n * task.classes : nullptr,
                          .frames = frames,
                          .labels = labels,
                          .label_count = count,
                          .classes = occurring.classes.data(),
                          .places = occurring.places.data(),
                          .class_count = class_count,
                          .scale = task.scales ? task.scales[n] : 1.0,
                          .scratch = static_cast<double*>(scratch.data())});
  }
  const bool is_infinite = loss == std::numeric_limits<double>::infinity();
  if (task.gradient) clear_frames(task, n, is_infinite ? 0 : frames);
  task.losses[n] = is_infinite && task.zero_infinity ? 0 : loss;
}

}  // namespace

template <class T>
void ctc_loss(const CtcTask<T>& task) {
  parallel_for(task.items, [&](std::int64_t n) { compute_item(task, n); });
}

template void ctc_loss(const CtcTask<float>&);
template void ctc_loss(const CtcTask<double>&);

}  // namespace perdita::kernels
