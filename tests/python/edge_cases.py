"""Operands at the edges of each loss: each value of the input with each value of the target, one loss an element."""

import math
from dataclasses import dataclass, field

import torch

from loss_cases import LOSSES, Loss

INF, NAN = math.inf, math.nan
TINY = {torch.float64: 5e-324, torch.float32: 1e-45}  # the least subnormals
HUGE = {torch.float64: 1e300, torch.float32: 1e30}
_BY_NAME = {loss.name: loss for loss in LOSSES}


@dataclass(frozen=True)
class Edge:
    """Losses whose value and gradients are compared with torch's one by one."""

    id: str
    loss: Loss
    tensors: dict = field(hash=False)
    options: dict = field(hash=False)

    def __str__(self):
        return self.id


def grid(inputs, targets, dtype):
    x, t = torch.meshgrid(torch.tensor(inputs, dtype=dtype), torch.tensor(targets, dtype=dtype), indexing="ij")
    return x.flatten(), t.flatten()


def _elementwise(dtype):
    tiny, huge = TINY[dtype], HUGE[dtype]
    reals = [0.0, -0.0, tiny, -tiny, 1e-7, 0.5, 1.0, -1.0, 88.8, -88.8, 1e4, -1e4, huge, -huge, INF, -INF, NAN]
    unit = [0.0, tiny, 1e-30, 1e-13, 1e-6, 0.25, 0.5, 1 - 1e-6, 1.0]
    signs = [1.0, -1.0]

    def edge(name, inputs, targets, **options):
        x, t = grid(inputs, targets, dtype)
        shown = ",".join(f"{key}={value}" for key, value in options.items())
        return Edge(f"{name}({shown})", _BY_NAME[name], {"input": x, "target": t}, options)

    for name in ("l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss"):
        yield edge(name, reals, reals)
    yield edge("smooth_l1_loss", reals, reals, beta=0.0)
    yield edge("smooth_l1_loss", reals, reals, beta=1e-3)
    yield edge("huber_loss", reals, reals, delta=100.0)
    yield edge("binary_cross_entropy", unit, unit)
    yield edge("binary_cross_entropy_with_logits", reals, [0.0, 1.0, 0.3, 2.0])
    for log_target in (False, True):
        targets = [-INF, *reals[:12]] if log_target else [*unit, 3.0, -1.0]
        yield edge("kl_div", reals, targets, log_target=log_target)
    for log_input in (True, False):
        for full in (True, False):
            yield edge("poisson_nll_loss", reals, [0.0, 0.5, 1.0, 2.0, 60.0], log_input=log_input, full=full)
    yield edge("soft_margin_loss", reals, signs)
    yield edge("hinge_embedding_loss", reals, [1.0, -1.0, 0.0, 2.0])
    x, t = grid(reals, [0.0, 1.0, -1e4, INF], dtype)
    for variance in (0.0, tiny, 1e-9, 1.0, huge, INF, NAN):
        tensors = {"input": x, "target": t, "var": torch.full_like(x, variance)}
        for full in (False, True):
            yield Edge(f"gaussian_nll_loss(var={variance},full={full})", _BY_NAME["gaussian_nll_loss"], tensors,
                       {"full": full})  # fmt: skip
    for target in (1.0, -1.0, 0.0):
        tensors = {"input1": x, "input2": t, "target": torch.full_like(x, target)}
        yield Edge(f"margin_ranking_loss(target={target})", _BY_NAME["margin_ranking_loss"], tensors, {"margin": 1.0})


def _rows(dtype):
    """Rows of logits, the hard ones last."""
    huge = HUGE[dtype]
    rows = [
        [1.0, 2.0, 3.0],
        [0.0, 0.0, 0.0],
        [1e4, -1e4, 0.0],
        [1e4, 1e4, 1e4],
        [huge, -huge, 0.0],
        [-INF, 0.0, 1.0],
        [-INF, -INF, 1.0],
        [-INF, -INF, -INF],
        [INF, 0.0, 1.0],
        [INF, INF, 0.0],
        [NAN, 0.0, 1.0],
        [TINY[dtype], 0.0, -TINY[dtype]],
    ]
    return torch.tensor(rows, dtype=dtype)


def _classes(dtype):
    rows = _rows(dtype)
    for name, kinds in {
        "cross_entropy": ({}, {"label_smoothing": 0.1}, {"label_smoothing": 1.0}),
        "nll_loss": ({},),
        "multi_margin_loss": ({}, {"p": 2}),
    }.items():
        for options in kinds:
            for label in range(3):
                weights = (None, [1.0, 0.5, 0.0]) if name != "multi_margin_loss" or not options else (None,)
                for weight in weights:
                    tensors = {"input": rows, "target": torch.full((len(rows),), label)}
                    if weight:
                        tensors["weight"] = torch.tensor(weight, dtype=dtype)
                    yield Edge(f"{name}({options},label={label},weight={weight})", _BY_NAME[name], tensors, options)
    for distribution in ([1.0, 0.0, 0.0], [0.2, 0.3, 0.5], [0.0, 0.0, 0.0], [0.0, 2.0, -1.0]):
        for options in ({}, {"label_smoothing": 0.1}):
            target = torch.tensor(distribution, dtype=dtype).expand_as(rows).clone()
            yield Edge(f"probabilities({distribution},{options})", _BY_NAME["probabilities cross_entropy"],
                       {"input": rows, "target": target}, options)  # fmt: skip
    for target in ([0, -1, 1], [2, 1, 0], [-1, 0, 1], [1, 1, -1]):
        labels = torch.tensor(target).expand_as(rows).clone()
        yield Edge(f"multilabel_margin_loss({target})", _BY_NAME["multilabel_margin_loss"],
                   {"input": rows, "target": labels}, {})  # fmt: skip
    for target in ([0.0, 1.0, 0.5], [1.0, 1.0, 1.0]):
        yield Edge(f"multilabel_soft_margin_loss({target})", _BY_NAME["multilabel_soft_margin_loss"],
                   {"input": rows, "target": torch.tensor(target, dtype=dtype).expand_as(rows).clone()}, {})  # fmt: skip


def _vectors(dtype):
    rows = _rows(dtype)
    other = torch.tensor([0.5, -1.0, 2.0], dtype=dtype).expand_as(rows).clone()
    for target in (1.0, -1.0, 0.0):
        for name, second in (("fixed", other), ("zero", torch.zeros_like(rows)), ("same", rows.clone())):
            signs = torch.full((len(rows),), target, dtype=dtype)
            yield Edge(f"cosine_embedding_loss({target},{name})", _BY_NAME["cosine_embedding_loss"],
                       {"input1": rows, "input2": second, "target": signs}, {})  # fmt: skip
    for p in (0.0, 0.5, 1.0, 2.0, 3.0, INF):
        for eps in (1e-6, 0.0):
            yield Edge(f"triplet_margin_loss(p={p},eps={eps})", _BY_NAME["triplet_margin_loss"],
                       {"anchor": rows, "positive": other, "negative": rows.clone()},
                       {"p": p, "eps": eps, "margin": 5.0})  # fmt: skip


def edges(dtype):
    return [*_elementwise(dtype), *_classes(dtype), *_vectors(dtype)]
