"""Losses of rows with an integer for each: ordered classes, intervals of time, bins."""

import torch
import torch.nn.functional as F

from perdita.errors import GraphError, ShapeError
from perdita.torch._composed.checks import arange, check_integers, check_labels
from perdita.torch._composed.formula import formula, softplus
from perdita.torch._composed.reduce import reduce_elements


def _indices(call, name, rows, count):
    """An integer operand [N] as int64, whose elements are from 0 to count - 1."""
    indices = call.given(name)
    check_integers(call.function, name, indices, "int64, int32, uint8")
    if indices.shape != (rows,):
        raise ShapeError(
            f"{call.function}: {name} has shape {list(indices.shape)}, but input has {rows} rows (valid: [{rows}])"
        )
    check_labels(call.function, indices, torch.ones_like(indices, dtype=torch.bool), count)
    return indices.to(torch.int64)


def _rows_of(call):
    logits = call.number("input")
    if logits.dim() != 2 or not logits.shape[1]:
        raise ShapeError(f"{call.function}: input has shape {list(logits.shape)} (valid: [N, C] with C above 0)")
    return logits


def coral_loss(call):
    logits = _rows_of(call)
    rows, thresholds = logits.shape
    target = _indices(call, "target", rows, thresholds + 1)
    is_above = target.unsqueeze(1) > arange(thresholds, target)
    return reduce_elements(call, softplus(torch.where(is_above, -logits, logits)).sum(1))


def cumulative_link_loss(call):
    scores, thresholds = call.number("input"), call.number("thresholds")
    if scores.dim() != 1:
        raise ShapeError(f"{call.function}: input has shape {list(scores.shape)} (valid: [N])")
    if thresholds.dim() != 1 or not thresholds.shape[0]:
        raise ShapeError(f"{call.function}: thresholds has shape {list(thresholds.shape)} (valid: [C - 1])")
    target = _indices(call, "target", scores.shape[0], thresholds.shape[0] + 1)
    ends = F.pad(F.pad(thresholds, (1, 0), value=float("-inf")), (0, 1), value=float("inf"))
    low, high = ends.index_select(0, target), ends.index_select(0, target + 1)
    return reduce_elements(call, formula(call.text, scores, low, high))


def logistic_hazard_loss(call):
    logits, event = _rows_of(call), call.number("event")
    rows, intervals = logits.shape
    interval = _indices(call, "interval", rows, intervals).unsqueeze(1)
    if event.shape != (rows,):
        raise ShapeError(
            f"{call.function}: event has shape {list(event.shape)}, but input has {rows} rows (valid: [{rows}])"
        )
    numbers = arange(intervals, interval)
    happened = (numbers == interval) & (event.unsqueeze(1) != 0)
    terms = softplus(torch.where(happened, -logits, logits))
    return reduce_elements(call, torch.where(numbers <= interval, terms, 0.0).sum(1))


def crps_ensemble_loss(call):
    members, target = call.number("input"), call.number("target")
    least = 2 if call.option("fair") else 1
    if members.dim() != 2 or members.shape[1] < least:
        raise ShapeError(
            f"{call.function}: input has shape {list(members.shape)} (valid: [N, M] with M at least {least})"
        )
    rows, count = members.shape
    if target.shape != (rows,):
        raise ShapeError(
            f"{call.function}: target has shape {list(target.shape)}, but input has {rows} rows (valid: [{rows}])"
        )
    r = members - target.unsqueeze(1)
    a, b = r.detach().unsqueeze(2), r.detach().unsqueeze(1)
    both = torch.isfinite(a) & torch.isfinite(b)
    ranks = torch.where(both, (a > b).to(r.dtype) - (a < b).to(r.dtype), 0.0).sum(2)
    # Not abs(), whose second derivative torch represents by a tensor without storage.
    shares = ranks / (count * (count - 1 if call.option("fair") else count))
    finite = torch.where(torch.isfinite(r.detach()), r, 0.0)
    losses = (torch.sgn(r.detach()) * r / count - shares * finite).sum(1)
    return reduce_elements(call, losses)


def distillation_loss(call):
    logits, teacher = _rows_of(call), call.number("teacher")
    if call.given("teacher").requires_grad:
        raise GraphError(
            f"{call.function}: teacher requires a gradient (valid: a constant, for example the tensor's detach())"
        )
    if teacher.shape != logits.shape:
        raise ShapeError(
            f"{call.function}: teacher has shape {list(teacher.shape)}, but input has {list(logits.shape)} (valid: the same)"
        )
    target = _indices(call, "target", *logits.shape)
    alpha, t = float(call.option("alpha")), float(call.option("temperature"))
    log_q, log_p = torch.log_softmax(logits / t, 1), torch.log_softmax(teacher / t, 1)
    p = torch.exp(log_p)
    is_impossible = p == 0.0
    terms = p * (torch.where(is_impossible, 0.0, log_p) - log_q)
    divergence = torch.where(is_impossible, 0.0, terms).sum(1)
    of_labels = -torch.log_softmax(logits, 1).gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce_elements(call, (alpha * t * t) * divergence + (1.0 - alpha) * of_labels)


def distribution_focal_loss(call):
    logits, target = _rows_of(call), call.number("target")
    rows, bins = logits.shape
    if bins < 2:
        raise ShapeError(f"{call.function}: input has shape {list(logits.shape)} (valid: [N, B] with B above 1)")
    if target.shape != (rows,):
        raise ShapeError(
            f"{call.function}: target has shape {list(target.shape)}, but input has {rows} rows (valid: [{rows}])"
        )
    below = target.detach().clamp(0.0, float(bins - 2)).to(torch.int64)
    share = target - below.to(target.dtype)
    log_p = torch.log_softmax(logits, 1)
    near, far = (log_p.gather(1, index.unsqueeze(1)).squeeze(1) for index in (below, below + 1))
    return reduce_elements(call, -((1.0 - share) * near + share * far))
