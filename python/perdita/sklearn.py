"""Losses in scikit-learn: a scorer for model selection, and a linear model.

    from perdita.sklearn import LinearModel, scorer
    GridSearchCV(model, grid, scoring=scorer("huber:delta=2"))
    LinearModel(loss="poisson_nll", alpha=1e-3).fit(X, y, sample_weight=exposure)

Importing this module needs scikit-learn 1.6 or later.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita._boosting import functions
from perdita._boosting.arrays import codes_of, labels_of, weights_of
from perdita._boosting.link import apply_link, sigmoid
from perdita._boosting.losses import LossLike, entry_of
from perdita._boosting.pairs import check_columns, compute_pairs, mean_loss, target_of
from perdita.errors import DomainError

try:
    import scipy.optimize
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.utils import ClassifierTags, RegressorTags
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        f"perdita.sklearn needs scikit-learn 1.6 or later ({error}). Install it with: pip install scikit-learn"
    ) from error

__all__ = ["LinearModel", "scorer"]

# Probabilities of 0 have a loss of infinity; they are taken as this number, as in sklearn.metrics.log_loss.
_LEAST_PROBABILITY = float(np.finfo(np.float64).eps)
_OF_CLASSES = ("label", "sign", "classes")


class _Scorer:
    """Minus the mean loss of an estimator's predictions."""

    def __init__(self, loss: LossLike) -> None:
        self._loss = loss
        self._entry = entry_of("scorer", loss)
        if self._entry["takes_class_counts"]:
            raise DomainError(
                f"scorer: {self._entry['name']} needs the class counts of training, which a scorer does not know (valid: "
                f"another loss, such as cross_entropy)"
            )

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The score of a fitted estimator, the larger the better. y: [N]; sample_weight: [N] or None."""
        entry = self._entry
        scores = np.asarray(self._scores_of(estimator, X), np.float64)
        check_columns("scorer", entry, scores)
        target = np.asarray(y)
        if entry["kind"] in _OF_CLASSES:
            target = codes_of("scorer", "y", estimator.classes_, target)
            target = 2 * target - 1 if entry["kind"] == "sign" else target
        first = scores[:, 0] if entry["levels"] else scores
        read = target_of("scorer", first, target, len(scores))
        return -mean_loss(entry, scores, read, weights_of("scorer", sample_weight, len(scores), np.float64))

    def _scores_of(self, estimator, X):
        kind = self._entry["kind"]
        if kind not in _OF_CLASSES:
            predicted = np.asarray(estimator.predict(X), np.float64)
            if kind != "log_mean":
                return predicted
            if not (predicted > 0).all():
                i = int(np.argmin(predicted > 0))
                raise DomainError(
                    f"scorer: prediction[{i}] is {predicted[i]}, but {self._entry['name']} is a loss of the logarithm of "
                    f"the predicted mean (valid: above 0)"
                )
            return np.log(predicted)
        if kind == "sign":
            return estimator.decision_function(X)
        probabilities = np.asarray(estimator.predict_proba(X), np.float64)
        log_p = np.log(np.clip(probabilities, _LEAST_PROBABILITY, 1.0))
        if probabilities.shape[1] == 2:
            return log_p[:, 1] - log_p[:, 0]
        return log_p

    def __repr__(self) -> str:
        return f"perdita.sklearn.scorer({self._entry['text']!r})"


def scorer(loss: LossLike) -> Any:
    """A scorer for `scoring` of GridSearchCV, cross_val_score and others: minus the mean loss, weighted by
    sample_weight if it is given.

    loss: as for perdita.grad_and_hess. Losses of values are computed of predict(); those of logarithms of means of its
    logarithm; those of labels and classes of predict_proba() (probabilities below 2.2e-16 count as that), and those of signs
    of decision_function(). Raises ValueError (DomainError) for losses that are not functions of raw scores, and for losses
    of class counts.

        cross_val_score(model, X, y, scoring=scorer("quantile:q=0.9"))
    """
    return _Scorer(loss)


def _is_classifier(model):
    return entry_of("LinearModel", model.loss)["kind"] in _OF_CLASSES


class LinearModel(BaseEstimator):
    """A linear model with any loss of raw scores: a classifier for losses of labels, signs and classes, else a regressor.

    Minimizes the weighted mean of the losses of X @ coef + intercept plus alpha / 2 times the sum of the squared
    coefficients, by L-BFGS from the constant that minimizes the loss. Losses that are not smooth (l1, quantile) are
    minimized by their subgradient, with less accuracy. A loss that is not convex has a local minimum.

    loss: as for perdita.grad_and_hess. alpha: 0 or more. fit_intercept: whether there is an intercept. max_iter, tol: the
    number of iterations, and the largest gradient at which they end.

    Attributes after fit: coef_ [F] or [F, K], intercept_ (a float or [K]), n_iter_, classes_ of a classifier.

        model = LinearModel(loss="tweedie:power=1.5").fit(X, y, sample_weight=w)
        means = model.predict(X_test)

    Raises ValueError (DomainError) for a loss that is not one of raw scores. Warns (ConvergenceWarning) if
    L-BFGS does not converge: where max_iter is reached, and where no step decreases the loss.
    """

    def __init__(
        self,
        loss: LossLike = "mse",
        *,
        alpha: float = 1e-4,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-6,
    ) -> None:
        self.loss = loss
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "LinearModel":
        """X: [N, F], dense or sparse; y: [N], labels for a classifier; sample_weight: [N], 0 or more, or None."""
        entry = entry_of("LinearModel", self.loss)
        if not self.alpha >= 0:
            raise DomainError(f"LinearModel: alpha is {self.alpha} (valid: 0 or more)")
        if y is None:
            raise ValueError("LinearModel requires y to be passed, but the target y is None")
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float64, y_numeric=entry["kind"] not in _OF_CLASSES
        )
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        target, columns = self._read_target(entry, y)
        counts = np.bincount(labels_of("LinearModel", target)) if entry["takes_class_counts"] else None
        start = functions.minimize_constant(
            entry["text"], target, weight, num_classes=columns if columns > 1 and not entry["levels"] else None
        )
        problem = _Problem(entry, X, target, weight, self.alpha, self.fit_intercept, columns, counts)
        result = scipy.optimize.minimize(
            problem,
            problem.start(start),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.max_iter, "gtol": self.tol, "ftol": 64 * np.finfo(float).eps},
        )
        if not result.success:
            limit = result.status == 1 and result.nit >= self.max_iter
            reason = f"reached {self.max_iter} iterations" if limit else f"did not converge: {result.message}"
            warnings.warn(
                f"LinearModel: L-BFGS {reason} (valid: a larger max_iter or tol, or features of a similar scale)",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.n_iter_ = int(result.nit)
        self.coef_, self.intercept_ = problem.split(result.x)
        return self

    def _read_target(self, entry, y):
        """The target as the loss takes it, and the number of scores per row."""
        if entry["kind"] not in _OF_CLASSES:
            return np.asarray(y, np.float64), max(len(entry["levels"]), 1)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"LinearModel: y has 1 class, {self.classes_[0]!r} (valid: 2 or more classes)")
        if count > 2 and entry["kind"] != "classes":
            raise ValueError(
                f"Only binary classification is supported. The type of the target is multiclass: y has {count} classes, and "
                f"loss {entry['name']} has one score per row (valid: a loss of rows of classes, such as cross_entropy)"
            )
        if entry["kind"] == "sign":
            return 2.0 * codes - 1.0, 1
        return codes.astype(np.float64), count if count > 2 or entry["takes_class_counts"] else 1

    def _scores(self, X):
        check_is_fitted(self, "coef_")
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return X @ self.coef_ + self.intercept_

    @available_if(_is_classifier)
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Raw scores: [N] of two classes, else [N, K]."""
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.ndim == 2 and len(self.classes_) == 2 else scores

    @available_if(_is_classifier)
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities of the classes, [N, K]; of a loss of signs the sigmoid of the scores, which is not calibrated."""
        scores = self._scores(X)
        if scores.ndim == 2:
            return apply_link(entry_of("LinearModel", self.loss), scores)
        positive = sigmoid(scores)
        return np.stack([1 - positive, positive], axis=1)

    def predict(self, X: Any) -> NDArray[Any]:
        """Classes; or predictions in the unit of y, [N], or [N, Q] of several quantiles, which do not cross."""
        scores = self._scores(X)
        if not _is_classifier(self):
            return apply_link(entry_of("LinearModel", self.loss), scores)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy of a classifier, or R2 of a regressor. For the loss itself see scorer()."""
        metric = accuracy_score if _is_classifier(self) else r2_score
        return float(metric(y, self.predict(X), sample_weight=sample_weight))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        kind = entry_of("LinearModel", self.loss)["kind"]
        tags.target_tags.required = True
        tags.input_tags.sparse = True
        if kind in _OF_CLASSES:
            tags.estimator_type = "classifier"
            tags.classifier_tags = ClassifierTags(multi_class=kind == "classes")
        else:
            tags.estimator_type = "regressor"
            tags.regressor_tags = RegressorTags()
            tags.target_tags.positive_only = kind == "log_mean"
        return tags


class _Problem:
    """The penalized mean loss of the parameters, as scipy.optimize.minimize calls it: (value, gradient)."""

    def __init__(self, entry, X, target, weight, alpha, fit_intercept, columns, class_counts):
        self._entry, self._X, self._alpha, self._counts = entry, X, alpha, class_counts
        self._has_intercept, self._columns = fit_intercept, columns
        count = X.shape[0]
        self._weight = np.full(count, 1.0 / count) if weight is None else weight / weight.sum()
        shape = (count, columns) if columns > 1 else (count,)
        first = np.empty(count) if entry["levels"] else np.empty(shape)
        self._target = target_of("LinearModel", first, target, count)
        self._out = np.empty(shape), np.empty(shape)
        self._last: Any = None  # the last parameters with a finite loss, and the loss

    def start(self, constant):
        parameters = np.zeros((self._X.shape[1] + self._has_intercept, self._columns))
        if self._has_intercept:
            parameters[-1] = constant
        return parameters.ravel()

    def split(self, parameters):
        """Coefficients and intercept."""
        table = parameters.reshape(-1, self._columns)
        table = table[:, 0] if self._columns == 1 else table
        if self._has_intercept:
            return table[:-1], table[-1] if self._columns > 1 else float(table[-1])
        return table, np.zeros(self._columns) if self._columns > 1 else 0.0

    def __call__(self, parameters):
        coef, intercept = self.split(parameters)
        scores = np.ascontiguousarray(self._X @ coef + intercept)
        try:
            compute_pairs(
                "LinearModel", self._entry, scores, self._target, self._weight, self._out, hessian="ones",
                min_hessian=1.0, class_counts=self._counts,
            )  # fmt: skip
        except DomainError:
            if self._last is None:
                raise
            return self._beyond(parameters)
        value = mean_loss(self._entry, scores, self._target, self._weight, self._counts)
        by_score = self._out[0]
        by_coef = self._X.T @ by_score + self._alpha * coef
        by_intercept = [by_score.sum(axis=0)] if self._has_intercept else []
        gradient = np.concatenate([np.ravel(by_coef), *map(np.atleast_1d, by_intercept)])
        penalized = value + 0.5 * self._alpha * float((coef**2).sum())
        if self._last is not None and not penalized <= self._last[1] + self._height():
            return self._beyond(parameters)
        self._last = parameters.copy(), penalized
        return penalized, gradient

    def _height(self):
        return 1e3 * (1.0 + abs(self._last[1]))

    def _beyond(self, parameters):
        """The value and gradient after a step that was much too long, where the loss is huge or not finite: those of a
        parabola that rises from the last parameters, so that the line search finds a shorter step. Infinity without a
        gradient would look like a minimum, and interpolation with a huge value gives a step so short that it does, too."""
        last, value = self._last
        step, height = parameters - last, self._height()
        return value + height, 2.0 * height / max(float(step @ step), np.finfo(float).tiny) * step
