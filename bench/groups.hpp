#pragma once

namespace perdita::bench {

/// Every loss of single elements of the list, and lambdas beside built-in losses of the same formula.
void add_elementwise();
/// cross_entropy and focal over few, many and very many classes.
void add_softmax();
/// CTC, which has no floor to be compared with.
void add_sequences();
/// Losses that compare scores or vectors.
void add_comparing();
/// Losses of masks.
void add_overlap();
/// Losses of images.
void add_images();
/// Losses with weights, narrow types, broadcasting, smoothing, other layouts and reductions.
void add_options();
/// What goes through tensors: a user-written focal loss, small tensors, an epoch of training.
void add_tensors();

}  // namespace perdita::bench
