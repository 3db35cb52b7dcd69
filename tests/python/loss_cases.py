"""The losses of torch.nn.functional and the operands they are tried on: one table for all tests.

A Loss says how to make its tensors for a shape; its variants add optional tensors and options. Tests take the product
they need through cases().
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch


class Numbers:
    """Random operands of one dtype, the same for the same seed."""

    def __init__(self, seed, dtype=torch.float64):
        self.generator, self.dtype = torch.Generator().manual_seed(seed), dtype

    def normal(self, shape, scale=1.0):
        return scale * torch.randn(shape, generator=self.generator, dtype=torch.float64).to(self.dtype)

    def uniform(self, shape, low, high):
        unit = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        return (low + (high - low) * unit).to(self.dtype)

    def signs(self, shape):
        return (2.0 * torch.randint(0, 2, shape, generator=self.generator) - 1).to(self.dtype)

    def labels(self, shape, classes):
        return torch.randint(0, max(classes, 1), shape, generator=self.generator)

    def distribution(self, shape, dim):
        return torch.softmax(self.normal(shape), dim) if math.prod(shape) else self.normal(shape)

    def log_distribution(self, shape, dim):
        return torch.log_softmax(self.normal(shape), dim) if math.prod(shape) else self.normal(shape)

    def label_sets(self, shape):
        """Rows of distinct classes, ended by -1 where there are fewer."""
        if not math.prod(shape):
            return torch.zeros(shape, dtype=torch.int64)
        order = torch.rand(shape, generator=self.generator).argsort(-1)
        sizes = torch.randint(0, shape[-1] + 1, (*shape[:-1], 1), generator=self.generator)
        return torch.where(torch.arange(shape[-1]) < sizes, order, -1)


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


# Shapes: of input and target for losses of single elements, of the input for the others.
_SAME = tuple(
    (shape, shape)
    for shape in ((3, 4), (), (1,), (37,), (2, 3, 4), (2, 3, 2, 2), (1, 2, 1, 3, 2), (0,), (0, 3), (3, 0), (17, 31))
)
_BROADCAST = (((3, 4), (4,)), ((4,), (3, 4)), ((3, 1), (1, 4)), ((), (3,)), ((2, 1, 4), (3, 1)), ((0, 1), (1, 3)))
_ROWS = ((4, 5), (5,), (1, 1), (7, 19), (33, 3), (0, 5))
_IMAGES = ((2, 5, 3), (2, 3, 2, 4), (2, 3, 2, 1, 2), (0, 3, 2), (2, 3, 0))


def _pair(input, target):
    return lambda shape, numbers: {"input": input(numbers, shape[0]), "target": target(numbers, shape[1])}


def _normal(numbers, shape):
    return numbers.normal(shape, 2.0)


def _signs(numbers, shape):
    return numbers.signs(shape)


def _inside(numbers, shape):
    return numbers.uniform(shape, 0.01, 0.99)


def _positive(numbers, shape):
    return numbers.uniform(shape, 0.05, 4.0)


def _weight(shape, numbers):
    return numbers.uniform(shape[0], 0.1, 2.0)


def _row_weight(shape, numbers):
    return numbers.uniform(shape[0][-1:], 0.1, 2.0)


def _class_weight(shape, numbers):
    return numbers.uniform((_classes(shape),), 0.1, 2.0)


def _classes(shape):
    return shape[0] if len(shape) == 1 else shape[1]


def _without_classes(shape):
    return shape[2:] if len(shape) == 0 else shape[:0] if len(shape) == 1 else (shape[0], *shape[2:])


def _indexed(input):
    def make(shape, numbers):
        return {"input": input(shape, numbers), "target": numbers.labels(_without_classes(shape), _classes(shape))}

    return make


def _logits(shape, numbers):
    return numbers.normal(shape, 2.0)


def _log_probabilities(shape, numbers):
    return numbers.log_distribution(shape, 0 if len(shape) == 1 else 1)


def _with_probabilities(shape, numbers):
    return {"input": _logits(shape, numbers), "target": numbers.distribution(shape, 0 if len(shape) == 1 else 1)}


def _gaussian(shape, numbers):
    input, target = numbers.normal(shape[0]), numbers.normal(shape[1])
    return {"input": input, "target": target, "var": _positive(numbers, shape[2] if len(shape) > 2 else shape[0])}


def _ranking(shape, numbers):
    first, second = numbers.normal(shape[0]), numbers.normal(shape[1])
    return {"input1": first, "input2": second, "target": numbers.signs(shape[2] if len(shape) > 2 else shape[0])}


def _cosine(shape, numbers):
    first, second = numbers.normal(shape), numbers.normal(shape)
    return {"input1": first, "input2": second, "target": numbers.signs(shape[:-1])}


def _triplet(shape, numbers):
    shapes = shape if shape and isinstance(shape[0], tuple) else (shape,) * 3
    return {name: numbers.normal(shape) for name, shape in zip(("anchor", "positive", "negative"), shapes, strict=True)}


def _multilabel_soft(shape, numbers):
    return {"input": _logits(shape, numbers), "target": numbers.labels(shape, 2).to(numbers.dtype)}


def _multilabel(shape, numbers):
    return {"input": _logits(shape, numbers), "target": numbers.label_sets(shape)}


def _ctc(shape, numbers):
    """(T, N, C, S), or (T, C, S) without a batch."""
    steps, *batch, classes, labels = shape
    count = batch[0] if batch else 1
    targets = 1 + numbers.labels((*batch, labels), classes - 1)
    input_lengths = steps - numbers.labels((count,), 3)
    target_lengths = labels - (numbers.labels((count,), min(labels, 2) + 1) if batch else torch.tensor([0]))
    return {
        "log_probs": numbers.log_distribution((steps, *batch, classes), -1),
        "targets": targets,
        "input_lengths": input_lengths if batch else input_lengths[0],
        "target_lengths": target_lengths if batch else target_lengths[0],
    }


def _linear(probabilities):
    """(N, F, C, d1, ...), or (F, C) without a batch."""

    def make(shape, numbers):
        batch, (features, classes, *places) = (shape[:1], shape[1:]) if len(shape) > 2 else ((), shape)
        target = (*batch, classes, *places) if probabilities else (*batch, *places)
        return {
            "input": numbers.normal((*batch, features)),
            "linear_weight": numbers.normal((classes, *places, features)),
            "target": (numbers.distribution(target, len(batch)) if probabilities else numbers.labels(target, classes)),
        }

    return make


def _linear_bias(shape, numbers):
    return numbers.normal(shape[2:] if len(shape) > 2 else shape[1:])


def _linear_class_weight(shape, numbers):
    return numbers.uniform((shape[2] if len(shape) > 2 else shape[1],), 0.1, 2.0)


def _distance(x1, x2):
    return (x1 - x2).square().sum(-1)


def _angle(x1, x2):
    return 1 - torch.nn.functional.cosine_similarity(x1, x2, dim=-1)


_PLAIN = Variant("plain")
_WEIGHTED = Variant("weight", {"weight": _weight})
_IGNORING = Variant("ignore_index", {}, {"ignore_index": 1})
_IGNORING_WEIGHTED = Variant("weight_ignore_index", {"weight": _class_weight}, {"ignore_index": 0})
_CLASS_WEIGHTED = Variant("weight", {"weight": _class_weight})

REGRESSION = (
    Loss("l1_loss", _SAME + _BROADCAST, _pair(_normal, _normal)),
    Loss("mse_loss", _SAME + _BROADCAST, _pair(_normal, _normal)),
    Loss(
        "smooth_l1_loss",
        _SAME + _BROADCAST,
        _pair(_normal, _normal),
        variants=(_PLAIN, Variant("beta0.3", {}, {"beta": 0.3}), Variant("beta0", {}, {"beta": 0.0})),
    ),
    Loss(
        "huber_loss",
        _SAME + _BROADCAST,
        _pair(_normal, _normal),
        variants=(_PLAIN, Variant("delta0.3", {}, {"delta": 0.3}), Variant("delta5", {}, {"delta": 5})),
    ),
    Loss(
        "kl_div",
        _SAME[:1] + _SAME[2:] + _BROADCAST,
        _pair(lambda n, s: n.normal(s) - 2, lambda n, s: n.uniform(s, 0.05, 1.0)),
        variants=(_PLAIN, Variant("log_target", {}, {"log_target": True})),
    ),
    Loss(
        "poisson_nll_loss",
        _SAME + _BROADCAST,
        _pair(_positive, lambda n, s: n.uniform(s, 1.2, 6.0)),
        variants=tuple(
            Variant(f"log{int(log)}full{int(full)}", {}, {"log_input": log, "full": full, "eps": 1e-6})
            for log in (True, False)
            for full in (True, False)
        ),
    ),
    Loss(
        "gaussian_nll_loss",
        _SAME[:1]
        + _SAME[2:]
        + (((3, 4), (4,)), ((3, 4), (3, 4), (3,)), ((3, 4), (3, 4), (3, 1)), ((2, 3, 4), (2, 3, 4), (2, 1, 4))),
        _gaussian,
        ("input", "target", "var"),
        variants=(_PLAIN, Variant("full", {}, {"full": True, "eps": 0.3})),
    ),
    Loss("weighted l1_loss", _SAME, _pair(_normal, _normal), ("input", "target", "weight"), (_WEIGHTED,)),
    Loss("weighted mse_loss", _SAME, _pair(_normal, _normal), ("input", "target", "weight"), (_WEIGHTED,)),
    Loss("weighted huber_loss", _SAME, _pair(_normal, _normal), ("input", "target", "weight"), (_WEIGHTED,)),
)

BINARY = (
    Loss(
        "binary_cross_entropy",
        _SAME,
        _pair(_inside, lambda n, s: n.uniform(s, 0.0, 1.0)),
        variants=(_PLAIN, _WEIGHTED, Variant("row_weight", {"weight": _row_weight})),
    ),
    Loss(
        "binary_cross_entropy_with_logits",
        _SAME,
        _pair(_normal, lambda n, s: n.uniform(s, 0.0, 1.0)),
        variants=(
            _PLAIN,
            _WEIGHTED,
            Variant("pos_weight", {"pos_weight": _row_weight}),
            Variant("both", {"weight": _row_weight, "pos_weight": _weight}),
        ),
    ),
    Loss("soft_margin_loss", _SAME + (((3, 4), (4,)),), _pair(_normal, _signs), ("input",)),
    Loss(
        "hinge_embedding_loss",
        _SAME + _BROADCAST,
        _pair(_normal, _signs),
        ("input",),
        (_PLAIN, Variant("margin", {}, {"margin": 0.25})),
    ),
    Loss(
        "margin_ranking_loss",
        _SAME + (((3, 1), (1, 4), (3, 4)), ((3, 4), (3, 1), (1, 1))),
        _ranking,
        ("input1", "input2", "target"),
        (_PLAIN, Variant("margin", {}, {"margin": -0.5}), Variant("wide", {}, {"margin": 1.5})),
    ),
)

CLASSES = (
    Loss(
        "cross_entropy",
        _ROWS + _IMAGES,
        _indexed(_logits),
        ("input",),
        (
            _PLAIN,
            _CLASS_WEIGHTED,
            _IGNORING,
            _IGNORING_WEIGHTED,
            Variant("smoothing", {}, {"label_smoothing": 0.1}),
            Variant(
                "smoothing_weight_ignore_index", {"weight": _class_weight}, {"label_smoothing": 0.3, "ignore_index": 0}
            ),
        ),
        layout_shape=(4, 6),
    ),
    Loss(
        "probabilities cross_entropy",
        _ROWS[:5] + _IMAGES[:3],
        _with_probabilities,
        ("input", "target", "weight"),
        (
            _PLAIN,
            _CLASS_WEIGHTED,
            Variant("smoothing", {}, {"label_smoothing": 0.1}),
            Variant("smoothing_weight", {"weight": _class_weight}, {"label_smoothing": 0.3}),
        ),
        layout_shape=(4, 6),
    ),
    Loss(
        "nll_loss",
        _ROWS + _IMAGES,
        _indexed(_log_probabilities),
        ("input",),
        (_PLAIN, _CLASS_WEIGHTED, _IGNORING, _IGNORING_WEIGHTED),
        layout_shape=(4, 6),
    ),
    Loss(
        "multi_margin_loss",
        _ROWS[:5],
        _indexed(_logits),
        ("input",),
        (
            _PLAIN,
            Variant("p2", {}, {"p": 2, "margin": 0.5}),
            _CLASS_WEIGHTED,
            Variant("p2_weight", {"weight": _class_weight}, {"p": 2}),
        ),
        once=True,
        layout_shape=(4, 6),
    ),
    Loss("multilabel_margin_loss", _ROWS[:5], _multilabel, ("input",), once=True, layout_shape=(4, 6)),
    Loss(
        "multilabel_soft_margin_loss",
        _ROWS + ((2, 3, 4),),
        _multilabel_soft,
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
        _ROWS[:5] + ((0, 5),),
        _cosine,
        ("input1", "input2"),
        (_PLAIN, Variant("margin", {}, {"margin": 0.2}), Variant("negative_margin", {}, {"margin": -0.6})),
        layout_shape=(4, 6),
    ),
    Loss(
        "triplet_margin_loss",
        _ROWS + ((2, 3, 4), ((4, 5), (1, 5), (4, 1))),
        _triplet,
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
        _ROWS[:5],
        _triplet,
        ("anchor", "positive", "negative"),
        (
            _PLAIN,
            Variant("squared", {}, {"distance_function": _distance, "swap": True}),
            Variant("cosine", {}, {"distance_function": _angle, "margin": 0.5}),
        ),
        layout_shape=(4, 6),
    ),
)

SEQUENCES = (
    Loss(
        "ctc_loss",
        ((12, 3, 5, 4), (9, 4, 3), (7, 1, 2, 1), (30, 5, 11, 6)),
        _ctc,
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
        _linear(False),
        ("input", "linear_weight", "linear_bias"),
        (
            _PLAIN,
            Variant("bias", {"linear_bias": _linear_bias}),
            Variant(
                "all",
                {"linear_bias": _linear_bias, "weight": _linear_class_weight},
                {"label_smoothing": 0.2, "ignore_index": 1},
            ),
        ),
        layout_shape=(4, 3, 5),
    ),
    Loss(
        "probabilities linear_cross_entropy",
        ((4, 3, 5), (3, 5), (4, 3, 5, 2)),
        _linear(True),
        ("input", "linear_weight", "linear_bias", "target", "weight"),
        (
            _PLAIN,
            Variant("all", {"linear_bias": _linear_bias, "weight": _linear_class_weight}, {"label_smoothing": 0.2}),
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
