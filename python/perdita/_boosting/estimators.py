"""Base classes of the scikit-learn estimators of the boosters. An adapter trains a booster and predicts raw scores."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita._boosting.arrays import codes_of, row_of_numbers, weights_of
from perdita._boosting.link import sigmoid
from perdita._boosting.losses import LossLike, entry_of
from perdita._boosting.objective import BaseObjective
from perdita.errors import DomainError, DTypeError, ShapeError

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.class_weight import compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:  # the objectives do not need it
    _missing: ImportError | None = error
    BaseEstimator = type("BaseEstimator", (), {})
    ClassifierMixin = type("ClassifierMixin", (), {})
    RegressorMixin = type("RegressorMixin", (), {})
else:
    _missing = None


class BoostedEstimator(BaseEstimator):
    """Trains a booster with a loss. Subclasses have _make_objective(), _train() and _raw_scores()."""

    loss: LossLike
    hessian: str
    early_stopping_rounds: int | None
    random_state: Any
    objective_: Any
    _reads_sparse = True

    def _seed(self):
        return 0 if self.random_state is None else int(check_random_state(self.random_state).randint(2**31 - 1))

    def _prepare_training(self, X, y):
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        return self._prepare(X, y)

    def _prepare(self, X, y, reset=True):
        if _missing is not None:
            raise ImportError(
                f"{type(self).__module__} needs scikit-learn 1.6 or later for its estimators ({_missing}). Install it with: "
                f"pip install scikit-learn"
            ) from _missing
        sparse = "csr" if self._reads_sparse else False
        options = {"accept_sparse": sparse, "dtype": np.float64, "ensure_all_finite": "allow-nan", "reset": reset}
        if y is None:
            return validate_data(self, X, **options)
        return validate_data(self, X, y, ensure_min_samples=2, **options)  # trees need two rows

    def _fit(self, X, target, weight, eval_set, encode, num_classes):
        """Trains with a target that the loss takes. encode: the same for targets of eval_set."""
        self.objective_ = self._make_objective(num_classes)
        self.objective_.fit_constant(target, weight)
        validation = self._validation(eval_set, encode)
        if self.early_stopping_rounds is not None and validation is None:
            raise DomainError("early_stopping_rounds needs validation data (valid: fit(X, y, eval_set=(X_val, y_val)))")
        self.booster_ = self._train(self.objective_, X, target, weight, validation)
        return self

    def _validation(self, eval_set, encode):
        """(X, target, weight or None) from (X, y) or (X, y, sample_weight)."""
        if eval_set is None:
            return None
        X, y, weight = self._read_eval_set(eval_set, "sample_weight", may_be_short=True)
        name = f"{type(self).__name__}: eval_set"
        return X, encode(y), weights_of(name, weight, len(y), np.float64)

    def _read_eval_set(self, eval_set, third, may_be_short=False):
        """X and y [N] of eval_set, which are checked, and its third entry, of that name; None if it may be left out."""
        name = type(self).__name__
        is_sequence = isinstance(eval_set, (tuple, list))
        if not is_sequence or len(eval_set) not in ((2, 3) if may_be_short else (3,)):
            given = f"has {len(eval_set)} entries" if is_sequence else f"is a {type(eval_set).__name__}"
            pair = "(X, y) or " * may_be_short
            raise DTypeError(f"{name}: eval_set {given} (valid: {pair}(X, y, {third}))")
        X = self._prepare(eval_set[0], None, reset=False)
        y = np.asarray(eval_set[1])
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        if y.shape != (X.shape[0],):
            raise ShapeError(
                f"{name}: eval_set has y of shape {list(y.shape)}, but X has {X.shape[0]} rows (valid: [{X.shape[0]}])"
            )
        return X, y, eval_set[2] if len(eval_set) > 2 else None

    def _predicted_scores(self, X) -> NDArray[Any]:
        """Raw scores [N] or [N, K], with the initial score."""
        check_is_fitted(self, "booster_")
        return self._raw_scores(self.booster_, self._prepare(X, None, reset=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = self._reads_sparse
        return tags

    # ---- of the adapters ----

    def _make_objective(self, num_classes: int | None) -> BaseObjective:
        raise NotImplementedError

    def _train(self, objective, X, target, weight, validation) -> Any:
        raise NotImplementedError

    def _raw_scores(self, booster, X) -> NDArray[Any]:
        raise NotImplementedError


class BoostedClassifier(ClassifierMixin, BoostedEstimator):
    class_weights: Any

    def _is_multi_class(self):
        return entry_of(type(self).__name__, self.loss)["kind"] == "classes"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = self._is_multi_class()
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, eval_set: Any = None) -> Any:
        """Trains. X: [N, F], NaN for missing values; y: labels [N]; sample_weight: [N] or None. eval_set: (X, y) or
        (X, y, sample_weight) for early stopping."""
        X, y = self._prepare_training(X, y)
        check_classification_targets(y)
        entry = entry_of(type(self).__name__, self.loss)
        if entry["kind"] not in ("label", "sign", "classes", "any"):
            raise DomainError(
                f"{type(self).__name__}: loss {entry['name']} is not one of classes (valid: a loss of labels, signs or "
                f"classes, or Regressor)"
            )
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__}: y has 1 class, {self.classes_[0]!r} (valid: 2 or more classes)")
        if len(self.classes_) > 2 and not self._is_multi_class():
            raise ValueError(
                f"Only binary classification is supported. The type of the target is multiclass: y has "
                f"{len(self.classes_)} classes, and loss {entry['name']} has one score per row here (valid: a loss of "
                f"rows of classes, such as cross_entropy or focal, with LightGBM or XGBoost)"
            )
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        weight = self._with_class_weights(y, weight)

        def encode(labels):
            codes = codes_of(f"{type(self).__name__}: eval_set", "y", self.classes_, labels)
            return self._target_of(entry, codes)

        many = len(self.classes_) > 2 or entry["takes_class_counts"]
        return self._fit(
            X, self._target_of(entry, codes), weight, eval_set, encode, len(self.classes_) if many else None
        )

    @staticmethod
    def _target_of(entry, codes):
        return 2.0 * codes - 1.0 if entry["kind"] == "sign" else codes.astype(np.float64)

    def _with_class_weights(self, y, weight):
        if self.class_weights is None:
            return weight
        if isinstance(self.class_weights, str) and self.class_weights != "balanced":
            raise DomainError(
                f"{type(self).__name__}: class_weights is {self.class_weights!r} (valid: 'balanced', a mapping of labels to "
                f"weights, or None)"
            )
        if self.class_weights == "balanced" and weight is not None:
            # n / (classes * n_c) of the weighted counts
            _, codes = np.unique(y, return_inverse=True)
            counts = np.bincount(codes, weights=weight)
            of_class = np.divide(counts.sum(), len(counts) * counts, out=np.zeros_like(counts), where=counts > 0)
            return weight * of_class[codes]
        of_row = compute_sample_weight(self.class_weights, y)
        return of_row if weight is None else weight * of_row

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Raw scores: [N] of two classes with one score per row, else [N, K]."""
        scores = np.asarray(self._predicted_scores(X), np.float64)
        return scores[:, 1] - scores[:, 0] if scores.ndim == 2 and len(self.classes_) == 2 else scores

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities of the classes, [N, K]. For a loss of signs or a formula they are the sigmoid of the scores, which
        is not calibrated."""
        scores = np.asarray(self._predicted_scores(X), np.float64)
        if scores.ndim == 2:
            return self.objective_.link(scores)
        positive = sigmoid(scores)
        return np.stack([1 - positive, positive], axis=1)

    def predict(self, X: Any) -> NDArray[Any]:
        """The class with the largest score, [N]."""
        scores = np.asarray(self._predicted_scores(X))
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]


class BoostedRegressor(RegressorMixin, BoostedEstimator):
    def fit(self, X: Any, y: Any, sample_weight: Any = None, eval_set: Any = None) -> Any:
        """Trains. X: [N, F], NaN for missing values; y: [N]; sample_weight: [N] or None. eval_set: (X, y) or
        (X, y, sample_weight) for early stopping."""
        X, y = self._prepare_training(X, y)
        y = np.asarray(y, np.float64)
        entry = entry_of(type(self).__name__, self.loss)
        if entry["kind"] not in ("value", "log_mean", "any"):
            raise DomainError(
                f"{type(self).__name__}: loss {entry['name']} is not one of values (valid: a loss of values or of "
                f"logarithms of means, or Classifier)"
            )
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)

        def encode(target):
            name = f"{type(self).__name__}: eval_set"
            numbers = row_of_numbers(name, "y", target, None, np.float64)
            if not np.isfinite(numbers).all():
                i = int(np.argmin(np.isfinite(numbers)))
                raise DomainError(f"{name}: y[{i}] is {numbers[i]} (valid: finite numbers)")
            return numbers

        return self._fit(X, y, weight, eval_set, encode, None)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predictions in the unit of y: [N], or [N, Q] of several quantiles, which do not cross."""
        scores = self._predicted_scores(X)
        return np.asarray(self.objective_.link(scores), np.float64)
