"""Losses as objectives of XGBoost, and scikit-learn estimators.

    import xgboost, perdita.xgboost
    objective = perdita.xgboost.Objective("binary_focal:gamma=2")
    data = xgboost.DMatrix(X, y, weight=w, base_margin=objective.init_score(y, w))
    booster = xgboost.train({"disable_default_eval_metric": 1}, data, obj=objective, custom_metric=objective.metric())
    probabilities = objective.predict(booster, X)

    classifier = perdita.xgboost.Classifier(loss="focal:gamma=2", class_weights="balanced").fit(X, y)

Importing this module needs the package xgboost (or xgboost-cpu); the estimators need scikit-learn.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita._boosting.objective import BaseObjective, require
from perdita._boosting.rank import BaseRankObjective
from perdita.errors import DomainError

xgboost = require("xgboost", "xgboost-cpu")

from perdita._boosting.xgboost_estimators import Classifier, Regressor  # noqa: E402

__all__ = ["Classifier", "Objective", "RankObjective", "Regressor"]

for _estimator in (Classifier, Regressor):
    _estimator.__module__ = __name__


def _weights_of(data: Any) -> Any:
    weight = data.get_weight()
    return weight if weight.size else None


class Objective(BaseObjective):
    """A loss as `obj` of xgboost.train and as `objective` of the estimators of XGBoost. Arguments as for
    perdita.lightgbm.Objective.

    Weights and base_margin of the data are used. XGBoost does not estimate base_score for custom objectives; predict()
    sets the initial score.
    """

    def __call__(
        self, first: Any, second: Any, sample_weight: Any = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(gradient, Hessian) as XGBoost asks for them: of (raw scores, DMatrix), or of (target, raw scores, sample_weight)
        as an objective of XGBoost's own estimators. Arrays have the layout of the scores, row-major for [N, K]."""
        if hasattr(second, "get_label"):
            return self.compute_of(first, second, _weights_of(second))
        return self.compute(second, first, sample_weight)

    def metric(self) -> Callable[..., Any]:
        """The mean loss of raw scores, for `custom_metric` of xgboost.train."""

        def evaluate(scores: Any, data: Any) -> tuple[str, float]:
            return self.metric_name, self.score(scores, data.get_label(), _weights_of(data))

        return evaluate

    def raw_scores(self, booster: Any, X: Any, **options: Any) -> NDArray[np.float32]:
        """Raw scores [N] or [N, K] of a booster, with the initial score. X: an array, or a DMatrix, which is not changed;
        its base_margin is used instead of the initial score if it has one."""
        booster = booster.get_booster() if hasattr(booster, "get_booster") else booster
        is_given = isinstance(X, xgboost.DMatrix)
        data = X if is_given else xgboost.DMatrix(X)
        has_margin = is_given and data.get_base_margin().size > 0
        start = None if has_margin else self._start_of_training()
        if start is None:
            return booster.predict(data, output_margin=True, **options)
        # A booster caches its predictions of a DMatrix, and does not notice that base_margin has changed.
        booster = booster.copy() if is_given else booster
        data.set_base_margin(np.ascontiguousarray(self.constant_rows(start, data.num_row()), np.float32))
        try:
            return booster.predict(data, output_margin=True, **options)
        finally:
            data.set_base_margin(np.empty(0, np.float32))

    def predict(self, booster: Any, X: Any, **options: Any) -> NDArray[np.float64]:
        """Predictions of a booster that was trained with this objective: probabilities [N] or [N, K], means, values, or
        quantiles in order. options: of Booster.predict."""
        return self.link(self.raw_scores(booster, X, **options))


class RankObjective(BaseRankObjective):
    """LambdaMART as `obj` of xgboost.train, with the gradients of perdita.lightgbm.RankObjective. Arguments as there.

        data = xgboost.DMatrix(X, relevance, group=sizes)        # or qid
        params = {"disable_default_eval_metric": 1, "base_score": 0}
        booster = xgboost.train(params, data, obj=perdita.xgboost.RankObjective())

    XGBoost keeps weights of groups, not of documents: data with weights are an error (DomainError).
    """

    def __call__(self, scores: Any, data: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(gradient, Hessian) of (raw scores, DMatrix)."""
        if _weights_of(data) is not None:
            raise DomainError(
                "RankObjective: the data have weights, which XGBoost keeps per group (valid: data without weights, or "
                "perdita.lightgbm with weights of documents)"
            )
        return self.compute(scores, data.get_label(), None, data.get_group())

    def metric(self) -> Callable[..., Any]:
        """NDCG at k, for `custom_metric` of xgboost.train, with maximize=True for early stopping."""

        def evaluate(scores: Any, data: Any) -> tuple[str, float]:
            return self.metric_name, self.score(scores, data.get_label(), data.get_group())

        return evaluate
