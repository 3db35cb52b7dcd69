#include "perdita/kernels/rnnt.hpp"

#include <algorithm>
#include <limits>

#include "perdita/core/buffer.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/kernels/rnnt_lattice.hpp"

namespace perdita::kernels {

namespace {

/// Zeros from state `states` of each of the first `frames` frames on, and in all other frames.
template <class T>
void clear_beyond(const RnntTask<T>& task, T* gradient, std::int64_t frames, std::int64_t states) {
  const std::int64_t per_frame = task.states * task.classes;
  for (std::int64_t t = 0; t < task.frames; ++t) {
    T* const frame = gradient + t * per_frame;
    std::fill(frame + (t < frames ? states * task.classes : 0), frame + per_frame, T(0));
  }
}

template <class T>
void compute_item(const RnntTask<T>& task, std::int64_t n) {
  const std::int64_t begin = task.label_begins[n], count = task.label_begins[n + 1] - begin;
  const std::int64_t frames = task.logit_lengths[n];
  const std::int64_t offset = n * task.frames * task.states * task.classes;
  T* const gradient = task.gradient ? task.gradient + offset : nullptr;
  const RnntScratch layout(count, frames, gradient != nullptr);
  const Buffer scratch = Buffer::allocate(static_cast<std::size_t>(layout.doubles()) * sizeof(double));
  const double loss = run(RnntKernel<T>{}, task,
                          RnntItem<T>{.logits = task.logits + offset,
                                      .gradient = gradient,
                                      .frames = frames,
                                      .labels = task.labels + begin,
                                      .label_count = count,
                                      .scale = task.scales ? task.scales[n] : 1.0,
                                      .scratch = static_cast<double*>(scratch.data())});
  const bool is_infinite = loss == std::numeric_limits<double>::infinity();
  if (gradient) clear_beyond(task, gradient, is_infinite ? 0 : frames, count + 1);
  task.losses[n] = loss;
}

}  // namespace

template <class T>
void rnnt_loss(const RnntTask<T>& task) {
  parallel_for(task.items, [&](std::int64_t n) { compute_item(task, n); });
}

template void rnnt_loss(const RnntTask<float>&);
template void rnnt_loss(const RnntTask<double>&);

}  // namespace perdita::kernels
