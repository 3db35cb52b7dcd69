// How predicted masks and true ones overlap. A pixel has a probability p of belonging to a mask, and a target t; over
// the pixels of a mask
//     tp = sum p t,   fp = sum p (1 - t),   fn = sum (1 - p) t,
// or, squared, fp = sum (1 - t) (p - t)^2 and fn = sum t (p - t)^2, whose sum is sum (p - t)^2. Losses of overlap are
// functions of these three, so that a loss is one pass for the sums, and its gradient another. p and 1 - p come from
// one exponential each without 1 - p being a difference, so what a nearly perfect mask still lacks keeps its digits.
//
// p is sigmoid(logit), each class a mask of its own, or the softmax over the classes.
#pragma once

#include <cstdint>

#include "perdita/kernels/softmax_task.hpp"

namespace perdita::kernels {

/// Of one mask: its sums, or the derivatives of something by them.
struct OverlapSums {
  double tp = 0, fp = 0, fn = 0;
};

/// What the passes read: dense arrays.
template <class T>
struct OverlapTask {
  const T* logits = nullptr;             ///< [outer, classes, inner]
  ClassLayout layout;                    ///< a mask is one (outer, class) pair, its pixels are the inner dimension
  const T* targets = nullptr;            ///< laid out as the logits: p is the sigmoid
  const std::int32_t* labels = nullptr;  ///< or [outer, inner], the pixel's class, -1 where ignored: p is the softmax
  double ignored = -100;                 ///< pixels with this target are ignored
  bool squared = false;
};

/// The sums of all masks, [outer, classes]. Returns whether every target is 0..1 or ignored. Sums do not depend on
/// threads.
template <class T>
bool overlap_sums(const OverlapTask<T>& task, OverlapSums* sums);

/// The derivative of f by every logit, where slopes [outer, classes] are those of f by the sums.
template <class T>
void overlap_gradient(const OverlapTask<T>& task, const OverlapSums* slopes, T* gradient);

}  // namespace perdita::kernels
