"""Class imbalance and splits: weights from labels, samplers, long-tailed subsets.

Arrays are NumPy's, torch's, or sequences."""

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
    """A weight for each class, float64 [C], as `weight` of the losses over classes takes it.

    labels: class indices, integers of any shape; or counts: how many samples each class has. num_classes: more than the
    labels show. ignore_index: a label that does not count.

    scheme, for a class with n of the N samples and C classes: "balanced" N / (C n); "inverse", "inverse_sqrt" and
    "effective_number:BETA" (Cui et al., CVPR 2019, eq. 3) in proportion to 1 / n, 1 / sqrt(n) and (1 - BETA) / (1 -
    BETA^n), normalised to sum to C. Each may have ",cap=R": none is more than R times the smallest. A class without
    samples gets 0.

    Raises ValueError (DomainError for a scheme or count, LabelError for a label out of range), TypeError (DTypeError).
    """
    if (labels is None) == (counts is None):
        raise DTypeError("class_weights: takes labels or counts (valid: one of them)")
    if counts is None:
        counts = count_classes(labels, num_classes, ignore_index)
    scheme = _checks.text("class_weights", "scheme", scheme)
    return _core.class_weights(_integers("class_weights", "counts", counts), scheme)


def count_classes(
    labels: Array | None, num_classes: int | None = None, ignore_index: int | None = None
) -> NDArray[np.int64]:
    """How many of the labels are 0, 1, ..., int64 [C]: up to num_classes - 1, or to the largest label."""
    num_classes = _checks.integer("count_classes", "num_classes", num_classes, may_be_none=True)
    ignore_index = _checks.integer("count_classes", "ignore_index", ignore_index, may_be_none=True)
    return _core.count_classes(_integers("count_classes", "labels", labels), num_classes, ignore_index)


def pos_weight(labels: Array, cap: float = float("inf")) -> NDArray[np.float64]:
    """negatives / positives of each column of labels [N] or [N, C] of 0 and 1, as `pos_weight` of
    binary_cross_entropy_with_logits takes it: float64 [C], or [1] for [N]. At most cap, at least 1 / cap; 1 where there
    are no positives or no negatives."""
    table = _integers("pos_weight", "labels", labels, flat=False)
    if table.ndim not in (1, 2):
        raise ShapeError(f"pos_weight: labels has shape {list(table.shape)} (valid: [N] or [N, C])")
    if not np.isin(table, (0, 1)).all():
        raise DTypeError("pos_weight: labels hold other numbers than 0 and 1 (valid: 0 and 1)")
    positives = table.reshape(len(table), -1).sum(0)
    return _core.pos_weights(len(table) - positives, positives, _checks.number("pos_weight", "cap", cap))


def adjust_logits(logits: Any, class_counts: Array, tau: float = 1.0) -> Any:
    """logits [..., C] less tau log(share of the class in training): logit adjustment after training (Menon et al., ICLR
    2021, eq. 9). Of the type of logits."""
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
    """Indices 0..count-1 in disjoint parts, one for each fraction (which add up to 1): a list of arrays, int64,
    ascending, as torch.utils.data.Subset takes them. Raises ValueError for such a fraction or an empty part."""
    count, seed = _checks.integer("random_split", "count", count), _checks.seed("random_split", seed)
    return _core.random_split(count, _numbers("random_split", "fractions", fractions), seed)


def stratified_split(labels: Array, fractions: Sequence[float], seed: int = 0) -> list[NDArray[np.int64]]:
    """The same for len(labels) samples, each part with its share of every class, to within two samples (of two parts to
    within one)."""
    indices = _integers("stratified_split", "labels", labels)
    seed = _checks.seed("stratified_split", seed)
    return _core.stratified_split(indices, _numbers("stratified_split", "fractions", fractions), seed)


class _Sampler:
    """What the samplers share: as torch.utils.data.DataLoader takes them. Each pass is the next epoch; set_epoch chooses
    one. draw(epoch) gives its indices at once, as an array."""

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
    """Draws index i with a probability in proportion to weights[i]: any number of weights, exact to 2^-53, in constant
    time a draw; without replacement as if drawn one after the other. The seed and the epoch decide the draws."""

    def __init__(self, weights: Array, num_samples: int, replacement: bool = True, seed: int = 0) -> None:
        weights = _numbers("WeightedRandomSampler", "weights", weights).reshape(-1)
        num_samples = _checks.integer("WeightedRandomSampler", "num_samples", num_samples)
        replacement = _checks.flag("WeightedRandomSampler", "replacement", replacement)
        super().__init__(weights, num_samples, replacement, _checks.seed("WeightedRandomSampler", seed))


class ClassBalancedSampler(_Sampler):
    """As many samples of each class, shuffled: as the largest has (how="oversample"), the smallest ("undersample"), or
    samples_per_class."""

    def __init__(
        self, labels: Array, how: str = "oversample", samples_per_class: int | None = None, seed: int = 0
    ) -> None:
        labels = _integers("ClassBalancedSampler", "labels", labels)
        how = _checks.text("ClassBalancedSampler", "how", how)
        each = _checks.integer("ClassBalancedSampler", "samples_per_class", samples_per_class, may_be_none=True)
        super().__init__(labels, how, each, _checks.seed("ClassBalancedSampler", seed))


class RandomSampler(_Sampler):
    """A shuffle of 0..count-1, for more num_samples than that one after the other; with replacement independent draws."""

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
    """One process's part of what a sampler of this module draws: draws rank, rank + num_replicas, ... of each epoch.
    With the same sampler and seed everywhere the parts are disjoint and together the whole. Where draws do not divide,
    the last ones are left out (drop_last) or the first ones given out again, so that all parts are of one size."""

    def __init__(self, sampler: _Sampler, num_replicas: int, rank: int, drop_last: bool = False) -> None:
        if not isinstance(sampler, _Sampler):
            raise DTypeError(f"DistributedSampler: sampler is a {type(sampler).__name__} (valid: one of perdita.data)")
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
