"""The objective that the adapters of the boosters share: loss, policy, initial score, metric, link."""

import sys
import warnings
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita import _checks
from perdita._boosting import functions
from perdita._boosting.arrays import labels_of, scores_of
from perdita._boosting.link import apply_link
from perdita._boosting.losses import LossLike, entry_of
from perdita._boosting.pairs import (
    Pairs,
    check_columns,
    checked_weights,
    compute_pairs,
    empty_pairs,
    mean_loss,
    target_of,
)
from perdita.errors import DomainError, ShapeError

# Share of clipped Hessians above which there is a warning.
_CLIPPED = 0.01


class BaseObjective:
    """A loss as an objective of gradient boosting. The adapters add the forms in which a booster calls it."""

    def __init__(
        self,
        loss: LossLike,
        *,
        hessian: str = "auto",
        min_hessian: float = 1e-16,
        num_classes: int | None = None,
        class_counts: Any = None,
    ) -> None:
        self._entry = entry_of("Objective", loss)
        self.loss: str = self._entry["text"]
        self.hessian = functions.check_hessian("Objective", self._entry, hessian)
        self.min_hessian = functions.check_min_hessian("Objective", min_hessian)
        self.num_classes = _checks.integer("Objective", "num_classes", num_classes, 1, may_be_none=True)
        self.class_counts = class_counts
        self.clipped_share = 0.0
        """The share of Hessians of the last call that were replaced by min_hessian."""
        self.constant: Any = None
        """The score at which training starts: a float or [K]; None before init_score() or the first call."""
        self._start: NDArray[Any] | None = None
        self._data: Any = None
        self._buffers: Pairs | None = None
        self._read: tuple[Any, Any, NDArray[Any]] | None = None
        self._has_warned = False

    def __repr__(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}({self.loss!r}, hessian={self.hessian!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_buffers": None, "_read": None, "_data": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> "BaseObjective":
        # Boosters copy their parameters, but predictions need what training leaves here.
        return self

    @property
    def num_columns(self) -> int:
        """Scores per row: the number of classes or quantiles, or 1."""
        if self._entry["levels"]:
            return len(self._entry["levels"])
        return np.size(self.constant) if self.constant is not None else self.num_classes or 1

    def fit_constant(self, target: Any, weight: Any = None) -> Any:
        """The constant that minimizes the loss, see perdita.minimize_constant; kept for predictions."""
        self._count_classes(target)
        self.constant = functions.minimize_constant(
            self.loss, target, weight, num_classes=self.num_classes, class_counts=self.class_counts
        )
        self._start = self._data = None
        return self.constant

    def init_score(self, target: Any, weight: Any = None) -> NDArray[np.float64]:
        """The initial score of each row, [N] or [N, K]: the constant that minimizes the weighted loss of `target`. The same
        constant is added by predict().

        target: [N]. weight: [N] or None. Raises ValueError (DomainError, ShapeError, LabelError) and TypeError."""
        return self.constant_rows(self.fit_constant(target, weight), len(target))

    def constant_rows(self, constant: Any, count: int) -> NDArray[np.float64]:
        """A constant as scores of `count` rows, class-major."""
        shape = (count,) if np.ndim(constant) == 0 else (count, len(constant))
        rows = np.empty(shape, np.float64, order="F")
        rows[...] = constant
        return rows

    def link(self, scores: Any) -> NDArray[Any]:
        """Predictions from raw scores [N] or [N, K]: probabilities, means, or quantiles in order."""
        array = scores_of("Objective", scores)
        check_columns("Objective", self._entry, array)
        return apply_link(self._entry, array)

    def compute_of(self, scores: Any, data: Any, weight: Any) -> Pairs:
        """compute() for a data set of LightGBM or XGBoost. Another data set than in the last call is another training."""
        if self._data is None or self._data() is not data:
            self._start, self._data = None, weakref.ref(data)
        return self.compute(scores, data.get_label(), weight)

    def compute(self, scores: Any, target: Any, weight: Any, dtype: Any = np.float32) -> Pairs:
        """Gradient and Hessian of raw scores, in their shape and memory layout. Arrays that nothing else refers to are used
        again at the next call."""
        given = scores_of("Objective", scores)
        check_columns("Objective", self._entry, given)
        self._count_classes(target)
        self._note_start(given)
        first = given[:, 0] if self._entry["levels"] else given
        out = self._reused(given, dtype)
        clipped, count = compute_pairs(
            "Objective",
            self._entry,
            given,
            self._target(first, target, len(given)),
            checked_weights("Objective", weight, given),
            out,
            hessian=self.hessian,
            min_hessian=self.min_hessian,
            class_counts=self.class_counts,
        )
        self._note_clipped(clipped / max(count, 1))
        shape = np.shape(scores)
        return out[0].reshape(shape), out[1].reshape(shape)

    def score(self, scores: Any, target: Any, weight: Any = None) -> float:
        """The weighted mean of the losses of raw scores, the metric. Raises DomainError for probabilities."""
        given = scores_of("Objective.metric", scores)
        check_columns("Objective.metric", self._entry, given)
        self._refuse_probabilities(given)
        first = given[:, 0] if self._entry["levels"] else given
        read = target_of("Objective.metric", first, target, len(given))
        return mean_loss(
            self._entry, given, read, checked_weights("Objective.metric", weight, given), self.class_counts
        )

    @property
    def metric_name(self) -> str:
        return self._entry["name"]

    def add_start(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Raw scores of trees with the score at which training started. Raises DomainError where training started with
        another score per row, which cannot be known for new rows."""
        start = self._start_of_training()
        return scores if start is None else scores + start

    # ---- what training leaves ----

    def _note_start(self, scores: NDArray[Any]) -> None:
        """Training starts with the first call whose scores are the same in all rows."""
        few = scores[:: max(len(scores) // 16, 1)]  # in later calls, enough to see that they differ
        if len(scores) and (few == few[0]).all() and (scores == scores[0]).all():
            self._start = np.array(scores[0], np.float64)
        elif self._start is None:
            self._start = np.array(np.nan)

    def _start_of_training(self) -> Any:
        if self._start is None:
            return self.constant
        if np.isnan(self._start).any():
            raise DomainError(
                "Objective.predict: training did not start with the same score in all rows, so that the scores of new rows "
                "are not known (valid: init_score=obj.init_score(y, weight), or add your own scores to those of the booster "
                "and call obj.link)"
            )
        if self.constant is not None and np.allclose(self._start, self.constant, rtol=1e-6, atol=1e-6):
            return self.constant  # in double precision
        if self.constant is not None:
            warnings.warn(
                f"Objective.predict: init_score() gave {self.constant}, but training started with {self._start} (valid: "
                f"pass init_score=obj.init_score(y, weight) to the data set). Predictions use the latter.",
                stacklevel=4,
            )
        return self._start

    def _count_classes(self, target: Any) -> None:
        """Losses of class counts take those of the training data."""
        if not self._entry["takes_class_counts"] or self.class_counts is not None:
            return
        labels = labels_of("Objective", target)
        classes = functions.num_classes_of(self._entry, labels, self.num_classes)
        if labels.min(initial=0) >= 0:
            self.class_counts = np.bincount(labels, minlength=classes)

    def _target(self, scores: NDArray[Any], target: Any, count: int) -> NDArray[Any]:
        """target_of(), remembered while a booster passes the same array, or one with the same numbers."""
        kind = scores.ndim, scores.dtype
        if self._read is None or self._read[1] != kind or not _is_same(self._read[0], target):
            self._read = target, kind, target_of("Objective", scores, target, count)
        if len(self._read[2]) != count:
            raise ShapeError(f"Objective: target has {len(self._read[2])} rows, but scores has {count}")
        return self._read[2]

    def _reused(self, scores: NDArray[Any], dtype: Any) -> Pairs:
        kept, self._buffers = self._buffers, None
        order = scores.flags.c_contiguous
        is_free = (
            kept is not None
            and kept[0].shape == scores.shape
            and kept[0].dtype == dtype
            and kept[0].flags.c_contiguous == order
            and _are_free(kept)
        )
        self._buffers = kept if is_free and kept is not None else empty_pairs(scores, dtype)
        return self._buffers

    def _note_clipped(self, share: float) -> None:
        self.clipped_share = share
        if share > _CLIPPED and not self._has_warned and self.hessian in ("auto", "exact", "bound"):
            self._has_warned = True
            others = [name for name in self._entry["hessians"] if name not in ("auto", self.hessian)]
            warnings.warn(
                f"Objective: {share:.1%} of the Hessians of {self.loss} are below {self.min_hessian} and were replaced by "
                f"it; the steps of such rows are arbitrarily large (valid: another hessian: {', '.join(others)})",
                stacklevel=4,
            )

    def _refuse_probabilities(self, scores: NDArray[Any]) -> None:
        """Raises an error, or warns where it may be a coincidence, for scores that are probabilities."""
        if self._entry["link"] not in ("sigmoid", "softmax") or not len(scores):
            return
        if not (scores.min() >= 0 and scores.max() <= 1):
            return
        if scores.ndim == 2 and np.allclose(scores.sum(axis=1), 1, atol=1e-5):
            raise DomainError(
                "Objective.metric: the scores of each row are probabilities with sum 1, but raw scores are needed (XGBoost: "
                "pass obj=, with which custom_metric gets raw scores; otherwise predict raw scores)"
            )
        if scores.ndim == 1 and scores.min() != scores.max() and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                "Objective.metric: all scores are between 0 and 1. The metric needs raw scores; if these are probabilities, "
                "its values are wrong",
                stacklevel=4,
            )


def _references(arrays: Pairs) -> list[int]:
    return [sys.getrefcount(array) for array in arrays]


# Of arrays to which only their tuple refers. The number differs between versions of CPython: since 3.14, the interpreter
# may borrow the references of local variables.
_OF_FREE_ARRAYS = _references((np.empty(0), np.empty(0)))


def _are_free(arrays: Pairs) -> bool:
    """Whether nothing but the tuple refers to the arrays."""
    return all(count <= free for count, free in zip(_references(arrays), _OF_FREE_ARRAYS, strict=True))


def _is_same(a: Any, b: Any) -> bool:
    are_alike = type(a) is type(b) is np.ndarray and a.dtype == b.dtype
    return a is b or are_alike and bool(np.array_equal(a, b))


def require(package: str, install: str) -> Any:
    """Imports a booster, or raises an ImportError that names the package and how to install it."""
    try:
        return __import__(package)
    except ImportError as error:
        raise ImportError(
            f"perdita.{package} needs the package {package}, which cannot be imported ({error}). Install it with: pip "
            f"install {install}"
        ) from error
