"""perdita.grad_and_hess and perdita.minimize_constant."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita import _checks, _core
from perdita._boosting.arrays import labels_of, row_of_numbers, scores_of, weights_of
from perdita._boosting.losses import LossLike, entry_of
from perdita._boosting.pairs import check_columns, checked_weights, compute_pairs, empty_pairs, target_of
from perdita.errors import DomainError


def check_hessian(function: str, entry: dict[str, Any], hessian: str) -> str:
    if hessian not in entry["hessians"]:
        raise DomainError(
            f"{function}: hessian is {hessian!r} (valid for {entry['name']}: {', '.join(entry['hessians'])})"
        )
    return hessian


def check_min_hessian(function: str, min_hessian: float) -> float:
    number = _checks.number(function, "min_hessian", min_hessian)
    if not 0 < number < np.inf:
        raise DomainError(f"{function}: min_hessian is {min_hessian} (valid: finite, above 0)")
    return number


def grad_and_hess(
    loss: LossLike, *, hessian: str = "exact", min_hessian: float = 1e-16, class_counts: Any = None
) -> Callable[..., tuple[NDArray[Any], NDArray[Any]]]:
    """Returns a function that computes the gradient and the diagonal of the Hessian of a loss with respect to raw scores.

        gradient, hessian = perdita.grad_and_hess("huber:delta=2")(scores, target)
        gradient, hessian = perdita.grad_and_hess("focal", hessian="gauss_newton")(logits, labels, weight)

    loss: text, a perdita.formula, a loss of perdita.nn, or a function of perdita.functional with its default options; a loss
    of raw scores: of values, logarithms of means, logits or classes. The derivatives are those of the sum over all rows, not
    of the mean; other options that a text cannot hold, such as weights and normalize_by, are errors.

    hessian: the policy, see :doc:`/boosting`. Hessians below min_hessian (above 0) are replaced by it. class_counts: samples
    of each class in training, [K], for the losses that need them.

    The function takes scores, floating point [N] or [N, K], a target [N] (class indices for [N, K]), and a weight [N] or
    None, and returns two arrays with the shape, dtype and memory layout of scores. Scores [N] of a loss of classes are
    logits of label 1 of the labels 0 and 1. Scores [N, Q] of several quantiles have one target per row.

    Raises ValueError (DomainError, ShapeError, LabelError) and TypeError (DTypeError).
    """
    entry = entry_of("grad_and_hess", loss)
    check_hessian("grad_and_hess", entry, hessian)
    min_hessian = check_min_hessian("grad_and_hess", min_hessian)

    def gradient_and_hessian(scores: Any, target: Any, weight: Any = None) -> tuple[NDArray[Any], NDArray[Any]]:
        given = scores_of("grad_and_hess", scores)
        check_columns("grad_and_hess", entry, given)
        first = given[:, 0] if entry["levels"] else given
        out = empty_pairs(given, given.dtype)
        compute_pairs(
            "grad_and_hess",
            entry,
            given,
            target_of("grad_and_hess", first, target, len(given)),
            checked_weights("grad_and_hess", weight, given),
            out,
            hessian=hessian,
            min_hessian=min_hessian,
            class_counts=class_counts,
        )
        shape = np.shape(scores)
        return out[0].reshape(shape), out[1].reshape(shape)

    return gradient_and_hessian


def minimize_constant(
    loss: LossLike, target: Any, weight: Any = None, *, num_classes: int | None = None, class_counts: Any = None
) -> Any:
    """The constant score that minimizes the weighted sum of the losses: where boosting starts.

        perdita.minimize_constant("mse", target)                    # the mean
        perdita.minimize_constant("quantile:q=0.9", target)         # the quantile
        perdita.minimize_constant("focal:gamma=2", labels)          # the logit of two classes, or one per class

    loss: as for grad_and_hess. target: [N]. weight: [N], 0 or more, or None. num_classes: of a loss of classes; by default
    the largest label + 1. class_counts: as for grad_and_hess, by default the counts in target.

    Returns a float; an array [K] with mean 0 for more than two classes (or num_classes=2), and [Q] for several quantiles.
    It is exact for means (mse, cross-entropy, poisson_nll, gamma_nll, tweedie) and quantiles; otherwise Newton's method
    finds it to about 12 digits.
    Means of labels are limited to 1e-15..1 - 1e-15. For a loss that is not convex it is a local minimum.

    Raises ValueError (DomainError, ShapeError, LabelError) and TypeError (DTypeError).
    """
    entry = entry_of("minimize_constant", loss)
    num_classes = _checks.integer("minimize_constant", "num_classes", num_classes, 1, may_be_none=True)
    count = len(row_of_numbers("minimize_constant", "target", target, None))
    factors = weights_of("minimize_constant", weight, count, np.float64)
    if entry["kind"] == "classes":
        labels = labels_of("minimize_constant", target)
        classes = num_classes_of(entry, labels, num_classes)
        if classes > 1:
            counts = class_counts
            if entry["takes_class_counts"] and counts is None:
                counts = np.bincount(labels, minlength=classes)
            numbers = [] if counts is None else [float(number) for number in counts]
            return np.array(
                _core.minimize_constant_of_classes(entry["text"], labels, factors, classes, numbers), np.float64
            )
    values = row_of_numbers("minimize_constant", "target", target, None, np.float64)
    if entry["levels"]:
        return np.array(
            [_core.minimize_constant(f"quantile:q={level!r}", values, factors) for level in entry["levels"]], np.float64
        )
    return _core.minimize_constant(entry["text"], values, factors)


def num_classes_of(entry: dict[str, Any], labels: NDArray[np.int32], num_classes: int | None) -> int:
    """The number of scores per row of a loss of classes: 1 for labels 0 and 1, unless num_classes is given or the loss needs
    one score per class."""
    if num_classes is not None:
        return num_classes
    largest = int(labels.max(initial=0)) + 1
    return max(largest, 2) if largest > 2 or entry["takes_class_counts"] else 1
