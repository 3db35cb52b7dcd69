"""Class imbalance and splits: weights from labels, samplers, long-tailed subsets.

Arrays may be NumPy arrays, torch tensors or sequences."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita import _checks, _core
from perdita._arrays import numpy_of
from perdita._types import Array
from perdita.errors import DTypeError, ShapeError

__all__ = [
    "ClassBalancedSampler", "DistributedSampler", "RandomSampler", "SubsetRandomSampler", "SubsetSampler",
    "WeightedRandomSampler", "adjust_logits", "class_weights", "count_classes", "imbalanced_subset", "pos_weight",
    "random_split", "stratified_split",
]  # fmt: skip


def class_weights(
    labels: Array | None = None,
    scheme: str = "balanced",
    *,
    counts: Array | None = None,
    num_classes: int | None = None,
    ignore_index: int | None = None,
) -> NDArray[np.float64]:
    """Class weights, float64 [C], for the `weight` argument of the losses over classes.

    labels: class indices, integers of any shape; or counts: the number of samples of each class. num_classes: the number
    of classes, if it is not the largest label + 1. ignore_index: a label to ignore.

    scheme, for a class with n of the N samples and C classes: "balanced" N / (C n); "inverse", "inverse_sqrt" and
    "effective_number:BETA" (Cui et al., CVPR 2019, eq. 3) proportional to 1 / n, 1 / sqrt(n) and (1 - BETA) / (1 -
    BETA^n), normalized to sum C. With ",cap=R", no weight is more than R times the smallest. The weight of a class
    without samples is 0.

    Raises ValueError (DomainError for a scheme or count, LabelError for a label out of range), TypeError (DTypeError).
    """
    if (labels is None) == (counts is None):
        raise DTypeError("class_weights: labels and counts are both given or both missing (valid: one of them)")
    if counts is None:
        counts = count_classes(labels, num_classes, ignore_index)
    scheme = _checks.text("class_weights", "scheme", scheme)
    return _core.class_weights(_integers("class_weights", "counts", counts), scheme)


def count_classes(
    labels: Array | None, num_classes: int | None = None, ignore_index: int | None = None
) -> NDArray[np.int64]:
    """The number of labels equal to 0, 1, ..., int64 [C], up to num_classes - 1 or the largest label."""
    num_classes = _checks.integer("count_classes", "num_classes", num_classes, may_be_none=True)
    ignore_index = _checks.integer("count_classes", "ignore_index", ignore_index, may_be_none=True)
    return _core.count_classes(_integers("count_classes", "labels", labels), num_classes, ignore_index)


def pos_weight(labels: Array, cap: float = float("inf")) -> NDArray[np.float64]:
    """negatives / positives of each column of labels [N] or [N, C] of 0 and 1, for the `pos_weight` argument of
    binary_cross_entropy_with_logits: float64 [C], or [1] for [N]. Limited to the range 1 / cap to cap; 1 for columns
    without positives or without negatives."""
    table = _integers("pos_weight", "labels", labels, flat=False)
    if table.ndim not in (1, 2):
        raise ShapeError(f"pos_weight: labels has shape {list(table.shape)} (valid: [N] or [N, C])")
    if not np.isin(table, (0, 1)).all():
        raise DTypeError("pos_weight: labels contain numbers other than 0 and 1 (valid: 0 and 1)")
    positives = table.reshape(len(table), -1).sum(0)
    return _core.pos_weights(len(table) - positives, positives, _checks.number("pos_weight", "cap", cap))


def adjust_logits(logits: Any, class_counts: Array, tau: float = 1.0) -> Any:
    """logits [..., C] minus tau log(frequency of the class in training): post-hoc logit adjustment (Menon et al., ICLR
    2021, eq. 9). The result has the type of logits."""
    counts = _numbers("adjust_logits", "class_counts", class_counts)
    if counts.shape != tuple(logits.shape[-1:]):
        raise ShapeError(
            f"adjust_logits: class_counts has shape {list(counts.shape)} (valid: {list(logits.shape[-1:])})"
        )
    shift = tau * np.log(counts / counts.sum())
    return logits - (logits.new_tensor(shift) if hasattr(logits, "new_tensor") else shift.astype(logits.dtype))


def imbalanced_subset(labels: Array, imbalance: str) -> NDArray[np.int64]:
    """Indices of the first samples of each class that "longtail:R" or "step:R" keeps, ascending, int64."""
    imbalance = _checks.text("imbalanced_subset", "imbalance", imbalance)
    return _core.imbalanced_subset(_integers("imbalanced_subset", "labels", labels), imbalance)


def random_split(count: int, fractions: Sequence[float], seed: int = 0) -> list[NDArray[np.int64]]:
    """Splits the indices 0..count-1 into disjoint parts, one per fraction (with sum 1). Returns a list of int64 arrays in
    ascending order, as required by torch.utils.data.Subset. Raises ValueError for invalid fractions or an empty part."""
    count, seed = _checks.integer("random_split", "count", count), _checks.seed("random_split", seed)
    return _core.random_split(count, _numbers("random_split", "fractions", fractions), seed)


def stratified_split(labels: Array, fractions: Sequence[float], seed: int = 0) -> list[NDArray[np.int64]]:
    """Like random_split() for len(labels) samples, where each part has its fraction of every class, to within two samples
    (one for two parts)."""
    indices = _integers("stratified_split", "labels", labels)
    seed = _checks.seed("stratified_split", seed)
    return _core.stratified_split(indices, _numbers("stratified_split", "fractions", fractions), seed)


class _Sampler:
    """Base class of the samplers, for torch.utils.data.DataLoader. Each pass is the next epoch; set_epoch selects an epoch.
    draw(epoch) returns all indices of an epoch as an array."""

    def __init__(self, *arguments: Any) -> None:
        """arguments: of the core's sampler of the same name; they are kept, as it is made anew in copies."""
        self._arguments, self._epoch = arguments, 0
        self._core = self._make()

    def _make(self):
        kind = next(kind for kind in type(self).__mro__ if kind.__module__ == __name__)  # of a subclass: its parent's
        arguments = (argument._core if isinstance(argument, _Sampler) else argument for argument in self._arguments)
        return getattr(_core, kind.__name__)(*arguments)

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_core"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._core = self._make()

    def __len__(self) -> int:
        return len(self._core)

    def __iter__(self) -> Iterator[int]:
        indices = self.draw(self._epoch)
        self._epoch += 1
        return iter(indices.tolist())

    def set_epoch(self, epoch: int) -> None:
        self._epoch = _checks.integer(type(self).__name__, "epoch", epoch, 0)

    def draw(self, epoch: int = 0) -> NDArray[np.int64]:
        return self._core.draw(_checks.integer(type(self).__name__, "epoch", epoch, 0))


class WeightedRandomSampler(_Sampler):
    """Draws index i with a probability proportional to weights[i], exact to 2^-53, in constant time per draw; without
    replacement like successive draws from the remaining samples. The draws depend only on the seed and the epoch."""

    def __init__(self, weights: Array, num_samples: int, replacement: bool = True, seed: int = 0) -> None:
        weights = _numbers("WeightedRandomSampler", "weights", weights).reshape(-1)
        num_samples = _checks.integer("WeightedRandomSampler", "num_samples", num_samples)
        replacement = _checks.flag("WeightedRandomSampler", "replacement", replacement)
        super().__init__(weights, num_samples, replacement, _checks.seed("WeightedRandomSampler", seed))


class ClassBalancedSampler(_Sampler):
    """Draws the same number of samples of each class, shuffled: as many as the largest class has (how="oversample"), the
    smallest ("undersample"), or samples_per_class."""

    def __init__(
        self, labels: Array, how: str = "oversample", samples_per_class: int | None = None, seed: int = 0
    ) -> None:
        labels = _integers("ClassBalancedSampler", "labels", labels)
        how = _checks.text("ClassBalancedSampler", "how", how)
        each = _checks.integer("ClassBalancedSampler", "samples_per_class", samples_per_class, may_be_none=True)
        super().__init__(labels, how, each, _checks.seed("ClassBalancedSampler", seed))


class RandomSampler(_Sampler):
    """A random permutation of 0..count-1, several if num_samples > count; with replacement, independent draws."""

    def __init__(self, count: int, replacement: bool = False, num_samples: int | None = None, seed: int = 0) -> None:
        count = _checks.integer("RandomSampler", "count", count)
        replacement = _checks.flag("RandomSampler", "replacement", replacement)
        num_samples = _checks.integer("RandomSampler", "num_samples", num_samples, may_be_none=True)
        super().__init__(count, replacement, num_samples, _checks.seed("RandomSampler", seed))


class SubsetSampler(_Sampler):
    """The given indices in their order."""

    def __init__(self, indices: Array) -> None:
        super().__init__(_integers("SubsetSampler", "indices", indices))


class SubsetRandomSampler(_Sampler):
    """The given indices, shuffled anew each epoch."""

    def __init__(self, indices: Array, seed: int = 0) -> None:
        indices = _integers("SubsetRandomSampler", "indices", indices)
        super().__init__(indices, _checks.seed("SubsetRandomSampler", seed))


class DistributedSampler(_Sampler):
    """The part of one process of the draws of another sampler of this module: draws rank, rank + num_replicas, ... of each
    epoch. With the same sampler and seed in all processes, the parts are disjoint and together complete. All parts have the
    same size: if necessary, the last draws are dropped (drop_last) or the first ones are repeated."""

    def __init__(self, sampler: _Sampler, num_replicas: int, rank: int, drop_last: bool = False) -> None:
        if not isinstance(sampler, _Sampler):
            raise DTypeError(
                f"DistributedSampler: sampler is a {type(sampler).__name__} (valid: a sampler of perdita.data)"
            )
        num_replicas = _checks.integer("DistributedSampler", "num_replicas", num_replicas)
        rank = _checks.integer("DistributedSampler", "rank", rank)
        super().__init__(sampler, num_replicas, rank, _checks.flag("DistributedSampler", "drop_last", drop_last))


def _integers(function, name, values, flat=True):
    array = numpy_of(function, name, values)
    if array.dtype.kind not in "iub":
        raise DTypeError(f"{function}: {name} holds {array.dtype} (valid: integers)")
    array = np.ascontiguousarray(array, np.int64)
    return array.reshape(-1) if flat else array


def _numbers(function, name, values):
    array = numpy_of(function, name, values)
    if array.dtype.kind not in "iubf":
        raise DTypeError(f"{function}: {name} holds {array.dtype} (valid: numbers)")
    return np.ascontiguousarray(array, np.float64)
