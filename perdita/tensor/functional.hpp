// The losses as functions of tensors: perdita::functional, by PyTorch's names.
//
//     F::mse_loss(output, target)
//     F::huber_loss(output, target, {.delta = 2}, {.reduction = Reduction::sum})
//     F::cross_entropy(logits, labels, {.weight = class_weights, .label_smoothing = 0.1})
//
// A loss is computed once: where the input needs a gradient, the same pass writes it, and backward only scales it.
// Where more is asked for (a gradient by the target or a weight, a second derivative, broadcasting) the formula is
// applied to the tensors themselves, whose operators are recorded, fused and differentiable to any order.
#pragma once

#include "perdita/losses/any.hpp"
#include "perdita/tensor/loss_options.hpp"

namespace perdita {

namespace functional {

// Each of these throws ShapeError, DTypeError, ValueError (a parameter or, for probabilities, an element outside its
// domain: the first one is named) or IndexError (a label that is no class). Integer targets of losses of single
// elements are converted to the input's dtype. The mean of nothing is NaN.

/// input and target, of any shape; see the loss's header for its formula and parameters.
#define PERDITA_DECLARE(Loss, function, Module)                                                        \
  Tensor function(const Tensor& input, const Tensor& target, const perdita::Loss& loss,                \
                  const LossOptions& options = {});                                                    \
  inline Tensor function(const Tensor& input, const Tensor& target, const LossOptions& options = {}) { \
    return function(input, target, perdita::Loss{}, options);                                          \
  }
PERDITA_PAIR_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

/// input, target, and a variance of the input's shape, of that less its last dimension, or with sizes of 1.
#define PERDITA_DECLARE(Loss, function, Module)                                                                 \
  Tensor function(const Tensor& input, const Tensor& target, const Tensor& variance, const perdita::Loss& loss, \
                  const LossOptions& options = {});                                                             \
  inline Tensor function(const Tensor& input, const Tensor& target, const Tensor& variance,                     \
                         const LossOptions& options = {}) {                                                     \
    return function(input, target, variance, perdita::Loss{}, options);                                         \
  }
PERDITA_TRIPLE_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

/// input: logits [C], [N, C] or [N, C, d1, ...]; target: class indices [], [N] or [N, d1, ...] (int64, int32, uint8),
/// or class probabilities of the input's own shape and dtype.
#define PERDITA_DECLARE(Loss, function, Module)                                                         \
  Tensor function(const Tensor& input, const Tensor& target, const perdita::Loss& loss,                 \
                  const ClassOptions& options = {});                                                    \
  inline Tensor function(const Tensor& input, const Tensor& target, const ClassOptions& options = {}) { \
    return function(input, target, perdita::Loss{}, options);                                           \
  }
PERDITA_SOFTMAX_LOSSES(PERDITA_DECLARE)
/// The same on log-probabilities, with class indices only.
PERDITA_PICKING_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

/// Any loss of two tensors, chosen at run time. For the softmax family options.weight holds class weights. Throws
/// ValueError for a loss that takes a third tensor.
Tensor evaluate_loss(const AnyLoss& loss, const Tensor& input, const Tensor& target, const LossOptions& options = {});

/// Losses, margins and hits of all rows in one pass, without gradients. target: class indices.
#define PERDITA_DECLARE(Loss, function, Module)                                              \
  RowLosses row_losses(const perdita::Loss& loss, const Tensor& input, const Tensor& target, \
                       const ClassOptions& options = {});
PERDITA_SOFTMAX_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

}  // namespace functional
}  // namespace perdita
