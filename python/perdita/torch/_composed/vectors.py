"""Losses that compare vectors by their distance or their cosine."""

import math

import torch

from perdita.errors import ShapeError
from perdita.torch._composed.formula import formula
from perdita.torch._composed.reduce import reduce_elements


def cosine_embedding_loss(call):
    input1, input2, target = call.number("input1"), call.number("input2"), call.number("target")
    _check_ranks(call, input1, input2)
    if target.dim() > 1 or target.dim() + 1 != input1.dim():
        raise ShapeError(
            f"cosine_embedding_loss: target has shape {list(target.shape)}, but the inputs have {list(input1.shape)} and "
            f"{list(input2.shape)} (valid: [] for [D], [N] for [N, D])"
        )
    return reduce_elements(call, formula(call.text, _cosine(input1, input2), target))


def triplet_margin_loss(call):
    anchor, positive, negative = call.number("anchor"), call.number("positive"), call.number("negative")
    _check_ranks(call, anchor, positive, negative)
    p, eps = float(call.option("p")), float(call.option("eps"))
    near, far = _distance(anchor, positive, p, eps), _distance(anchor, negative, p, eps)
    if call.option("swap"):
        far = torch.minimum(far, _distance(positive, negative, p, eps))
    return reduce_elements(call, formula(call.text, near, far))


def _check_ranks(call, first, *others):
    if not first.dim() or any(other.dim() != first.dim() for other in others):
        shapes = " and ".join(str(list(tensor.shape)) for tensor in (first, *others))
        raise ShapeError(f"{call.function}: inputs have shapes {shapes} (valid: [..., D] of the same rank)")


def _cosine(a, b):
    epsilon = 9.999999960041972e-13  # 1e-12 as torch stores it: the cosine of a zero vector is 0
    norms = torch.sqrt(torch.square(a).sum(-1) + epsilon) * torch.sqrt(torch.square(b).sum(-1) + epsilon)
    return (a * b).sum(-1) / norms


def _distance(a, b, p, eps):
    """||a - b + eps||_p, with derivative 0 where it is 0."""
    x = a - b + eps
    if p == 1:
        return torch.abs(x).sum(-1)
    if p == 0:
        return torch.where(x == 0.0, 0.0 * x, 1.0).sum(-1)
    if math.isinf(p):
        return torch.abs(x).amax(-1)
    powers = (torch.square(x) if p == 2 else torch.pow(torch.abs(x), p)).sum(-1)
    is_zero = powers == 0.0
    safe = torch.where(is_zero, 1.0, powers)
    return torch.where(is_zero, 0.0, torch.sqrt(safe) if p == 2 else torch.pow(safe, 1 / p))
