// The Lovasz extension of the Jaccard loss (Berman, Triki and Blaschko, CVPR 2018, algorithm 1). Of a mask's errors
// e >= 0, sorted from the largest down, the k-th is multiplied by what the Jaccard loss of the set of the first k is
// more than that of the first k - 1. With G pixels in the mask, of which c are among the first k - 1, and b others
// among these,
//     that is   1 / (G + b)                       if the k-th belongs to the mask,
//     else      (G - c) / ((G + b) (G + b + 1)),  or 1 if G + b is 0.
// The weights are constant wherever the order is: the loss is sum e_k w_k, and w its gradient by e. Errors that tie are
// taken in the order they lie; one that is 0 has weight 0, for it comes last and its weight multiplies nothing.
//
// Where the task has targets, errors are those of the hinge, max(0, 1 - (2 t - 1) y) for t of 0 and 1; where it has
// labels, 1 - p of the own class, and p of the others. Ignored pixels have none.
#pragma once

#include <cstdint>

#include "perdita/kernels/overlap.hpp"

namespace perdita::kernels {

/// Of a mask, which is all that is of one class where `batch` is set, else one (outer, class) pair.
struct LovaszMask {
  double loss = 0;
  std::int64_t size = 0;  ///< G
};

/// Of masks [outer, classes] or, for a batch, [classes]. Into `slopes`, laid out as the logits, the derivatives by
/// these (hinge) or by the errors (softmax). Returns whether every target is 0, 1 or ignored; if not, the rest is
/// undefined. Masks of up to 2^31 pixels (ShapeError).
template <class T>
bool lovasz(const OverlapTask<T>& task, bool batch, LovaszMask* masks, T* slopes);

/// The derivative of f by every logit: from the slopes of a task with labels, and those of f by the losses of masks.
template <class T>
void lovasz_softmax_gradient(const OverlapTask<T>& task, bool batch, const T* slopes, const double* by_losses,
                             T* gradient);

}  // namespace perdita::kernels
