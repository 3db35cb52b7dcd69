// Connectionist temporal classification: minus the log-probability that a sequence of frames, each with a distribution
// over classes, spells a target once repeats are merged and blanks dropped.
#pragma once

#include <cstdint>

namespace perdita::kernels {

/// A batch of sequences. All lengths and labels are valid: labels lie in [0, classes), input lengths in [0, frames].
template <class T>
struct CtcTask {
  const T* log_probs;  ///< [frames, items, classes] by these strides, in elements
  std::int64_t frame_stride, item_stride, class_stride;
  std::int64_t frames, items, classes;
  const std::int64_t* input_lengths;  ///< of each item
  const std::int32_t* labels;         ///< of all items, one after the other
  const std::int64_t* label_begins;   ///< items + 1 places in them
  std::int32_t blank = 0;
  bool zero_infinity = false;      ///< items that cannot be spelt lose 0 instead of infinity
  bool torch_gradient = false;     ///< exp(log_probs) - posterior instead of -posterior, in the frames of an item
  double* losses = nullptr;        ///< of each item
  T* gradient = nullptr;           ///< dense, of the shape of log_probs; null: not wanted
  const double* scales = nullptr;  ///< of each item: its gradient is multiplied by it
};

/// Losses, and gradients by log_probs: minus the posterior probability that a frame belongs to a class, given the
/// target. 0 at and past an item's input length, and for items whose loss is infinite.
template <class T>
void ctc_loss(const CtcTask<T>& task);

}  // namespace perdita::kernels
