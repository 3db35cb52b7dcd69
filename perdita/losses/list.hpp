// The list of losses: the single place where a loss is named. Functions, modules, command line, reference pages, tests
// and benchmarks are made from it.
//
// X(struct, function, module): the formula, its name in perdita::functional, its name in perdita::nn.
#pragma once

#include <string_view>

#include "perdita/losses/binary/asymmetric.hpp"
#include "perdita/losses/binary/binary_cross_entropy.hpp"
#include "perdita/losses/binary/binary_cross_entropy_with_logits.hpp"
#include "perdita/losses/binary/binary_focal.hpp"
#include "perdita/losses/binary/hinge_embedding.hpp"
#include "perdita/losses/binary/soft_margin.hpp"
#include "perdita/losses/distance/cosine_embedding.hpp"
#include "perdita/losses/distance/triplet_margin.hpp"
#include "perdita/losses/margin/margin_ranking.hpp"
#include "perdita/losses/margin/multi_margin.hpp"
#include "perdita/losses/margin/multilabel_margin.hpp"
#include "perdita/losses/margin/multilabel_soft_margin.hpp"
#include "perdita/losses/overlap/dice.hpp"
#include "perdita/losses/overlap/focal_tversky.hpp"
#include "perdita/losses/overlap/jaccard.hpp"
#include "perdita/losses/overlap/lovasz.hpp"
#include "perdita/losses/overlap/tversky.hpp"
#include "perdita/losses/regression/charbonnier.hpp"
#include "perdita/losses/regression/gamma_nll.hpp"
#include "perdita/losses/regression/gaussian_nll.hpp"
#include "perdita/losses/regression/huber.hpp"
#include "perdita/losses/regression/kl_div.hpp"
#include "perdita/losses/regression/l1.hpp"
#include "perdita/losses/regression/log_cosh.hpp"
#include "perdita/losses/regression/mse.hpp"
#include "perdita/losses/regression/poisson_nll.hpp"
#include "perdita/losses/regression/quantile.hpp"
#include "perdita/losses/regression/smooth_l1.hpp"
#include "perdita/losses/regression/tweedie.hpp"
#include "perdita/losses/sequence/ctc.hpp"
#include "perdita/losses/softmax/balanced_softmax.hpp"
#include "perdita/losses/softmax/cross_entropy.hpp"
#include "perdita/losses/softmax/focal.hpp"
#include "perdita/losses/softmax/generalized_cross_entropy.hpp"
#include "perdita/losses/softmax/ldam.hpp"
#include "perdita/losses/softmax/logit_adjusted.hpp"
#include "perdita/losses/softmax/nll.hpp"
#include "perdita/losses/softmax/poly_1.hpp"
#include "perdita/losses/softmax/symmetric_cross_entropy.hpp"

/// Formulas of one input and one target element.
#define PERDITA_PAIR_LOSSES(X)                                                         \
  X(Mse, mse_loss, MSELoss)                                                            \
  X(L1, l1_loss, L1Loss)                                                               \
  X(SmoothL1, smooth_l1_loss, SmoothL1Loss)                                            \
  X(Huber, huber_loss, HuberLoss)                                                      \
  X(LogCosh, log_cosh_loss, LogCoshLoss)                                               \
  X(Charbonnier, charbonnier_loss, CharbonnierLoss)                                    \
  X(Quantile, quantile_loss, QuantileLoss)                                             \
  X(Tweedie, tweedie_loss, TweedieLoss)                                                \
  X(GammaNll, gamma_nll_loss, GammaNLLLoss)                                            \
  X(PoissonNll, poisson_nll_loss, PoissonNLLLoss)                                      \
  X(KlDiv, kl_div, KLDivLoss)                                                          \
  X(BinaryCrossEntropy, binary_cross_entropy, BCELoss)                                 \
  X(BinaryCrossEntropyWithLogits, binary_cross_entropy_with_logits, BCEWithLogitsLoss) \
  X(SoftMargin, soft_margin_loss, SoftMarginLoss)                                      \
  X(HingeEmbedding, hinge_embedding_loss, HingeEmbeddingLoss)                          \
  X(BinaryFocal, binary_focal_loss, BinaryFocalLoss)                                   \
  X(Asymmetric, asymmetric_loss, AsymmetricLoss)

/// Formulas of an input, a target and a variance.
#define PERDITA_TRIPLE_LOSSES(X) X(GaussianNll, gaussian_nll_loss, GaussianNLLLoss)

/// Formulas of a class's log-probability and its target.
#define PERDITA_SOFTMAX_LOSSES(X)                                                    \
  X(CrossEntropy, cross_entropy, CrossEntropyLoss)                                   \
  X(Focal, focal_loss, FocalLoss)                                                    \
  X(Poly1, poly_1_loss, Poly1Loss)                                                   \
  X(GeneralizedCrossEntropy, generalized_cross_entropy, GeneralizedCrossEntropyLoss) \
  X(SymmetricCrossEntropy, symmetric_cross_entropy, SymmetricCrossEntropyLoss)

/// Cross-entropies of logits that are changed first by what is known of the classes' numbers of samples.
#define PERDITA_FREQUENCY_LOSSES(X)                              \
  X(BalancedSoftmax, balanced_softmax_loss, BalancedSoftmaxLoss) \
  X(LogitAdjusted, logit_adjusted_loss, LogitAdjustedLoss)       \
  X(Ldam, ldam_loss, LDAMLoss)

/// Losses that pick the log-probability of a class.
#define PERDITA_PICKING_LOSSES(X) X(Nll, nll_loss, NLLLoss)

/// Losses that compare: the formula is of differences of scores, or of distances between vectors, which their functions
/// make from the tensors.
#define PERDITA_COMPARING_LOSSES(X)                                              \
  X(MarginRanking, margin_ranking_loss, MarginRankingLoss)                       \
  X(MultiMargin, multi_margin_loss, MultiMarginLoss)                             \
  X(MultilabelMargin, multilabel_margin_loss, MultiLabelMarginLoss)              \
  X(MultilabelSoftMargin, multilabel_soft_margin_loss, MultiLabelSoftMarginLoss) \
  X(CosineEmbedding, cosine_embedding_loss, CosineEmbeddingLoss)                 \
  X(TripletMargin, triplet_margin_loss, TripletMarginLoss)

/// Losses of masks: the formula is of sums over a mask's pixels, or there is none but a kernel.
#define PERDITA_OVERLAP_LOSSES(X)                       \
  X(Dice, dice_loss, DiceLoss)                          \
  X(Jaccard, jaccard_loss, JaccardLoss)                 \
  X(Tversky, tversky_loss, TverskyLoss)                 \
  X(FocalTversky, focal_tversky_loss, FocalTverskyLoss) \
  X(Lovasz, lovasz_loss, LovaszLoss)

/// Losses of whole sequences: no formula, but a kernel of their own.
#define PERDITA_SEQUENCE_LOSSES(X) X(Ctc, ctc_loss, CTCLoss)

namespace perdita {

template <class... Losses>
struct TypeList {
  /// Calls visitor(L{}) for each loss.
  template <class Visitor>
  static void each(Visitor&& visitor) {
    (visitor(Losses{}), ...);
  }
};

/// Whether a loss is of a list.
template <class Loss, class List>
inline constexpr bool is_in = false;
template <class Loss, class... Losses>
inline constexpr bool is_in<Loss, TypeList<Losses...>> = (std::is_same_v<Loss, Losses> || ...);

namespace detail {
template <class First, class... Rest>
struct TailOf {
  using type = TypeList<Rest...>;
};
}  // namespace detail

// Each entry contributes ", Loss"; the leading int is dropped.
#define PERDITA_TYPE(Loss, function, Module) , Loss
using PairLosses = detail::TailOf<int PERDITA_PAIR_LOSSES(PERDITA_TYPE)>::type;
using TripleLosses = detail::TailOf<int PERDITA_TRIPLE_LOSSES(PERDITA_TYPE)>::type;
using SoftmaxLosses = detail::TailOf<int PERDITA_SOFTMAX_LOSSES(PERDITA_TYPE)>::type;
using FrequencyLosses = detail::TailOf<int PERDITA_FREQUENCY_LOSSES(PERDITA_TYPE)>::type;
using PickingLosses = detail::TailOf<int PERDITA_PICKING_LOSSES(PERDITA_TYPE)>::type;
using ComparingLosses = detail::TailOf<int PERDITA_COMPARING_LOSSES(PERDITA_TYPE)>::type;
using OverlapLosses = detail::TailOf<int PERDITA_OVERLAP_LOSSES(PERDITA_TYPE)>::type;
using SequenceLosses = detail::TailOf<int PERDITA_SEQUENCE_LOSSES(PERDITA_TYPE)>::type;
#undef PERDITA_TYPE

template <class Visitor>
void for_each_loss(Visitor&& visitor) {
  PairLosses::each(visitor);
  TripleLosses::each(visitor);
  SoftmaxLosses::each(visitor);
  FrequencyLosses::each(visitor);
  PickingLosses::each(visitor);
  ComparingLosses::each(visitor);
  OverlapLosses::each(visitor);
  SequenceLosses::each(visitor);
}

/// The parameters of a loss, or nothing.
template <class Loss>
constexpr auto parameters_of() {
  if constexpr (requires { Loss::parameters(); })
    return Loss::parameters();
  else
    return std::array<Parameter<Loss>, 0>{};
}

}  // namespace perdita
