"""Losses that compare each sample with the others of the batch."""

import math

import torch

from perdita.errors import ShapeError
from perdita.torch._composed.checks import check_integers
from perdita.torch._composed.embeddings import unit_vectors
from perdita.torch._composed.reduce import reduce_elements, reduce_terms


def cox_loss(call):
    """The partial likelihood of a proportional hazards model, in O(N^2) memory."""
    h, time, event = call.number("input"), call.given("time"), call.given("event")
    weight, strata = call.number("weight"), call.given("strata")
    _check_cox(call, h, time, event, strata, weight)
    happened = event != 0
    later = time.unsqueeze(0) >= time.unsqueeze(1)  # [i, j]: j is at risk when i happens
    # A sample with the weight 0 is as if it were absent: it is not tied with others, and its log hazard may be infinite.
    counts = torch.ones_like(happened) if weight is None else weight > 0.0
    h = torch.where(counts | torch.isfinite(h), h, 0.0)
    counted = happened & counts
    same = (time.unsqueeze(0) == time.unsqueeze(1)) & counted.unsqueeze(0)
    if strata is not None:
        alike = strata.unsqueeze(0) == strata.unsqueeze(1)
        later, same = later & alike, same & alike
    of_risk_sets = torch.where(later & counts.unsqueeze(0), h.detach().unsqueeze(0), float("-inf"))
    largest = torch.nn.functional.pad(of_risk_sets, (0, 1), value=float("-inf")).amax(1)  # amax refuses no elements
    largest = torch.where(largest > float("-inf"), largest, 0.0)
    # Only terms of weight 0 reach the bound: 0 times infinity would be NaN.
    exponents = torch.clamp(h.unsqueeze(0) - largest.unsqueeze(1), max=math.log(torch.finfo(h.dtype).max) - 1)
    terms = torch.where(later, torch.exp(exponents), 0.0)
    if weight is not None:
        terms = terms * weight
    at_risk, tied = terms.sum(1), torch.where(same, terms, 0.0).sum(1)
    ties = same.to(h.dtype)
    count = ties.sum(1)
    share = torch.zeros_like(count)
    if call.option("ties") == "efron":  # the l-th of d tied events leaves out l / d of their terms
        share = torch.tril(ties, -1).sum(1) / torch.where(count == 0.0, 1.0, count)
    safe = torch.where(at_risk > 0.0, at_risk, 1.0)
    log_left = torch.log(safe) + largest + torch.log1p(-share * (tied / safe))
    log_left = torch.where(happened, log_left, 0.0)
    mean_log = torch.where(same, log_left.unsqueeze(0), 0.0).sum(1) / torch.where(count == 0.0, 1.0, count)
    losses = torch.where(happened, mean_log - h, 0.0)
    if weight is not None:
        losses = losses * weight

    def events():
        return happened.to(h.dtype).sum()

    def weights():
        return events() if weight is None else torch.where(happened, weight, 0.0).sum()

    result = reduce_terms(call, losses, events, weights)
    if call.reduction != "mean":
        return result
    # A mean over no events is 0, of no samples NaN. Without events and without weights the mean of the losses is 0, too.
    value, *extras = result if call.return_extras else (result,)
    is_nothing = (weights() if call.normalize_by == "weight_sum" else events()) == 0
    value = torch.where(is_nothing, losses.mean(), value)
    return (value, *extras) if extras else value


def _check_cox(call, h, time, event, strata, weight):
    if h.dim() != 1:
        raise ShapeError(f"cox_loss: input has shape {list(h.shape)} (valid: [N])")
    for name, tensor in (("time", time), ("event", event), ("strata", strata), ("weight", weight)):
        if tensor is not None and tensor.shape != h.shape:
            raise ShapeError(
                f"cox_loss: {name} has shape {list(tensor.shape)}, but input has {list(h.shape)} (valid: the same)"
            )
    if strata is not None:
        check_integers("cox_loss", "strata", strata, "int64, int32, uint8")


def info_nce_loss(call):
    """Cross-entropy of the cosines of each query with its positive and the negatives."""
    query, key, negatives = (call.number(name) for name in ("query", "positive", "negatives"))
    if query.dim() != 2 or query.shape != key.shape:
        raise ShapeError(
            f"info_nce_loss: query has shape {list(query.shape)} and positive {list(key.shape)} (valid: [N, D] for both)"
        )
    _check_negatives(query, negatives)
    q, k = unit_vectors(query) / float(call.option("temperature")), unit_vectors(key)
    if negatives is None:
        cosines = q @ k.mT
        own = cosines.diagonal()
    else:
        own = (q * k).sum(1)
        n = unit_vectors(negatives)
        others = q @ n.mT if n.dim() == 2 else torch.einsum("nd,nmd->nm", q, n)
        cosines = torch.cat((own.unsqueeze(1), others), 1)
    return reduce_elements(call, torch.logsumexp(cosines, 1) - own)


def _check_negatives(query, negatives):
    if negatives is None:
        return
    count, size = query.shape
    is_shared = negatives.dim() == 2 and negatives.shape[1] == size
    is_own = negatives.dim() == 3 and (negatives.shape[0], negatives.shape[2]) == (count, size)
    if not is_shared and not is_own:
        raise ShapeError(
            f"info_nce_loss: negatives has shape {list(negatives.shape)}, but query has {list(query.shape)} (valid: [M, "
            f"{size}] or [{count}, M, {size}])"
        )
