// The Lovasz extension of the Jaccard loss (Berman, Triki and Blaschko, CVPR 2018, algorithm 1). Of a mask's errors
// e >= 0, sorted from the largest down, the k-th is multiplied by what the Jaccard loss of the set of the first k is
// more than that of the first k - 1. With G pixels in the mask, of which c are among the first k - 1, and b others
// among these,
//     that is   1 / (G + b)                       if the k-th belongs to the mask,
//     else      (G - c) / ((G + b) (G + b + 1)),  or 1 if G + b is 0.
// The weights are constant wherever the order is: the loss is sum e_k w_k, and w its gradient by e.
#pragma once

#include <cstdint>

#include "perdita/kernels/softmax_task.hpp"

namespace perdita::kernels {

template <class T>
struct LovaszTask {
  const T* errors = nullptr;  ///< [outer, classes, inner], 0 where a pixel is ignored
  ClassLayout layout;
  const T* targets = nullptr;            ///< laid out as the errors: 1 in the mask, else 0 or anything
  const std::int32_t* labels = nullptr;  ///< or [outer, inner], the pixel's class
  bool batch = false;                    ///< a mask is all that is of one class, else one (outer, class) pair
};

/// Into weights, laid out as the errors. Errors that tie are taken in the order they lie; one that is 0 has weight 0,
/// for it comes last and its weight multiplies nothing. Into sizes [outer, classes], or [classes] for a batch: G of
/// each mask. Masks of up to 2^31 pixels (ShapeError).
template <class T>
void lovasz_weights(const LovaszTask<T>& task, T* weights, std::int64_t* sizes);

}  // namespace perdita::kernels
