// Negative log-likelihood of class indices under given log-probabilities: it only picks, so it needs no formula.
#pragma once

#include <cstdint>

#include "perdita/kernels/softmax_task.hpp"

namespace perdita::kernels {

/// -w_y x_y of each row, where task.logits are log-probabilities x. Reads labels and class weights, writes losses and
/// the gradient; returns the sum of the losses.
template <class T>
double nll_loss(const SoftmaxTask<T>& task);

}  // namespace perdita::kernels
