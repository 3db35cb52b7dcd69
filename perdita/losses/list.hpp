// The list of losses: the single place where a loss is named. Functions, modules, command line, Python package,
// reference pages, tests and benchmarks are made from it and from the signatures (signature.hpp).
#pragma once

#include <array>
#include <type_traits>

#include "perdita/losses/binary/asymmetric.hpp"
#include "perdita/losses/binary/binary_cross_entropy.hpp"
#include "perdita/losses/binary/binary_cross_entropy_with_logits.hpp"
#include "perdita/losses/binary/binary_focal.hpp"
#include "perdita/losses/binary/hinge.hpp"
#include "perdita/losses/binary/hinge_embedding.hpp"
#include "perdita/losses/binary/quality_focal.hpp"
#include "perdita/losses/binary/soft_margin.hpp"
#include "perdita/losses/binary/squared_hinge.hpp"
#include "perdita/losses/binary/varifocal.hpp"
#include "perdita/losses/box/box_ciou.hpp"
#include "perdita/losses/box/box_diou.hpp"
#include "perdita/losses/box/box_giou.hpp"
#include "perdita/losses/box/box_iou.hpp"
#include "perdita/losses/contrastive/arc_face.hpp"
#include "perdita/losses/contrastive/batch_triplet.hpp"
#include "perdita/losses/contrastive/circle.hpp"
#include "perdita/losses/contrastive/clip_contrastive.hpp"
#include "perdita/losses/contrastive/contrastive.hpp"
#include "perdita/losses/contrastive/cos_face.hpp"
#include "perdita/losses/contrastive/info_nce.hpp"
#include "perdita/losses/contrastive/multi_similarity.hpp"
#include "perdita/losses/contrastive/nt_xent.hpp"
#include "perdita/losses/contrastive/siglip.hpp"
#include "perdita/losses/contrastive/sup_con.hpp"
#include "perdita/losses/distance/cosine_embedding.hpp"
#include "perdita/losses/distance/triplet_margin.hpp"
#include "perdita/losses/image/ms_ssim.hpp"
#include "perdita/losses/image/ssim.hpp"
#include "perdita/losses/image/total_variation.hpp"
#include "perdita/losses/likelihood/crps_ensemble.hpp"
#include "perdita/losses/likelihood/crps_gaussian.hpp"
#include "perdita/losses/likelihood/crps_laplace.hpp"
#include "perdita/losses/likelihood/crps_logistic.hpp"
#include "perdita/losses/likelihood/gaussian_kl.hpp"
#include "perdita/losses/likelihood/interval_score.hpp"
#include "perdita/losses/likelihood/laplace_nll.hpp"
#include "perdita/losses/likelihood/lognormal_nll.hpp"
#include "perdita/losses/likelihood/negative_binomial_nll.hpp"
#include "perdita/losses/likelihood/student_t_nll.hpp"
#include "perdita/losses/margin/margin_ranking.hpp"
#include "perdita/losses/margin/multi_margin.hpp"
#include "perdita/losses/margin/multilabel_margin.hpp"
#include "perdita/losses/margin/multilabel_soft_margin.hpp"
#include "perdita/losses/ordinal/coral.hpp"
#include "perdita/losses/ordinal/cumulative_link.hpp"
#include "perdita/losses/overlap/dice.hpp"
#include "perdita/losses/overlap/focal_tversky.hpp"
#include "perdita/losses/overlap/generalized_dice.hpp"
#include "perdita/losses/overlap/jaccard.hpp"
#include "perdita/losses/overlap/lovasz.hpp"
#include "perdita/losses/overlap/tversky.hpp"
#include "perdita/losses/preference/dpo.hpp"
#include "perdita/losses/preference/grpo.hpp"
#include "perdita/losses/preference/kto.hpp"
#include "perdita/losses/preference/orpo.hpp"
#include "perdita/losses/preference/ppo_clip.hpp"
#include "perdita/losses/preference/simpo.hpp"
#include "perdita/losses/ranking/approx_ndcg.hpp"
#include "perdita/losses/ranking/lambda_rank.hpp"
#include "perdita/losses/ranking/list_mle.hpp"
#include "perdita/losses/ranking/list_net.hpp"
#include "perdita/losses/ranking/rank_net.hpp"
#include "perdita/losses/regression/charbonnier.hpp"
#include "perdita/losses/regression/epsilon_insensitive.hpp"
#include "perdita/losses/regression/expectile.hpp"
#include "perdita/losses/regression/gamma_deviance.hpp"
#include "perdita/losses/regression/gamma_nll.hpp"
#include "perdita/losses/regression/gaussian_nll.hpp"
#include "perdita/losses/regression/general_adaptive.hpp"
#include "perdita/losses/regression/huber.hpp"
#include "perdita/losses/regression/inverse_gaussian_deviance.hpp"
#include "perdita/losses/regression/js_div.hpp"
#include "perdita/losses/regression/kl_div.hpp"
#include "perdita/losses/regression/l1.hpp"
#include "perdita/losses/regression/log_cosh.hpp"
#include "perdita/losses/regression/mape.hpp"
#include "perdita/losses/regression/mse.hpp"
#include "perdita/losses/regression/msle.hpp"
#include "perdita/losses/regression/poisson_nll.hpp"
#include "perdita/losses/regression/pseudo_huber.hpp"
#include "perdita/losses/regression/quantile.hpp"
#include "perdita/losses/regression/smape.hpp"
#include "perdita/losses/regression/smooth_l1.hpp"
#include "perdita/losses/regression/tweedie.hpp"
#include "perdita/losses/sequence/ctc.hpp"
#include "perdita/losses/sequence/rnnt.hpp"
#include "perdita/losses/softmax/balanced_softmax.hpp"
#include "perdita/losses/softmax/cross_entropy.hpp"
#include "perdita/losses/softmax/distillation.hpp"
#include "perdita/losses/softmax/distribution_focal.hpp"
#include "perdita/losses/softmax/focal.hpp"
#include "perdita/losses/softmax/generalized_cross_entropy.hpp"
#include "perdita/losses/softmax/ldam.hpp"
#include "perdita/losses/softmax/logit_adjusted.hpp"
#include "perdita/losses/softmax/nll.hpp"
#include "perdita/losses/softmax/poly_1.hpp"
#include "perdita/losses/softmax/symmetric_cross_entropy.hpp"
#include "perdita/losses/survival/aft.hpp"
#include "perdita/losses/survival/cox.hpp"
#include "perdita/losses/survival/logistic_hazard.hpp"

/// X(struct, function, module): the loss, its name in perdita::functional, its name in perdita::nn.
#define PERDITA_LOSSES(X)                                                                 \
  X(Mse, mse_loss, MSELoss)                                                               \
  X(L1, l1_loss, L1Loss)                                                                  \
  X(SmoothL1, smooth_l1_loss, SmoothL1Loss)                                               \
  X(Huber, huber_loss, HuberLoss)                                                         \
  X(LogCosh, log_cosh_loss, LogCoshLoss)                                                  \
  X(Charbonnier, charbonnier_loss, CharbonnierLoss)                                       \
  X(PseudoHuber, pseudo_huber_loss, PseudoHuberLoss)                                      \
  X(GeneralAdaptive, general_adaptive_loss, GeneralAdaptiveLoss)                          \
  X(EpsilonInsensitive, epsilon_insensitive_loss, EpsilonInsensitiveLoss)                 \
  X(Quantile, quantile_loss, QuantileLoss)                                                \
  X(Expectile, expectile_loss, ExpectileLoss)                                             \
  X(Msle, msle_loss, MSLELoss)                                                            \
  X(Mape, mape_loss, MAPELoss)                                                            \
  X(Smape, smape_loss, SMAPELoss)                                                         \
  X(Tweedie, tweedie_loss, TweedieLoss)                                                   \
  X(GammaNll, gamma_nll_loss, GammaNLLLoss)                                               \
  X(GammaDeviance, gamma_deviance_loss, GammaDevianceLoss)                                \
  X(InverseGaussianDeviance, inverse_gaussian_deviance_loss, InverseGaussianDevianceLoss) \
  X(PoissonNll, poisson_nll_loss, PoissonNLLLoss)                                         \
  X(KlDiv, kl_div, KLDivLoss)                                                             \
  X(JsDiv, js_div_loss, JSDivLoss)                                                        \
  X(BinaryCrossEntropy, binary_cross_entropy, BCELoss)                                    \
  X(BinaryCrossEntropyWithLogits, binary_cross_entropy_with_logits, BCEWithLogitsLoss)    \
  X(SoftMargin, soft_margin_loss, SoftMarginLoss)                                         \
  X(Hinge, hinge_loss, HingeLoss)                                                         \
  X(SquaredHinge, squared_hinge_loss, SquaredHingeLoss)                                   \
  X(HingeEmbedding, hinge_embedding_loss, HingeEmbeddingLoss)                             \
  X(BinaryFocal, binary_focal_loss, BinaryFocalLoss)                                      \
  X(Asymmetric, asymmetric_loss, AsymmetricLoss)                                          \
  X(QualityFocal, quality_focal_loss, QualityFocalLoss)                                   \
  X(Varifocal, varifocal_loss, VarifocalLoss)                                             \
  X(GaussianNll, gaussian_nll_loss, GaussianNLLLoss)                                      \
  X(LaplaceNll, laplace_nll_loss, LaplaceNLLLoss)                                         \
  X(StudentTNll, student_t_nll_loss, StudentTNLLLoss)                                     \
  X(LognormalNll, lognormal_nll_loss, LognormalNLLLoss)                                   \
  X(NegativeBinomialNll, negative_binomial_nll_loss, NegativeBinomialNLLLoss)             \
  X(CrpsGaussian, crps_gaussian_loss, CRPSGaussianLoss)                                   \
  X(CrpsLaplace, crps_laplace_loss, CRPSLaplaceLoss)                                      \
  X(CrpsLogistic, crps_logistic_loss, CRPSLogisticLoss)                                   \
  X(CrpsEnsemble, crps_ensemble_loss, CRPSEnsembleLoss)                                   \
  X(IntervalScore, interval_score_loss, IntervalScoreLoss)                                \
  X(GaussianKl, gaussian_kl_loss, GaussianKLLoss)                                         \
  X(CrossEntropy, cross_entropy, CrossEntropyLoss)                                        \
  X(Focal, focal_loss, FocalLoss)                                                         \
  X(Poly1, poly_1_loss, Poly1Loss)                                                        \
  X(GeneralizedCrossEntropy, generalized_cross_entropy, GeneralizedCrossEntropyLoss)      \
  X(SymmetricCrossEntropy, symmetric_cross_entropy, SymmetricCrossEntropyLoss)            \
  X(BalancedSoftmax, balanced_softmax_loss, BalancedSoftmaxLoss)                          \
  X(LogitAdjusted, logit_adjusted_loss, LogitAdjustedLoss)                                \
  X(Ldam, ldam_loss, LDAMLoss)                                                            \
  X(Nll, nll_loss, NLLLoss)                                                               \
  X(Distillation, distillation_loss, DistillationLoss)                                    \
  X(MarginRanking, margin_ranking_loss, MarginRankingLoss)                                \
  X(MultiMargin, multi_margin_loss, MultiMarginLoss)                                      \
  X(MultilabelMargin, multilabel_margin_loss, MultiLabelMarginLoss)                       \
  X(MultilabelSoftMargin, multilabel_soft_margin_loss, MultiLabelSoftMarginLoss)          \
  X(CosineEmbedding, cosine_embedding_loss, CosineEmbeddingLoss)                          \
  X(TripletMargin, triplet_margin_loss, TripletMarginLoss)                                \
  X(Dice, dice_loss, DiceLoss)                                                            \
  X(Jaccard, jaccard_loss, JaccardLoss)                                                   \
  X(Tversky, tversky_loss, TverskyLoss)                                                   \
  X(FocalTversky, focal_tversky_loss, FocalTverskyLoss)                                   \
  X(GeneralizedDice, generalized_dice_loss, GeneralizedDiceLoss)                          \
  X(Lovasz, lovasz_loss, LovaszLoss)                                                      \
  X(Ctc, ctc_loss, CTCLoss)                                                               \
  X(Rnnt, rnnt_loss, RNNTLoss)                                                            \
  X(Cox, cox_loss, CoxLoss)                                                               \
  X(Aft, aft_loss, AFTLoss)                                                               \
  X(LogisticHazard, logistic_hazard_loss, LogisticHazardLoss)                             \
  X(DistributionFocal, distribution_focal_loss, DistributionFocalLoss)                    \
  X(BoxIou, box_iou_loss, BoxIoULoss)                                                     \
  X(BoxGiou, box_giou_loss, BoxGIoULoss)                                                  \
  X(BoxDiou, box_diou_loss, BoxDIoULoss)                                                  \
  X(BoxCiou, box_ciou_loss, BoxCIoULoss)                                                  \
  X(Ssim, ssim_loss, SSIMLoss)                                                            \
  X(MsSsim, ms_ssim_loss, MSSSIMLoss)                                                     \
  X(TotalVariation, total_variation_loss, TotalVariationLoss)                             \
  X(Coral, coral_loss, CORALLoss)                                                         \
  X(CumulativeLink, cumulative_link_loss, CumulativeLinkLoss)                             \
  X(Dpo, dpo_loss, DPOLoss)                                                               \
  X(SimPo, simpo_loss, SimPOLoss)                                                         \
  X(Orpo, orpo_loss, ORPOLoss)                                                            \
  X(Kto, kto_loss, KTOLoss)                                                               \
  X(PpoClip, ppo_clip_loss, PPOClipLoss)                                                  \
  X(Grpo, grpo_loss, GRPOLoss)                                                            \
  X(ListNet, list_net_loss, ListNetLoss)                                                  \
  X(RankNet, rank_net_loss, RankNetLoss)                                                  \
  X(LambdaRank, lambda_rank_loss, LambdaRankLoss)                                         \
  X(ListMle, list_mle_loss, ListMLELoss)                                                  \
  X(ApproxNdcg, approx_ndcg_loss, ApproxNDCGLoss)                                         \
  X(InfoNce, info_nce_loss, InfoNCELoss)                                                  \
  X(NtXent, nt_xent_loss, NTXentLoss)                                                     \
  X(ClipContrastive, clip_contrastive_loss, CLIPContrastiveLoss)                          \
  X(Siglip, siglip_loss, SigLIPLoss)                                                      \
  X(SupCon, sup_con_loss, SupConLoss)                                                     \
  X(MultiSimilarity, multi_similarity_loss, MultiSimilarityLoss)                          \
  X(Circle, circle_loss, CircleLoss)                                                      \
  X(BatchTriplet, batch_triplet_loss, BatchTripletLoss)                                   \
  X(Contrastive, contrastive_loss, ContrastiveLoss)                                       \
  X(ArcFace, arc_face_loss, ArcFaceLoss)                                                  \
  X(CosFace, cos_face_loss, CosFaceLoss)

namespace perdita {

template <class... Losses>
struct TypeList {
  /// Calls visitor(L{}) for each loss.
  template <class Visitor>
  static void each(Visitor&& visitor) {
    (visitor(Losses{}), ...);
  }
};

namespace detail {
template <class First, class... Rest>
struct TailOf {
  using type = TypeList<Rest...>;
};
template <class Loss, class List>
inline constexpr bool is_in = false;
template <class Loss, class... Losses>
inline constexpr bool is_in<Loss, TypeList<Losses...>> = (std::is_same_v<Loss, Losses> || ...);
}  // namespace detail

// Each entry contributes ", Loss"; the leading int is dropped.
#define PERDITA_TYPE(Loss, function, Module) , Loss
/// All losses, in the order of the list.
using Losses = detail::TailOf<int PERDITA_LOSSES(PERDITA_TYPE)>::type;
#undef PERDITA_TYPE

/// Whether a type is a loss of the list; others are formulas of users.
template <class Loss>
inline constexpr bool is_listed = detail::is_in<Loss, Losses>;

/// A loss of the list that is a formula of an input and a target element.
template <class Loss>
concept ListedElementwise = is_listed<Loss> && is_elementwise(Loss::info);

/// A loss of the list that is a formula of an element of each of several operands.
template <class Loss>
concept ListedSeveralOperands = is_listed<Loss> && is_of_several_operands(Loss::info);

/// A loss of the list of rows of class logits or log-probabilities, without further operands.
template <class Loss>
concept ListedClassRows = is_listed<Loss> && is_of_class_rows(Loss::info) && !takes_class_counts(Loss::info);

/// Likewise, of logits only: a formula of a class's log-probability and its target.
template <class Loss>
concept ListedSoftmax = ListedClassRows<Loss> && takes_class_probabilities(Loss::info);

/// A loss of the list of rows of class logits and the number of training samples of each class.
template <class Loss>
concept ListedCountedClassRows = is_listed<Loss> && takes_class_counts(Loss::info);

/// A loss of the list of masks.
template <class Loss>
concept ListedMask = is_listed<Loss> && Loss::info.unit == Unit::mask;

/// The name of a listed loss's function: PyTorch's where PyTorch has it.
template <class Loss>
inline constexpr const char* function_name = nullptr;
#define PERDITA_NAME(Loss, function, Module) \
  template <>                                \
  inline constexpr const char* function_name<Loss> = #function;
PERDITA_LOSSES(PERDITA_NAME)
#undef PERDITA_NAME

/// Calls visitor(L{}) for each loss.
template <class Visitor>
void for_each_loss(Visitor&& visitor) {
  Losses::each(visitor);
}

/// The same for each elementwise loss.
template <class Visitor>
void for_each_elementwise_loss(Visitor&& visitor) {
  for_each_loss([&]<class Loss>(const Loss& loss) {
    if constexpr (ListedElementwise<Loss>) visitor(loss);
  });
}

/// The same for each loss that is a formula of several operands.
template <class Visitor>
void for_each_loss_of_several_operands(Visitor&& visitor) {
  for_each_loss([&]<class Loss>(const Loss& loss) {
    if constexpr (ListedSeveralOperands<Loss>) visitor(loss);
  });
}

/// The same for each loss that is a formula of a class's log-probability and its target.
template <class Visitor>
void for_each_softmax_loss(Visitor&& visitor) {
  for_each_loss([&]<class Loss>(const Loss& loss) {
    if constexpr (ListedSoftmax<Loss>) visitor(loss);
  });
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
