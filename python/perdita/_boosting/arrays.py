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


def row_of_numbers(function: str, name: str, values: Any, count: int | None, dtype: Any = None) -> NDArray[Any]:
    """The values [N] as numbers of a dtype; None keeps theirs. A column [N, 1] becomes [N]."""
    array = numpy_of(function, name, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind not in "iubf":
        raise DTypeError(f"{function}: {name} holds {array.dtype} (valid: numbers)")
    if array.ndim != 1 or count is not None and len(array) != count:
        rows = "N" if count is None else count
        raise ShapeError(f"{function}: {name} has shape {list(array.shape)} (valid: [{rows}], one per row)")
    return array if dtype is None else array.astype(dtype, copy=False)


def labels_of(function: str, target: Any, count: int | None = None) -> NDArray[np.int32]:
    """Class indices. Floating-point numbers, as boosters keep labels, must be whole. The core checks their range."""
    array = row_of_numbers(function, "target", target, count)
    with np.errstate(invalid="ignore"):  # NaN, and numbers beyond int32
        labels = array.astype(np.int32)
    if not np.array_equal(labels, array):
        i = int(np.argmax(labels != array))
        raise LabelError(f"{function}: target[{i}] is {array[i]} (valid: class indices 0, 1, ...)")
    return labels


def codes_of(function: str, name: str, classes: NDArray[Any], labels: Any) -> NDArray[np.int64]:
    """The places of labels in the sorted classes. Raises LabelError for a label that is not a class."""
    given = np.asarray(labels)
    try:
        codes = np.searchsorted(classes, given)
        found = np.equal(classes[np.minimum(codes, len(classes) - 1)], given)
    except TypeError:  # names, where the classes are numbers
        codes, found = np.zeros(given.shape, np.int64), np.zeros(given.shape, bool)
    if not np.all(found):
        i = int(np.argmin(found))
        raise LabelError(f"{function}: {name}[{i}] is {given[i]!r} (valid: {classes.tolist()})")
    return codes


def sizes_of_groups(function: str, group: Any, count: int | None = None) -> list[int]:
    """Sizes of groups, whose sum is `count` if it is given."""
    if group is None or not len(group):
        raise ShapeError(f"{function}: the data have no groups (valid: sizes of groups, as `group` of the data set)")
    array = row_of_numbers(function, "group", group, None)
    is_valid = (array >= 0) & (array == np.floor(array)) if array.dtype.kind in "iuf" else np.zeros(array.shape, bool)
    if not is_valid.all():
        i = int(np.argmin(is_valid))
        raise DomainError(f"{function}: group[{i}] is {array[i]} (valid: sizes of groups, integers of 0 or more)")
    sizes = [int(size) for size in array]
    if count is not None and sum(sizes) != count:
        raise ShapeError(
            f"{function}: the sizes in group add up to {sum(sizes)}, but there are {count} rows (valid: {count})"
        )
    return sizes


def weights_of(function: str, weight: Any, count: int, dtype: Any) -> NDArray[Any] | None:
    """Weights, 0 or more, or None where none are given."""
    if weight is None:
        return None
    array = row_of_numbers(function, "weight", weight, count, dtype)
    if not (array.min(initial=0) >= 0 and array.max(initial=0) < np.inf):
        i = int(np.argmax(~((array >= 0) & (array < np.inf))))
        raise DomainError(f"{function}: weight[{i}] is {array[i]} (valid: finite, 0 or more)")
    return array
