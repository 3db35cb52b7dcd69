"""Losses that compare the scores of a row's classes."""

import torch

from perdita.errors import ShapeError
from perdita.torch._composed.checks import arange, check_integers, check_labels, check_of_classes, of_labels, one_hot
from perdita.torch._composed.formula import formula
from perdita.torch._composed.reduce import reduce_elements, reduce_terms


def _rows_of(call):
    """Scores as rows [N, C], and whether they were a single one."""
    scores = call.operand("input")
    if scores.dim() > 2 or (scores.dim() and scores.shape[-1] == 0):
        raise ShapeError(f"{call.function}: input has shape {list(scores.shape)} (valid: [C] or [N, C] with C above 0)")
    return (scores.reshape(1, -1), True) if scores.dim() < 2 else (scores, False)


def multi_margin_loss(call):
    scores, is_single = _rows_of(call)
    target, weight = call.operand("target"), call.number("weight")
    fits = target.numel() == 1 and target.dim() <= 1 if is_single else target.shape == scores.shape[:1]
    if not fits:
        raise ShapeError(
            f"multi_margin_loss: target has shape {list(target.shape)}, but input has {scores.shape[0]} rows (valid: "
            f"{'[] or [1]' if is_single else list(scores.shape[:1])})"
        )
    check_integers(call.function, "target", target)
    check_of_classes(call.function, "weight", weight, scores.shape[1])
    labels = target.reshape(scores.shape[:1]).to(torch.int64)
    check_labels(call.function, labels, labels == labels, scores.shape[1])
    violations = formula(call.text, scores - scores.gather(1, labels.unsqueeze(1)))
    is_other = arange(scores.shape[1], labels) != labels.unsqueeze(1)
    losses = torch.where(is_other, violations, 0.0).sum(1) / scores.shape[1]
    weights = None if weight is None else of_labels(weight, labels)
    losses = losses if weights is None else losses * weights
    losses = losses.squeeze(0) if is_single and target.dim() == 0 else losses
    return reduce_terms(call, losses, losses.numel, losses.numel if weights is None else weights.sum)


def multilabel_margin_loss(call):
    scores, is_single = _rows_of(call)
    target = call.operand("target")
    if target.shape != call.operand("input").shape:
        raise ShapeError(
            f"multilabel_margin_loss: target has shape {list(target.shape)}, but input has "
            f"{list(call.operand('input').shape)} (valid: the same)"
        )
    lists, classes = target.reshape(scores.shape).to(torch.int64), scores.shape[1]
    is_present = (lists >= 0).to(torch.int64).cumprod(1) != 0  # a list ends at its first negative number
    check_labels(call.function, lists, is_present, classes)
    listed = torch.where(is_present, lists, 0)
    is_listed = (one_hot(listed, classes, 2) & is_present.unsqueeze(2)).any(1)
    own = scores.gather(1, listed).unsqueeze(2)
    counts = is_present.unsqueeze(2) & ~is_listed.unsqueeze(1)  # [N, J, C]: a listed class and one that is not
    violations = formula(call.text, scores.unsqueeze(1) - own)
    losses = torch.where(counts, violations, 0.0).sum((1, 2)) / classes
    return reduce_elements(call, losses.squeeze(0) if is_single else losses)


def multilabel_soft_margin_loss(call):
    input, target, weight = call.number("input"), call.number("target"), call.number("weight")
    if not input.dim():
        raise ShapeError("multilabel_soft_margin_loss: input has shape [] (valid: [..., C])")
    terms = formula(call.text, input, target)
    if terms.shape != input.shape:
        raise ShapeError(
            f"multilabel_soft_margin_loss: target has shape {list(target.shape)}, but input has {list(input.shape)} "
            f"(valid: the same)"
        )
    losses = (terms if weight is None else terms * weight).mean(-1)
    return reduce_terms(call, losses, losses.numel, losses.numel)
