"""Reductions of losses by torch's operators. Nothing is read on the host, so that no device is waited for."""

import math
from typing import Any

import torch

from perdita._extras import LossExtras


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
    chosen = normalize_by or standard
    if chosen == "standard":
        chosen = standard
    if chosen == "batch":
        return losses.shape[0] if losses.dim() else 1
    return weight_sum() if chosen == "weight_sum" else count()
