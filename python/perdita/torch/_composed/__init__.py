"""Losses made of torch's operators: for what the kernels do not compute, which take dense tensors on the CPU.

Other devices, subclasses of Tensor, transforms of torch.func, forward-mode differentiation, traces, and second and higher
derivatives are computed here, by the same formulas.
"""

from perdita._catalogue import is_of_class_rows, takes_class_counts, unit_of
from perdita.errors import DTypeError
from perdita.torch._composed.call import Call
from perdita.torch._composed.classes import class_counts_loss, class_rows_loss
from perdita.torch._composed.elementwise import (
    binary_cross_entropy,
    elementwise_loss,
    gaussian_nll_loss,
    margin_ranking_loss,
    quantile_loss,
)
from perdita.torch._composed.joint import cox_loss, info_nce_loss, list_net_loss
from perdita.torch._composed.margins import multi_margin_loss, multilabel_margin_loss, multilabel_soft_margin_loss
from perdita.torch._composed.masks import lovasz_loss, mask_loss
from perdita.torch._composed.sequence import ctc_loss
from perdita.torch._composed.vectors import cosine_embedding_loss, triplet_margin_loss

# Losses that do not follow from their signature and their formula alone, as own_call() in C++.
_OWN = {
    function.__name__: function
    for function in (
        binary_cross_entropy, cosine_embedding_loss, cox_loss, ctc_loss, gaussian_nll_loss, info_nce_loss, list_net_loss,
        lovasz_loss, margin_ranking_loss, multi_margin_loss, multilabel_margin_loss, multilabel_soft_margin_loss,
        quantile_loss, triplet_margin_loss,
    )
}  # fmt: skip


def composed_loss(function, tensors, reduction, normalize_by, return_extras, options):
    """The loss `function` of `tensors`, in the order of its signature; options as text."""
    tensors = [tensor if getattr(tensor, "placements", None) is None else _summed(tensor) for tensor in tensors]
    call = Call(function, tensors, reduction, normalize_by, return_extras, options)
    return call.finished(_composition_of(function)(call))


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
    if unit_of(function) == "mask":
        return mask_loss
    if unit_of(function) == "element":
        return elementwise_loss
    raise DTypeError(f"{function}: is not composed of torch's operators (valid: dense tensors on the CPU)")
