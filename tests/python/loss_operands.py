"""Random operands of losses, and how each loss makes its own for a shape."""

import math

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


# Shapes: of input and target for losses of single elements, of the input for the others.
SAME = tuple(
    (shape, shape)
    for shape in ((3, 4), (), (1,), (37,), (2, 3, 4), (2, 3, 2, 2), (1, 2, 1, 3, 2), (0,), (0, 3), (3, 0), (17, 31))
)
BROADCAST = (((3, 4), (4,)), ((4,), (3, 4)), ((3, 1), (1, 4)), ((), (3,)), ((2, 1, 4), (3, 1)), ((0, 1), (1, 3)))
ROWS = ((4, 5), (5,), (1, 1), (7, 19), (33, 3), (0, 5))
IMAGES = ((2, 5, 3), (2, 3, 2, 4), (2, 3, 2, 1, 2), (0, 3, 2), (2, 3, 0))


def pair(input, target):
    return lambda shape, numbers: {"input": input(numbers, shape[0]), "target": target(numbers, shape[1])}


def normal(numbers, shape):
    return numbers.normal(shape, 2.0)


def signs(numbers, shape):
    return numbers.signs(shape)


def inside(numbers, shape):
    return numbers.uniform(shape, 0.01, 0.99)


def positive(numbers, shape):
    return numbers.uniform(shape, 0.05, 4.0)


def weight(shape, numbers):
    return numbers.uniform(shape[0], 0.1, 2.0)


def row_weight(shape, numbers):
    return numbers.uniform(shape[0][-1:], 0.1, 2.0)


def class_weight(shape, numbers):
    return numbers.uniform((classes(shape),), 0.1, 2.0)


def classes(shape):
    return shape[0] if len(shape) == 1 else shape[1]


def without_classes(shape):
    return shape[2:] if len(shape) == 0 else shape[:0] if len(shape) == 1 else (shape[0], *shape[2:])


def indexed(input):
    def make(shape, numbers):
        return {"input": input(shape, numbers), "target": numbers.labels(without_classes(shape), classes(shape))}

    return make


def logits(shape, numbers):
    return numbers.normal(shape, 2.0)


def log_probabilities(shape, numbers):
    return numbers.log_distribution(shape, 0 if len(shape) == 1 else 1)


def with_probabilities(shape, numbers):
    return {"input": logits(shape, numbers), "target": numbers.distribution(shape, 0 if len(shape) == 1 else 1)}


def gaussian(shape, numbers):
    input, target = numbers.normal(shape[0]), numbers.normal(shape[1])
    return {"input": input, "target": target, "var": positive(numbers, shape[2] if len(shape) > 2 else shape[0])}


def ranking(shape, numbers):
    first, second = numbers.normal(shape[0]), numbers.normal(shape[1])
    return {"input1": first, "input2": second, "target": numbers.signs(shape[2] if len(shape) > 2 else shape[0])}


def cosine(shape, numbers):
    first, second = numbers.normal(shape), numbers.normal(shape)
    return {"input1": first, "input2": second, "target": numbers.signs(shape[:-1])}


def triplet(shape, numbers):
    shapes = shape if shape and isinstance(shape[0], tuple) else (shape,) * 3
    return {name: numbers.normal(shape) for name, shape in zip(("anchor", "positive", "negative"), shapes, strict=True)}


def multilabel_soft(shape, numbers):
    return {"input": logits(shape, numbers), "target": numbers.labels(shape, 2).to(numbers.dtype)}


def multilabel(shape, numbers):
    return {"input": logits(shape, numbers), "target": numbers.label_sets(shape)}


def ctc(shape, numbers):
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


def linear(probabilities):
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


def linear_bias(shape, numbers):
    return numbers.normal(shape[2:] if len(shape) > 2 else shape[1:])


def linear_class_weight(shape, numbers):
    return numbers.uniform((shape[2] if len(shape) > 2 else shape[1],), 0.1, 2.0)


def distance(x1, x2):
    return (x1 - x2).square().sum(-1)


def angle(x1, x2):
    return 1 - torch.nn.functional.cosine_similarity(x1, x2, dim=-1)
