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

#include <functional>

#include "perdita/functional/loss_options.hpp"
#include "perdita/losses/any.hpp"

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

/// Several quantiles at once: input [..., Q] with one for each of the levels, target [...]. A loss for each input.
Tensor quantile_loss(const Tensor& input, const Tensor& target, const Quantiles& loss, const LossOptions& options = {});

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

/// The same with class_counts [C], of any dtype: how many samples of each class there are in training, finite and not
/// negative. A class without samples gets probability 0 from the first two, and its own samples an infinite loss; to
/// ldam_loss it is as rare as the rarest. ldam_loss takes class indices only. Gradients by input. Extras are those of
/// the logits that the loss has changed.
#define PERDITA_DECLARE(Loss, function, Module)                                                                     \
  Tensor function(const Tensor& input, const Tensor& target, const Tensor& class_counts, const perdita::Loss& loss, \
                  const ClassOptions& options = {});                                                                \
  inline Tensor function(const Tensor& input, const Tensor& target, const Tensor& class_counts,                     \
                         const ClassOptions& options = {}) {                                                        \
    return function(input, target, class_counts, perdita::Loss{}, options);                                         \
  }
PERDITA_FREQUENCY_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

/// Logit adjustment after training: logits [..., C] less tau log(share of the class) (Menon et al., ICLR 2021, eq. 9),
/// which makes of a model for the classes' shares in training one for equal shares. Throws as logit_adjusted_loss.
Tensor adjust_logits(const Tensor& logits, const Tensor& class_counts, double tau = 1.0);

/// cross_entropy(input linear_weight^T + bias, target), whose logits are never stored all at once. input: [F] or [N,
/// F]; linear_weight: [C, F], or [C, d1, ..., dK, F] for logits [N, C, d1, ..., dK]; target as for cross_entropy. One
/// floating dtype. Gradients by input, linear_weight and bias are made in the forward pass; for those by target or
/// weight, and for second derivatives, the logits are stored. Throws as cross_entropy.
Tensor linear_cross_entropy(const Tensor& input, const Tensor& linear_weight, const Tensor& target,
                            const ClassOptions& options = {}, const LinearOptions& linear = {});

/// Scores: input1 and input2 of one rank, broadcast; target 1 where input1 should be the larger, -1 where input2.
/// Gradients by all three.
Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           const MarginRanking& loss = {}, const LossOptions& options = {});

/// input: scores [C] or [N, C]; target: class indices [] (or [1]) or [N]. options.weight: one for each class, applied
/// to the loss of its own rows. A loss a row, of shape [] or [N].
Tensor multi_margin_loss(const Tensor& input, const Tensor& target, const MultiMargin& loss = {},
                         const LossOptions& options = {});

/// input: scores [C] or [N, C]; target: int64 of the same shape, the classes that hold, up to the first -1. A class
/// that is listed twice counts twice. A loss a row.
Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, const MultilabelMargin& loss = {},
                              const LossOptions& options = {});

/// input: logits [..., C]; target: 0, 1 or a probability for each. options.weight: one for each class, or for each
/// element. A loss for each of [...].
Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const MultilabelSoftMargin& loss = {},
                                   const LossOptions& options = {});

/// input1, input2: vectors [D] with a target [], or [N, D] with [N]; sizes of 1 broadcast. target: 1 for similar pairs,
/// -1 for dissimilar ones. The cosine is x1 x2 / sqrt((x1^2 + 1e-12) (x2^2 + 1e-12)). A loss a pair.
Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             const CosineEmbedding& loss = {}, const LossOptions& options = {});

/// anchor, positive, negative: vectors [..., D] of one rank, broadcast. A loss for each of [...].
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMargin& loss = {}, const LossOptions& options = {});
/// The same for any distance of two tensors; of the loss's parameters margin and swap count.
using Distance = std::function<Tensor(const Tensor&, const Tensor&)>;
Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const Distance& distance, const TripletMargin& loss = {},
                                         const LossOptions& options = {});
/// ||x1 - x2 + eps||_p over the last dimension, whose gradient is 0 where the norm is. p from 0 to infinity.
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double eps = 1e-6);

/// Masks. input: logits [N, C, d1, ...] with class indices [N, d1, ...] (int64, int32, uint8): a mask for each item and
/// class, by the softmax over the classes. Or logits of any shape with targets of the same shape, from 0 to 1 (for
/// lovasz 0 or 1): a mask for each item [N, ...], or for each item and class with loss.multilabel, or one [pixels]; by
/// the sigmoid (lovasz: a hinge). With loss.batch a mask is summed over all items. Pixels whose target is
/// loss.ignore_index count for nothing, nor do classes without a pixel with loss.present_only. A loss a mask, [N, C],
/// [N], [C] or []; options.weight is one for each class, where there are any. A mask without pixels, or which is empty
/// and found to be, loses 0. Gradients by input, and by targets between 0 and 1. Throws IndexError for a label that is
/// no class, and ValueError for a target outside its domain; both name the first.
#define PERDITA_DECLARE(Loss, function, Module)                                                        \
  Tensor function(const Tensor& input, const Tensor& target, const perdita::Loss& loss,                \
                  const LossOptions& options = {});                                                    \
  inline Tensor function(const Tensor& input, const Tensor& target, const LossOptions& options = {}) { \
    return function(input, target, perdita::Loss{}, options);                                          \
  }
PERDITA_OVERLAP_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

/// log_probs: [T, N, C], or [T, C] for a single sequence. targets: labels (int64, int32, uint8) [N, S], of which an
/// item has the first target_lengths, or [sum of target_lengths], one item after the other. Lengths: integers [N], or
/// [] (or [1]) for a single sequence. A loss for each item, [N] or []; a mean divides each by max(1, its target length)
/// first. The gradient is minus the posterior probability of a class in a frame (see Ctc::info.differences); it is 0 at
/// and past an input length, and for an item whose loss is infinite. Throws IndexError for a label that is no class,
/// ShapeError for lengths that do not fit, ValueError for a blank that is no class, and GraphError where a second
/// derivative is asked for.
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const Ctc& loss, const LossOptions& options = {});
inline Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                       const Tensor& target_lengths, const LossOptions& options = {}) {
  return ctc_loss(log_probs, targets, input_lengths, target_lengths, Ctc{}, options);
}

/// A loss that is written as text, see Formula::parse(): input and target as for the losses of single elements.
///     F::formula_loss(output, target, Formula::parse("select(abs(y - t) < 1, (y - t)^2, 2 * abs(y - t) - 1)"))
Tensor formula_loss(const Tensor& input, const Tensor& target, const Formula& loss, const LossOptions& options = {});
/// Likewise of classes, see ClassFormula: input and target as for cross_entropy.
Tensor formula_loss(const Tensor& input, const Tensor& target, const ClassFormula& loss,
                    const ClassOptions& options = {});

/// Any loss of two tensors, chosen at run time. For the softmax family options.weight holds class weights. `third` is
/// what some take besides: a variance, class counts. Throws ValueError for a loss that takes other tensors.
Tensor evaluate_loss(const AnyLoss& loss, const Tensor& input, const Tensor& target, const Tensor& third,
                     const LossOptions& options = {});
inline Tensor evaluate_loss(const AnyLoss& loss, const Tensor& input, const Tensor& target,
                            const LossOptions& options = {}) {
  return evaluate_loss(loss, input, target, Tensor(), options);
}

}  // namespace functional
}  // namespace perdita
