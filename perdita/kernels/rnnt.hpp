// RNN transducer: minus the log-probability that a sequence of frames emits a target. Each frame emits any number of
// labels and ends with a blank; the distribution of an emission depends on the frame and the number of labels before.
#pragma once

#include <cstdint>

namespace perdita::kernels {

/// A batch of sequences. All lengths and labels are valid: labels lie in [0, classes) and are not the blank, logit
/// lengths lie in [1, frames], and a target has at most states - 1 labels.
template <class T>
struct RnntTask {
  const T* logits;  ///< [items, frames, states, classes]
  std::int64_t items, frames, states, classes;
  const std::int64_t* logit_lengths;  ///< of each item
  const std::int32_t* labels;         ///< of all items, one after the other
  const std::int64_t* label_begins;   ///< items + 1 places in them
  std::int32_t blank = 0;
  double limit;                    ///< largest magnitude of an element of the gradient, before the scales
  double label_factor = 1;         ///< factor of the part of the gradient that belongs to emitted labels
  double* losses = nullptr;        ///< of each item
  T* gradient = nullptr;           ///< dense, of the shape of the logits; null: not wanted
  const double* scales = nullptr;  ///< of each item: its gradient is multiplied by it
};

/// Losses, and gradients with respect to the logits: 0 beyond the lengths of an item, and for items whose loss is
/// infinite. For each item, 24 bytes are stored per frame and state if there is a gradient.
template <class T>
void rnnt_loss(const RnntTask<T>& task);

}  // namespace perdita::kernels
