"""The losses of torch.nn.functional and the operands they are tried on: one table for all tests.

A Loss says how to make its tensors for a shape; its variants add optional tensors and options. Tests take the product
they need through cases().
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from loss_operands import (
    BROADCAST,
    IMAGES,
    ROWS,
    SAME,
    Numbers,
    angle,
    class_weight,
    cosine,
    ctc,
    distance,
    gaussian,
    indexed,
    inside,
    linear,
    linear_bias,
    linear_class_weight,
    log_probabilities,
    logits,
    multilabel,
    multilabel_soft,
    normal,
    pair,
    positive,
    ranking,
    row_weight,
    signs,
    triplet,
    weight,
    with_probabilities,
)


@dataclass(frozen=True)
class Variant:
    """A way to call a loss: tensors beyond those it needs (makers of shapes and numbers), and options."""

    id: str
    tensors: dict[str, Callable] = field(default_factory=dict)
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Loss:
    name: str
    shapes: tuple
    make: Callable  # (shape, Numbers) -> tensors by name, in torch's order
    differentiable: tuple = ("input", "target")  # operands by which torch gives gradients
    variants: tuple = (Variant("plain"),)
    once: bool = False  # torch has no second derivative
    layout_shape: tuple = ((4, 6), (4, 6))

    def __str__(self):
        return self.name


@dataclass(frozen=True)
class Case:
    """A loss on made operands."""

    loss: Loss
    variant: Variant
    shape: tuple

    def __str__(self):
        return f"{self.loss.name}-{self.variant.id}-{id_of(self.shape)}"

    def tensors(self, dtype=torch.float64, seed=0):
        numbers = Numbers(seed, dtype)
        tensors = self.loss.make(self.shape, numbers)
        tensors.update((name, make(self.shape, numbers)) for name, make in self.variant.tensors.items())
        return tensors


def id_of(shape):
    if shape and isinstance(shape[0], tuple):
        return ",".join(map(id_of, shape))
    return "x".join(map(str, shape)) or "scalar"


def cases(losses=None, variants=slice(None), shapes=slice(None)):
    return [
        Case(loss, variant, shape)
        for loss in losses or LOSSES
        for variant in loss.variants[variants]
        for shape in loss.shapes[shapes]
    ]


_PLAIN = Variant("plain")
_WEIGHTED = Variant("weight", {"weight": weight})
_IGNORING = Variant("ignore_index", {}, {"ignore_index": 1})
_IGNORING_WEIGHTED = Variant("weight_ignore_index", {"weight": class_weight}, {"ignore_index": 0})
_CLASS_WEIGHTED = Variant("weight", {"weight": class_weight})

REGRESSION = (
    Loss("l1_loss", SAME + BROADCAST, pair(normal, normal)),
    Loss("mse_loss", SAME + BROADCAST, pair(normal, normal)),
    Loss(
        "smooth_l1_loss",
        SAME + BROADCAST,
        pair(normal, normal),
        variants=(_PLAIN, Variant("beta0.3", {}, {"beta": 0.3}), Variant("beta0", {}, {"beta": 0.0})),
    ),
    Loss(
        "huber_loss",
        SAME + BROADCAST,
        pair(normal, normal),
        variants=(_PLAIN, Variant("delta0.3", {}, {"delta": 0.3}), Variant("delta5", {}, {"delta": 5})),
    ),
    Loss(
        "kl_div",
        SAME[:1] + SAME[2:] + BROADCAST,
        pair(lambda n, s: n.normal(s) - 2, lambda n, s: n.uniform(s, 0.05, 1.0)),
        variants=(_PLAIN, Variant("log_target", {}, {"log_target": True})),
    ),
    Loss(
        "poisson_nll_loss",
        SAME + BROADCAST,
        pair(positive, lambda n, s: n.uniform(s, 1.2, 6.0)),
        variants=tuple(
            Variant(f"log{int(log)}full{int(full)}", {}, {"log_input": log, "full": full, "eps": 1e-6})
            for log in (True, False)
            for full in (True, False)
        ),
    ),
    Loss(
        "gaussian_nll_loss",
        SAME[:1]
        + SAME[2:]
        + (((3, 4), (4,)), ((3, 4), (3, 4), (3,)), ((3, 4), (3, 4), (3, 1)), ((2, 3, 4), (2, 3, 4), (2, 1, 4))),
        gaussian,
        ("input", "target", "var"),
        variants=(_PLAIN, Variant("full", {}, {"full": True, "eps": 0.3})),
    ),
    Loss("weighted l1_loss", SAME, pair(normal, normal), ("input", "target", "weight"), (_WEIGHTED,)),
    Loss("weighted mse_loss", SAME, pair(normal, normal), ("input", "target", "weight"), (_WEIGHTED,)),
    Loss("weighted huber_loss", SAME, pair(normal, normal), ("input", "target", "weight"), (_WEIGHTED,)),
)

BINARY = (
    Loss(
        "binary_cross_entropy",
        SAME,
        pair(inside, lambda n, s: n.uniform(s, 0.0, 1.0)),
        variants=(_PLAIN, _WEIGHTED, Variant("row_weight", {"weight": row_weight})),
    ),
    Loss(
        "binary_cross_entropy_with_logits",
        SAME,
        pair(normal, lambda n, s: n.uniform(s, 0.0, 1.0)),
        variants=(
            _PLAIN,
            _WEIGHTED,
            Variant("pos_weight", {"pos_weight": row_weight}),
            Variant("both", {"weight": row_weight, "pos_weight": weight}),
        ),
    ),
    Loss("soft_margin_loss", SAME + (((3, 4), (4,)),), pair(normal, signs), ("input",)),
    Loss(
        "hinge_embedding_loss",
        SAME + BROADCAST,
        pair(normal, signs),
        ("input",),
        (_PLAIN, Variant("margin", {}, {"margin": 0.25})),
    ),
    Loss(
        "margin_ranking_loss",
        SAME + (((3, 1), (1, 4), (3, 4)), ((3, 4), (3, 1), (1, 1))),
        ranking,
        ("input1", "input2", "target"),
        (_PLAIN, Variant("margin", {}, {"margin": -0.5}), Variant("wide", {}, {"margin": 1.5})),
    ),
)

CLASSES = (
    Loss(
        "cross_entropy",
        ROWS + IMAGES,
        indexed(logits),
        ("input",),
        (
            _PLAIN,
            _CLASS_WEIGHTED,
            _IGNORING,
            _IGNORING_WEIGHTED,
            Variant("smoothing", {}, {"label_smoothing": 0.1}),
            Variant(
                "smoothing_weight_ignore_index", {"weight": class_weight}, {"label_smoothing": 0.3, "ignore_index": 0}
            ),
        ),
        layout_shape=(4, 6),
    ),
    Loss(
        "probabilities cross_entropy",
        ROWS[:5] + IMAGES[:3],
        with_probabilities,
        ("input", "target", "weight"),
        (
            _PLAIN,
            _CLASS_WEIGHTED,
            Variant("smoothing", {}, {"label_smoothing": 0.1}),
            Variant("smoothing_weight", {"weight": class_weight}, {"label_smoothing": 0.3}),
        ),
        layout_shape=(4, 6),
    ),
    Loss(
        "nll_loss",
        ROWS + IMAGES,
        indexed(log_probabilities),
        ("input",),
        (_PLAIN, _CLASS_WEIGHTED, _IGNORING, _IGNORING_WEIGHTED),
        layout_shape=(4, 6),
    ),
    Loss(
        "multi_margin_loss",
        ROWS[:5],
        indexed(logits),
        ("input",),
        (
            _PLAIN,
            Variant("p2", {}, {"p": 2, "margin": 0.5}),
            _CLASS_WEIGHTED,
            Variant("p2_weight", {"weight": class_weight}, {"p": 2}),
        ),
        once=True,
        layout_shape=(4, 6),
    ),
    Loss("multilabel_margin_loss", ROWS[:5], multilabel, ("input",), once=True, layout_shape=(4, 6)),
    Loss(
        "multilabel_soft_margin_loss",
        ROWS + ((2, 3, 4),),
        multilabel_soft,
        ("input", "target", "weight"),
        (
            _PLAIN,
            Variant("weight", {"weight": lambda shape, n: n.uniform(shape[-1:], 0.1, 2.0)}),
            Variant("full_weight", {"weight": lambda shape, n: n.uniform(shape, 0.1, 2.0)}),
        ),
        layout_shape=(4, 6),
    ),
)

VECTORS = (
    Loss(
        "cosine_embedding_loss",
        ROWS[:5] + ((0, 5),),
        cosine,
        ("input1", "input2"),
        (_PLAIN, Variant("margin", {}, {"margin": 0.2}), Variant("negative_margin", {}, {"margin": -0.6})),
        layout_shape=(4, 6),
    ),
    Loss(
        "triplet_margin_loss",
        ROWS + ((2, 3, 4), ((4, 5), (1, 5), (4, 1))),
        triplet,
        ("anchor", "positive", "negative"),
        (
            _PLAIN,
            Variant("swap", {}, {"swap": True, "margin": 2.0}),
            Variant("p1", {}, {"p": 1.0, "eps": 1e-4}),
            Variant("p3", {}, {"p": 3.0, "swap": True}),
            Variant("pinf", {}, {"p": math.inf}),
        ),
        layout_shape=(4, 6),
    ),
    Loss(
        "triplet_margin_with_distance_loss",
        ROWS[:5],
        triplet,
        ("anchor", "positive", "negative"),
        (
            _PLAIN,
            Variant("squared", {}, {"distance_function": distance, "swap": True}),
            Variant("cosine", {}, {"distance_function": angle, "margin": 0.5}),
        ),
        layout_shape=(4, 6),
    ),
)

SEQUENCES = (
    Loss(
        "ctc_loss",
        ((12, 3, 5, 4), (9, 4, 3), (7, 1, 2, 1), (30, 5, 11, 6)),
        ctc,
        ("log_probs",),
        (_PLAIN, Variant("zero_infinity", {}, {"zero_infinity": True})),
        once=True,
        layout_shape=(12, 3, 5, 4),
    ),
)

LINEAR = (
    Loss(
        "linear_cross_entropy",
        ((4, 3, 5), (3, 5), (4, 3, 5, 2), (9, 3, 4, 2, 2), (0, 3, 4)),
        linear(False),
        ("input", "linear_weight", "linear_bias"),
        (
            _PLAIN,
            Variant("bias", {"linear_bias": linear_bias}),
            Variant(
                "all",
                {"linear_bias": linear_bias, "weight": linear_class_weight},
                {"label_smoothing": 0.2, "ignore_index": 1},
            ),
        ),
        layout_shape=(4, 3, 5),
    ),
    Loss(
        "probabilities linear_cross_entropy",
        ((4, 3, 5), (3, 5), (4, 3, 5, 2)),
        linear(True),
        ("input", "linear_weight", "linear_bias", "target", "weight"),
        (
            _PLAIN,
            Variant("all", {"linear_bias": linear_bias, "weight": linear_class_weight}, {"label_smoothing": 0.2}),
        ),
        layout_shape=(4, 3, 5),
    ),
)

LOSSES = (*REGRESSION, *BINARY, *CLASSES, *VECTORS, *SEQUENCES, *LINEAR)


def function_name(loss):
    """Of torch.nn.functional's function."""
    return loss.name.split()[-1]


def reductions_of(loss):
    return ("none", "mean", "sum", "batchmean") if loss.name == "kl_div" else ("none", "mean", "sum")
