"""Scores, targets and weights as the core reads them, without copies where that is possible."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita._arrays import numpy_of
from perdita.errors import DomainError, DTypeError, LabelError, ShapeError


def scores_of(function: str, scores: Any) -> NDArray[Any]:
    """float32 or float64, [N] or [N, K], with its strides. A single column becomes [N]."""
    array = numpy_of(function, "scores", scores)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise ShapeError(f"{function}: scores has shape {list(array.shape)} (valid: [N] or [N, K])")
    if array.dtype.kind not in "iubf":
        raise DTypeError(f"{function}: scores holds {array.dtype} (valid: float32 or float64)")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def row_of_numbers(function: str, name: str, values: Any, count: int | None, dtype: Any) -> NDArray[Any]:
    """[N] numbers of the dtype. A single column becomes [N]."""
    array = numpy_of(function, name, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind not in "iubf":
        raise DTypeError(f"{function}: {name} holds {array.dtype} (valid: numbers)")
    if array.ndim != 1 or count is not None and len(array) != count:
        rows = "N" if count is None else count
        raise ShapeError(f"{function}: {name} has shape {list(array.shape)} (valid: [{rows}], one per row)")
    return array.astype(dtype, copy=False)


def labels_of(function: str, target: Any, count: int | None = None) -> NDArray[np.int32]:
    """Class indices. Floating-point numbers, as boosters keep labels, must be whole. The core checks their range."""
    array = row_of_numbers(function, "target", target, count, None)
    labels = array.astype(np.int32)
    if array.dtype.kind == "f" and not np.array_equal(labels, array):
        i = int(np.argmax(labels != array))
        raise LabelError(f"{function}: target[{i}] is {array[i]} (valid: class indices 0, 1, ...)")
    return labels


def weights_of(function: str, weight: Any, count: int, dtype: Any) -> NDArray[Any] | None:
    """Weights, 0 or more, or None where none are given."""
    if weight is None:
        return None
    array = row_of_numbers(function, "weight", weight, count, dtype)
    if not (array.min(initial=0) >= 0 and array.max(initial=0) < np.inf):
        i = int(np.argmax(~((array >= 0) & (array < np.inf))))
        raise DomainError(f"{function}: weight[{i}] is {array[i]} (valid: finite, 0 or more)")
    return array
