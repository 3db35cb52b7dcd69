"""Losses made of torch's operators: for what the kernels do not compute, which take dense tensors on the CPU.

Other devices, subclasses of Tensor, transforms of torch.func, forward-mode differentiation, traces, and second and higher
derivatives are computed here, by the same formulas.
"""

import torch

from perdita import _core
from perdita._catalogue import is_of_class_rows, is_of_several_operands, meanings_of, takes_class_counts, unit_of
from perdita.errors import DTypeError
from perdita.torch._composed.boxes import box_loss
from perdita.torch._composed.call import Call
from perdita.torch._composed.classes import class_counts_loss, class_rows_loss
from perdita.torch._composed.elementwise import (
    binary_cross_entropy,
    check_broadcast,
    elementwise_loss,
    gaussian_nll_loss,
    margin_ranking_loss,
    quantile_loss,
    several_operands_loss,
)
from perdita.torch._composed.embeddings import (
    arc_face_loss,
    batch_triplet_loss,
    circle_loss,
    clip_contrastive_loss,
    contrastive_loss,
    cos_face_loss,
    multi_similarity_loss,
    nt_xent_loss,
    siglip_loss,
    sup_con_loss,
)
from perdita.torch._composed.formula import formula
from perdita.torch._composed.images import ms_ssim_loss, ssim_loss, total_variation_loss
from perdita.torch._composed.joint import cox_loss, info_nce_loss
from perdita.torch._composed.margins import multi_margin_loss, multilabel_margin_loss, multilabel_soft_margin_loss
from perdita.torch._composed.masks import generalized_dice_loss, lovasz_loss, mask_loss
from perdita.torch._composed.ranking import (
    approx_ndcg_loss,
    lambda_rank_loss,
    list_mle_loss,
    list_net_loss,
    rank_net_loss,
)
from perdita.torch._composed.reduce import reduce_elements
from perdita.torch._composed.rows import (
    coral_loss,
    crps_ensemble_loss,
    cumulative_link_loss,
    distillation_loss,
    distribution_focal_loss,
    logistic_hazard_loss,
)
from perdita.torch._composed.sequence import ctc_loss, rnnt_loss
from perdita.torch._composed.vectors import cosine_embedding_loss, triplet_margin_loss

# Losses that do not follow from their signature and their formula alone, as own_call() in C++.
_OWN = {
    function.__name__: function
    for function in (
        approx_ndcg_loss, arc_face_loss, batch_triplet_loss, binary_cross_entropy, circle_loss, clip_contrastive_loss,
        contrastive_loss, coral_loss, cos_face_loss, cosine_embedding_loss, cox_loss, crps_ensemble_loss, ctc_loss,
        cumulative_link_loss, distillation_loss, distribution_focal_loss, gaussian_nll_loss, generalized_dice_loss,
        info_nce_loss, lambda_rank_loss, list_mle_loss, list_net_loss, logistic_hazard_loss, lovasz_loss,
        margin_ranking_loss, ms_ssim_loss, multi_margin_loss, multi_similarity_loss, multilabel_margin_loss,
        multilabel_soft_margin_loss, nt_xent_loss, quantile_loss, rank_net_loss, rnnt_loss, siglip_loss, ssim_loss,
        sup_con_loss, total_variation_loss, triplet_margin_loss,
    )
}  # fmt: skip


def composed_loss(function, tensors, reduction, normalize_by, return_extras, options):
    """The loss `function` of `tensors`, in the order of its signature; options as text."""
    if function == "sum":
        return _composed_sum(options, tensors, reduction, normalize_by)
    tensors = [tensor if getattr(tensor, "placements", None) is None else _summed(tensor) for tensor in tensors]
    call = Call(function, tensors, reduction, normalize_by, return_extras, options)
    return call.finished(_composition_of(function)(call))


def formula_of_parameters(text, tensors, parameters, reduction, normalize_by, return_extras):
    """The loss of a formula of elements whose parameters are tensors without dimensions."""
    call = Call("formula", tensors, reduction, normalize_by, return_extras, text)
    input, target = call.number("input"), call.number("target")
    check_broadcast(call, input, target)
    losses = formula(call.text, input, target, *(parameter.to(call.dtype) for parameter in parameters))
    return call.finished(reduce_elements(call, losses, input))


def _composed_sum(text, tensors, reduction, normalize_by):
    """A sum of losses whose weights are numbers."""
    total = None
    for part, weight in zip(_core.loss_parts(text), _core.loss_weights(text, 0), strict=True):
        name, _, options = part["text"].partition(":")
        is_formula = name == "formula"
        function = "formula" if is_formula else _core.function_of_loss(part["text"])
        if is_formula and _core.is_class_formula(options):
            function = "class_formula"
        term = composed_loss(function, tensors, reduction, normalize_by, False, options.strip())
        term = torch.zeros_like(term) if weight == 0 else term * weight
        total = term if total is None else total + term
    return total


def _summed(tensor):
    """A DTensor whose elements are partial sums, added up: no loss is linear in its input. torch would scatter the sums
    over a dimension that may be shorter than the number of processes."""
    if not any(placement.is_partial() for placement in tensor.placements):
        return tensor
    from torch.distributed.tensor import Replicate

    return tensor.redistribute(placements=[Replicate() if p.is_partial() else p for p in tensor.placements])


def _composition_of(function):
    if function in _OWN:
        return _OWN[function]
    if is_of_class_rows(function):
        return class_counts_loss if takes_class_counts(function) else class_rows_loss
    if "boxes" in meanings_of(function):
        return box_loss
    if unit_of(function) == "mask":
        return mask_loss
    if is_of_several_operands(function):
        return several_operands_loss
    if unit_of(function) == "element":
        return elementwise_loss
    raise DTypeError(f"{function}: is not composed of torch's operators (valid: dense tensors on the CPU)")
