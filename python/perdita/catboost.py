"""Losses as objectives of CatBoost, and scikit-learn estimators.

    import catboost, perdita.catboost
    objective = perdita.catboost.Objective("binary_focal:gamma=2")
    data = catboost.Pool(X, y, weight=w, baseline=objective.init_score(y, w))
    model = catboost.CatBoost({"loss_function": objective, "eval_metric": objective.metric(), "iterations": 300}).fit(data)
    probabilities = objective.predict(model, X)

Importing this module needs the package catboost; the estimators need scikit-learn. CatBoost calls custom objectives on the
CPU only, and passes derivatives as Python objects, which takes longer than computing them. It calls them row by row for
several classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita._boosting.objective import BaseObjective, require
from perdita.errors import ShapeError

catboost = require("catboost", "catboost")

from perdita._boosting.catboost_estimators import Classifier, Regressor  # noqa: E402

__all__ = ["Classifier", "Metric", "Objective", "Regressor"]

for _estimator in (Classifier, Regressor):
    _estimator.__module__ = __name__


class Metric:
    """The mean loss of raw scores, as `eval_metric` of CatBoost."""

    def __init__(self, objective: "Objective") -> None:
        self._objective = objective

    def is_max_optimal(self) -> bool:
        return False

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        """(weighted sum of the losses, sum of the weights)."""
        scores = np.stack([np.asarray(column, np.float64) for column in approxes], axis=1)
        weights = np.ones(len(scores)) if weight is None else np.asarray(weight, np.float64)
        total = float(weights.sum())
        mean = self._objective.score(scores, np.asarray(target, np.float64), weights)
        return mean * total if total > 0 else 0.0, total

    def get_final_error(self, error: float, weight: float) -> float:
        return error / weight if weight > 0 else float("nan")


class Objective(BaseObjective):
    """A loss of one score per row as `loss_function` of CatBoost, which maximizes: derivatives have the opposite sign.
    Arguments as for perdita.lightgbm.Objective.

    Weights and baseline of the pool are used. Raises ShapeError for losses of several scores per row.
    """

    def __init__(self, loss: Any, **options: Any) -> None:
        super().__init__(loss, **options)
        if self._entry["levels"] or self._entry["takes_class_counts"] or (self.num_classes or 1) > 1:
            raise ShapeError(
                f"Objective: {self.loss} takes several scores per row, for which CatBoost calls an objective row by row "
                f"(valid: a loss of one score per row; perdita.lightgbm or perdita.xgboost for others)"
            )

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> list[tuple[float, float]]:
        """(-gradient, -Hessian) of each row."""
        weight = None if weights is None else np.asarray(weights, np.float64)
        scores, target = np.asarray(approxes, np.float64), np.asarray(targets, np.float64)
        gradient, hessian = self.compute(scores, target, weight, np.float64)
        return list(zip((-gradient).tolist(), (-hessian).tolist(), strict=True))

    def metric(self) -> Metric:
        """The mean loss of raw scores, for `eval_metric`."""
        return Metric(self)

    def _note_start(self, scores: NDArray[Any]) -> None:
        """CatBoost calls objectives on parts of the rows, in which scores may be equal by coincidence: the start is that of
        init_score()."""

    def raw_scores(self, model: Any, X: Any) -> NDArray[np.float64]:
        """Raw scores [N] of a model, with the initial score."""
        return self.add_start(np.asarray(model.predict(X, prediction_type="RawFormulaVal")))

    def predict(self, model: Any, X: Any) -> NDArray[np.float64]:
        """Predictions of a model that was trained with this objective: probabilities, means or values, [N]."""
        return self.link(self.raw_scores(model, X))
