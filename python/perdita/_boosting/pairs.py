"""Gradients and Hessians of scores in NumPy arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita import _core
from perdita._boosting.arrays import labels_of, row_of_numbers, weights_of
from perdita.errors import DomainError, ShapeError

Pairs = tuple[NDArray[Any], NDArray[Any]]
Report = tuple[int, int]  # clipped Hessians, all Hessians


def check_columns(function: str, entry: dict[str, Any], scores: NDArray[Any]) -> None:
    """Raises ShapeError for scores with more or fewer columns than the loss has."""
    levels, columns = entry["levels"], scores.shape[1] if scores.ndim == 2 else 1
    if levels and columns != len(levels):
        raise ShapeError(
            f"{function}: scores has shape {list(scores.shape)}, but {entry['text']} has {len(levels)} quantiles (valid: "
            f"[N, {len(levels)}]; LightGBM and XGBoost: num_class={len(levels)})"
        )
    if not levels and columns > 1 and entry["kind"] != "classes":
        raise ShapeError(
            f"{function}: scores has shape {list(scores.shape)}, but {entry['name']} takes one score per row (valid: [N]; a "
            f"loss of classes for [N, K])"
        )


def target_of(function: str, scores: NDArray[Any], target: Any, count: int) -> NDArray[Any]:
    """The target as the core reads it: class indices for scores [N, K] of a loss of classes, else of the type of scores."""
    if scores.ndim == 2:
        return labels_of(function, target, count)
    return row_of_numbers(function, "target", target, count, scores.dtype)


def compute_pairs(
    function: str,
    entry: dict[str, Any],
    scores: NDArray[Any],
    target: NDArray[Any],
    weight: NDArray[Any] | None,
    out: Pairs,
    *,
    hessian: str,
    min_hessian: float,
    class_counts: Any = (),
) -> Report:
    """Writes gradients and Hessians into `out`. Arrays must have been checked; for several quantiles target is [N] of the
    type of scores. Raises DomainError for scores that are not finite."""
    if entry["levels"]:
        parts = [
            _core.boosting_pairs(
                f"quantile:q={level!r}",
                hessian,
                min_hessian,
                scores[:, k],
                target,
                weight,
                out[0][:, k],
                out[1][:, k],
                (),
            )
            for k, level in enumerate(entry["levels"])
        ]
    else:
        counts = [] if class_counts is None else [float(count) for count in class_counts]
        parts = [_core.boosting_pairs(entry["text"], hessian, min_hessian, scores, target, weight, *out, counts)]
    bad = [part[2] for part in parts if part[2] >= 0]
    if bad:
        row = min(bad)
        raise DomainError(
            f"{function}: the gradient or Hessian of row {row} is not finite: scores[{row}] is {scores[row]} (valid: finite "
            f"scores at which the loss is finite)"
        )
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


def mean_loss(
    entry: dict[str, Any],
    scores: NDArray[Any],
    target: NDArray[Any],
    weight: NDArray[Any] | None,
    class_counts: Any = (),
) -> float:
    """The mean of the losses of the rows, by the sum of the weights; NaN where it is 0."""
    if entry["levels"]:
        parts = [
            _core.boosting_loss(f"quantile:q={level!r}", scores[:, k], target, weight, ())
            for k, level in enumerate(entry["levels"])
        ]
    else:
        counts = [] if class_counts is None else [float(count) for count in class_counts]
        parts = [_core.boosting_loss(entry["text"], scores, target, weight, counts)]
    return sum(part[0] for part in parts) / parts[0][1] if parts[0][1] > 0 else float("nan")


def checked_weights(function: str, weight: Any, scores: NDArray[Any]) -> NDArray[Any] | None:
    return weights_of(function, weight, len(scores), scores.dtype)


def empty_pairs(scores: NDArray[Any], dtype: Any) -> Pairs:
    """Two arrays with the shape and the memory layout of scores."""
    order: Any = "F" if scores.ndim == 2 and not scores.flags.c_contiguous else "C"
    return np.empty(scores.shape, dtype, order), np.empty(scores.shape, dtype, order)
