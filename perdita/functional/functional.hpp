// The losses as functions of tensors: perdita::functional, by PyTorch's names.
//
//     F::mse_loss(output, target)
//     F::huber_loss(output, target, {.delta = 2}, {.reduction = Reduction::sum})
//     F::cross_entropy(logits, labels, {.weight = class_weights, .label_smoothing = 0.1})
//
// A loss is computed once: where the input needs a gradient, the same pass writes it, and backward only scales it.
// Where more is needed (a gradient with respect to the target or a weight, a second derivative, broadcasting) the
// formula is applied to the tensors themselves, whose operators are recorded, fused and differentiable to any order.
#pragma once

#include <functional>
#include <initializer_list>

#include "perdita/functional/loss_function.hpp"

namespace perdita {

namespace functional {

/// Every loss of the list is a function (operands..., loss = {}, options = {}): the operands in the order of its
/// signature, its parameters as the struct of perdita/losses, and LossOptions, or ClassOptions for class logits.
/// `perdita explain NAME` lists operands, shapes and parameters, as the reference pages do. By kind:
///
/// - Elementwise (mse_loss, binary_cross_entropy, ...): input and target of shapes that broadcast. Integer targets are
///   converted to the input's dtype. gaussian_nll_loss also takes var, of the input's shape, of that without its last
///   dimension, or with sizes of 1.
/// - Classes (cross_entropy, focal_loss, nll_loss, ...): logits [C], [N, C] or [N, C, d1, ...], and class indices [],
///   [N] or [N, d1, ...] (int64, int32, uint8); except for nll_loss and ldam_loss also class probabilities of the
///   input's shape. balanced_softmax_loss, logit_adjusted_loss and ldam_loss take class_counts [C] too, the numbers of
///   training samples: a class without samples gets probability 0 from the first two, and its own samples an infinite
///   loss; for ldam_loss it is as rare as the rarest. Their extras are those of the changed logits.
/// - Scores (margin_ranking_loss, multi_margin_loss, ...): differences of scores, one loss per pair or per row.
/// - Vectors (cosine_embedding_loss, triplet_margin_loss): vectors [..., D] are compared, one loss per row.
/// - Masks (dice_loss, lovasz_loss, ...): logits [N, C, d1, ...] with class indices [N, d1, ...] are one mask for each
///   item and class, by the softmax over the classes. Logits with targets of the same shape, from 0 to 1 (lovasz_loss:
///   0 or 1), are one mask for each item, or for each item and class with loss.multilabel, by the sigmoid (lovasz_loss:
///   a hinge). loss.batch sums a mask over all items; pixels whose target is loss.ignore_index are ignored, and with
///   loss.present_only so are classes without a pixel. A mask without pixels, or empty and predicted empty, loses 0.
/// - Sequences (ctc_loss): log_probs [T, N, C] or [T, C], labels [N, S] or [sum of lengths], and the lengths [N] or [].
///   A mean divides each loss by max(1, its target length) first. The gradient is minus the posterior probability of a
///   class in a frame (see Ctc::info.differences), 0 at and past an input length and for an infinite loss. rnnt_loss:
///   logits [B, T, U + 1, V], labels [B, U], and the lengths [B]; what lies beyond the lengths is not read, and its
///   gradient is 0.
/// - Several operands of one shape (laplace_nll_loss, interval_score_loss, aft_loss, dpo_loss, ...): operands broadcast
///   to the shape of the largest. Gradients reach the predictions and, by recorded operators, the targets; side
///   information, such as the log-probabilities of a reference model, is a constant, which must not require a gradient.
/// - Boxes (box_iou_loss, ...): [..., 4] each, one loss per box. The factor of box_ciou_loss is a constant of the
///   gradient.
/// - Images (ssim_loss, total_variation_loss): [N, C, H, W], or [C, H, W] for one image; one loss per image.
/// - Ordered classes (coral_loss, cumulative_link_loss), intervals of time (logistic_hazard_loss) and bins
///   (distribution_focal_loss): rows with an integer or a number for each.
/// - Survival (cox_loss) and contrastive losses (info_nce_loss, sup_con_loss, ...): the samples of a batch.
/// - Rankings (list_net_loss, rank_net_loss, lambda_rank_loss, list_mle_loss, approx_ndcg_loss): the documents of each
///   group.
///
/// They throw ShapeError, DTypeError, ValueError (a parameter or, for probabilities, an element outside its domain: the
/// first one is named), IndexError (a label that is not a class), and GraphError for a second derivative of ctc_loss
/// and rnnt_loss. The mean of nothing is NaN.
#define PERDITA_DECLARE(Loss, function, Module) \
  inline constexpr LossFunction<perdita::Loss> function{function_name<perdita::Loss>};
PERDITA_LOSSES(PERDITA_DECLARE)
#undef PERDITA_DECLARE

/// Any loss, chosen at run time. operands: in the order of its signature (info_of(loss).operands), weights included;
/// those that are optional may be undefined, or left out at the end. Weights may also be those of the options. Throws
/// as the function of the loss, and ValueError for the wrong number of operands.
Tensor call(const AnyLoss& loss, std::span<const Tensor> operands, const LossOptions& options = {});
/// The same of a list of tensors: call(parse_loss("huber:delta=2"), {output, target}).
inline Tensor call(const AnyLoss& loss, std::initializer_list<Tensor> operands, const LossOptions& options = {}) {
  return call(loss, std::span(operands.begin(), operands.size()), options);
}

/// Whether the kernel of the loss uses LossOptions::expected_upstream: losses of elements and of rows of classes.
bool uses_expected_upstream(const AnyLoss& loss);

/// A loss that is written as text, see Formula::parse(): input and target as for the losses of single elements.
///     F::formula_loss(output, target, Formula::parse("select(abs(y - t) < 1, (y - t)^2, 2 * abs(y - t) - 1)"))
Tensor formula_loss(const Tensor& input, const Tensor& target, const Formula& loss, const LossOptions& options = {});
/// Likewise of classes, see ClassFormula: input and target as for cross_entropy.
Tensor formula_loss(const Tensor& input, const Tensor& target, const ClassFormula& loss,
                    const ClassOptions& options = {});
/// The same with a number, a tensor without dimensions, for each parameter that the formula declares, which may require
/// a gradient: param(sigma, 1.0). Computed by recorded operators.
Tensor formula_loss(const Tensor& input, const Tensor& target, std::span<const Tensor> parameters, const Formula& loss,
                    const LossOptions& options = {});
Tensor formula_loss(const Tensor& input, const Tensor& target, std::span<const Tensor> parameters,
                    const ClassFormula& loss, const ClassOptions& options = {});

/// Logit adjustment after training: logits [..., C] minus tau log(share of the class) (Menon et al., ICLR 2021, eq. 9),
/// which converts a model for the shares of the classes in training to one for equal shares. Throws as
/// logit_adjusted_loss.
Tensor adjust_logits(const Tensor& logits, const Tensor& class_counts, double tau = 1.0);

/// The mean of the largest of given losses, a `fraction` of them (rounded up, at least one): top-k training of
/// segmentation, as in nnU-Net. per_item: of each item of losses [N, ...]; the result is [N]. NaN counts as the
/// largest; of equal losses those that come first are taken. Leave out ignored elements first. Throws ShapeError,
/// DTypeError, ValueError.
///     top_k_mean(cross_entropy(logits, labels, {.reduction = Reduction::none}), 0.1)
Tensor top_k_mean(const Tensor& losses, double fraction, bool per_item = false);
/// The mean of the losses above `threshold`, and of the min_kept largest if these are more: online hard example mining
/// (Shrivastava, Gupta and Girshick, CVPR 2016). For a threshold p of the probability of the true class, as
/// mmsegmentation has it (0.7, 100000 pixels), pass -log(p). Otherwise as top_k_mean().
Tensor ohem_mean(const Tensor& losses, double threshold, std::int64_t min_kept, bool per_item = false);

/// c tanh(x / c) of logits x and the cap c, as a loss with softcap=c takes them; the logits for an infinite c. Throws
/// ValueError for a c that is not positive.
Tensor softcap(const Tensor& logits, double cap);

/// cross_entropy(input linear_weight^T + linear_bias, target), whose logits are never stored all at once. input: [F] or
/// [N, F]; linear_weight: [C, F], or [C, d1, ..., dK, F] for logits [N, C, d1, ..., dK]; target as for cross_entropy.
/// One floating dtype. Gradients with respect to input, linear_weight and linear_bias are computed in the forward pass;
/// for those with respect to target or weight, and for second derivatives, the logits are stored. Throws as
/// cross_entropy.
Tensor linear_cross_entropy(const Tensor& input, const Tensor& linear_weight, const Tensor& target,
                            const LinearOptions& options = {});

/// triplet_margin_loss for any distance of two tensors; of the loss's parameters, margin and swap are used.
using Distance = std::function<Tensor(const Tensor&, const Tensor&)>;
Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const Distance& distance, const TripletMargin& loss = {},
                                         const LossOptions& options = {});
/// ||x1 - x2 + eps||_p over the last dimension, whose gradient is 0 where the norm is. p from 0 to infinity.
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double eps = 1e-6);

}  // namespace functional
}  // namespace perdita
