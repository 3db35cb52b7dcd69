"""Reductions of losses by torch's operators. Nothing is read on the host, so that no device is waited for."""

import math
from typing import Any

import torch

from perdita._catalogue import mean_of
from perdita._extras import LossExtras
from perdita.errors import DomainError, ShapeError


def reduce_elements(call, losses, first=None, present=None):
    """The reduction of losses, times the weight of the call. first: the operand whose first size a batchmean divides by; the
    losses if None. present: where targets are not missing; everywhere if None."""
    terms, weight = weighted(call, losses)
    if present is None:
        weight_sum = terms.numel if weight is None else weight.sum
        return reduce_terms(call, terms, terms.numel, weight_sum, first)
    present = present.expand(terms.shape)
    terms = torch.where(present, terms, 0.0)
    weight_sum = present.sum if weight is None else torch.where(present, weight, 0.0).sum
    return reduce_terms(call, terms, present.sum, weight_sum, first)


def weighted(call, losses):
    """Losses times the weight of the call, and that weight in their shape; None without one."""
    weight = call.number("weight")
    if weight is None:
        return losses, None
    terms = losses * weight
    if terms.shape != losses.shape:
        raise ShapeError(
            f"{call.function}: weight of shape {list(weight.shape)} does not broadcast to the shape {list(losses.shape)} of "
            f"the losses"
        )
    return terms, weight.expand(terms.shape)


def reduce_terms(call, terms, count, weight_sum, first=None):
    """The reduction of losses that are times their weights already. count, weight_sum: functions without arguments. first:
    see reduce_elements()."""
    if call.reduction not in ("none", "mean", "sum", "batchmean"):
        raise DomainError(f"unknown reduction '{call.reduction}' (valid: none, mean, sum, batchmean)")

    def denominator():
        if call.reduction == "batchmean":
            return batch_size(terms if first is None else first)
        return denominator_of(call.normalize_by, mean_of(call.function), terms, count, weight_sum)

    return reduced(terms, call.reduction, denominator, call.return_extras)


def reduce_counted(call, losses, counts):
    """The reduction of losses of which each adds `counts` to the standard denominator; 0 if nothing counts."""
    terms, weight = weighted(call, losses)

    def count():
        return counts.sum()

    def weight_sum():
        return count() if weight is None else (weight * counts).sum()

    result = reduce_terms(call, terms, count, weight_sum)
    if call.reduction != "mean" or call.normalize_by == "batch" or terms.numel() == 0:
        return result
    value, *extras = result if call.return_extras else (result,)
    divisor = weight_sum() if call.normalize_by == "weight_sum" else count()
    value = torch.where(divisor == 0, terms.sum() * 0.0, value)
    return (value, *extras) if extras else value


def reduced(losses, reduction, denominator, return_extras, margins=None, hits=None):
    """Losses (already times their weights) reduced to one number, or as they are.

    denominator: of a mean, a number or a tensor that is read where it is needed only: a function without arguments.
    """
    value: Any = losses
    divisor: Any = 1.0
    if reduction != "none":
        value = losses.sum()
    if reduction in ("mean", "batchmean"):
        divisor = denominator()
        value = divided(value, divisor)
    if not return_extras:
        return value
    total = losses.detach().sum()
    divisor = torch.as_tensor(divisor, dtype=losses.dtype, device=losses.device).detach()
    return value, LossExtras(total, divisor, losses.detach(), margins, hits)


def divided(total, denominator):
    """The mean, which is NaN with gradient 0 where nothing is counted."""
    if not isinstance(denominator, torch.Tensor):
        return total / denominator if denominator else total * 0.0 + math.nan
    is_nothing = denominator == 0
    return torch.where(is_nothing, math.nan, total / torch.where(is_nothing, 1.0, denominator))


def denominator_of(normalize_by, standard, losses, count, weight_sum):
    """The denominator of a mean over `losses`. count and weight_sum: functions without arguments."""
    chosen = standard if normalize_by in (None, "standard") else normalize_by
    if chosen == "batch":
        return batch_size(losses)
    return weight_sum() if chosen == "weight_sum" else count()


def batch_size(tensor):
    return tensor.shape[0] if tensor.dim() else 1
