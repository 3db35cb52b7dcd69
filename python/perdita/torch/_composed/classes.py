"""Losses of rows of class logits or log-probabilities, by the formula of a class's log-probability and its target."""

import math

import torch

from perdita._catalogue import takes_class_counts, takes_class_probabilities
from perdita.errors import DomainError, ShapeError
from perdita.torch._composed.checks import (
    at_labels,
    check_integers,
    check_labels,
    check_of_classes,
    of_labels,
    one_hot,
)
from perdita.torch._composed.formula import adjustment_scale, class_adjustment, formula, is_of_true_class
from perdita.torch._composed.reduce import denominator_of, reduced


class _Rows:
    """A call with rows of classes: logits or log-probabilities `input`, in which classes are the dimension `dim`."""

    def __init__(self, call):
        self.call, self.input, self.target = call, call.operand("input"), call.operand("target")
        shape = self.input.shape
        if not shape:
            raise ShapeError(f"{call.function}: input has shape [] (valid: [C], [N, C] or [N, C, d1, ...])")
        self.dim = 0 if len(shape) == 1 else 1
        self.classes = shape[self.dim]
        self.row_shape = (*shape[: self.dim], *shape[self.dim + 1 :])
        self.has_logits = takes_class_probabilities(call.function) or takes_class_counts(call.function)
        is_float = self.target.is_floating_point()
        self.has_probabilities = self.has_logits and is_float and self.target.shape == shape
        self.loss_shape = self.row_shape if self.has_probabilities else self.target.shape
        self.smoothing = float(call.option("label_smoothing", 0.0))
        self.ignore_index = call.option("ignore_index", -100)
        self.weight = call.number("weight")
        self.z_loss = float(call.option("z_loss", 0.0))
        self._check()
        softcap = float(call.option("softcap", math.inf))
        if softcap < math.inf:
            self.input = softcap * torch.tanh(self.input / softcap)

    def _check(self):
        function, target = self.call.function, self.target
        if self.classes == 0:
            raise ShapeError(f"{function}: input of shape {list(self.input.shape)} has no classes (valid: 1 or more)")
        if self.call.reduction not in ("none", "mean", "sum"):
            raise DomainError(f"{function}: reduction is {self.call.reduction!r} (valid: none, mean, sum)")
        if self.has_probabilities:
            if self.ignore_index >= 0:
                raise DomainError(
                    f"{function}: ignore_index is {self.ignore_index}, but target holds class probabilities (valid: with "
                    f"class indices only)"
                )
        else:
            check_integers(
                function,
                "target",
                target,
                "class indices as int64, int32 or uint8, or probabilities of the input's shape",
            )
            if target.shape != self.row_shape and (self.row_shape or target.shape != (1,)):
                raise ShapeError(
                    f"{function}: target has shape {list(target.shape)}, but input has {list(self.input.shape)} (valid: "
                    f"{list(self.row_shape)} with class indices)"
                )
        check_of_classes(function, "weight", self.weight, self.classes)

    def along_classes(self, values):
        """Values of classes, in a shape that broadcasts to the input."""
        return values.reshape([-1 if d == self.dim else 1 for d in range(self.input.dim())])


def class_rows_loss(call):
    rows = _Rows(call)
    return _loss_of_probabilities(rows) if rows.has_probabilities else _loss_of_labels(rows)


def class_counts_loss(call):
    """Cross-entropy of logits that the numbers of samples of the classes have changed."""
    rows = _Rows(call)
    counts = call.number("class_counts")
    check_of_classes(call.function, "class_counts", counts, rows.classes)
    smallest = torch.where(counts > 0, counts, float("inf")).amin()
    shift, margin = class_adjustment(call.text, counts, counts.sum(), smallest)
    labels, _ = _labels_of(rows)
    margins = torch.where(one_hot(labels, rows.classes, rows.dim), rows.along_classes(margin), 0.0)
    rows.input = (rows.input + rows.along_classes(shift) - margins) * adjustment_scale(call.text)
    return _loss_of_labels(rows)


def _loss_of_probabilities(rows):
    call, target = rows.call, rows.target
    if rows.smoothing:
        target = _smoothed(rows, target)
    losses = _with_log_sums(rows, rows.input, _sum_over_classes(rows, rows.input, target))

    def weight_sum():
        weights = rows.target.detach()
        return weights.sum() if rows.weight is None else (weights * rows.along_classes(rows.weight)).sum()

    def denominator():
        if call.normalize_by != "weight_sum" or rows.weight is None:
            return denominator_of(call.normalize_by, "count", losses, losses.numel, losses.numel)
        return weight_sum()

    return reduced(losses, call.reduction, denominator, call.return_extras)


def _smoothed(rows, target):
    share = rows.smoothing / rows.classes
    if torch.jit.is_tracing():  # sizes are tensors, by which a number is divided in float32
        share = target.new_full((), rows.smoothing) / rows.classes
    return target * (1 - rows.smoothing) + share


def _labels_of(rows):
    """Labels of the rows, 0 where they are ignored, and which are not."""
    labels = rows.target.reshape(rows.row_shape).to(torch.int64)
    used = labels != rows.ignore_index
    check_labels(rows.call.function, labels, used, rows.classes)
    return torch.where(used, labels, 0), used


def _loss_of_labels(rows):
    call = rows.call
    labels, used = _labels_of(rows)
    weights = None if rows.weight is None else of_labels(rows.weight, labels)

    def count():
        return used.to(rows.input.dtype).sum()

    def weight_sum():
        return count() if weights is None else torch.where(used, weights, 0.0).sum()

    def denominator():
        return denominator_of(call.normalize_by, "weight_sum", used, count, weight_sum)

    # Ignored rows have logits of 0, so that their logits do not reach a gradient; all rows, in a mean of nothing.
    shown = used
    if weights is not None and call.reduction == "mean" and not call.return_extras:
        shown = used & (weight_sum() != 0)
    input = torch.where(shown.unsqueeze(rows.dim), rows.input, 0.0)
    if is_of_true_class(call.text) and not rows.smoothing:
        log_p = torch.log_softmax(input, rows.dim) if rows.has_logits else input
        own = at_labels(log_p, labels, rows.dim)
        losses = formula(call.text, own, torch.ones_like(own))
        losses = losses if weights is None else losses * weights
    else:
        hot = one_hot(labels, rows.classes, rows.dim).to(input.dtype)
        losses = _sum_over_classes(rows, input, _smoothed(rows, hot))
    losses = torch.where(used, _with_log_sums(rows, input, losses), 0.0).reshape(rows.loss_shape)

    margins, hits = _margins(rows, input, labels, used) if call.return_extras and rows.has_logits else (None, None)
    return reduced(losses, call.reduction, denominator, call.return_extras, margins, hits)


def _with_log_sums(rows, input, losses):
    """The losses plus z_loss times the squared logarithms of the sums of the exponentials of rows."""
    return losses + rows.z_loss * torch.square(torch.logsumexp(input, rows.dim)) if rows.z_loss else losses


def _sum_over_classes(rows, input, target):
    log_p = torch.log_softmax(input, rows.dim) if rows.has_logits else input
    terms = formula(rows.call.text, log_p, target)
    if rows.weight is not None:
        terms = terms * rows.along_classes(rows.weight)
    return terms.sum(rows.dim)


def _margins(rows, input, labels, used):
    """The logit of the true class minus the largest other, and whether the true class has the first largest logit."""
    logits = input.detach()
    own = at_labels(logits, labels, rows.dim)
    others = torch.where(one_hot(labels, rows.classes, rows.dim), float("-inf"), logits).amax(rows.dim)
    hits = (logits.argmax(rows.dim) == labels) & used
    margins = torch.where(used, own - others, float("nan"))
    return margins.reshape(rows.loss_shape), hits.reshape(rows.loss_shape)
