"""Losses as objectives of LightGBM, and scikit-learn estimators.

    import lightgbm, perdita.lightgbm
    objective = perdita.lightgbm.Objective("binary_focal:gamma=2")
    data = lightgbm.Dataset(X, y, weight=w, init_score=objective.init_score(y, w))
    booster = lightgbm.train({"objective": objective, "metric": "None"}, data, feval=objective.metric())
    probabilities = objective.predict(booster, X)

    classifier = perdita.lightgbm.Classifier(loss="focal:gamma=2", class_weights="balanced").fit(X, y)

Importing this module needs the package lightgbm; the estimators need scikit-learn.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita._boosting.objective import BaseObjective, require
from perdita._boosting.rank import BaseRankObjective

lightgbm = require("lightgbm", "lightgbm")

from perdita._boosting.lightgbm_estimators import Classifier, Ranker, Regressor  # noqa: E402

__all__ = ["Classifier", "Objective", "RankObjective", "Ranker", "Regressor"]

for _estimator in (Classifier, Ranker, Regressor):
    _estimator.__module__ = __name__


class Objective(BaseObjective):
    """A loss as `objective` of lightgbm.train and of the estimators of LightGBM.

    loss: text such as "focal:gamma=2" or "formula: log_cosh(y - t)", a perdita.formula, or a function of perdita.functional;
    a loss of raw scores. hessian: the policy, see :doc:`/boosting`. Hessians below min_hessian are replaced by it.
    num_classes: of a loss of classes, for init_score(); by default from the labels. class_counts: samples of each class in
    training, for losses that need them; by default from the labels.

    Weights and init_score of the data set are used. LightGBM does not add the initial score to its predictions, and returns
    raw scores even if probabilities are requested; predict() adds the initial score and applies the link.

    Raises ValueError (DomainError) for a loss that is not one of raw scores, and for a policy that the loss does not have.
    """

    def __call__(
        self, first: Any, second: Any, weight: Any = None, group: Any = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(gradient, Hessian) as LightGBM asks for them: of (raw scores, Dataset), or of (target, raw scores, weight, group)
        as an objective of LightGBM's own estimators. Arrays have the layout of the scores, class-major for [N, K]."""
        if hasattr(second, "get_label"):
            return self.compute_of(first, second, second.get_weight())
        return self.compute(second, first, weight)

    def metric(self) -> Callable[..., tuple[str, float, bool]]:
        """The mean loss of raw scores, for `feval` of lightgbm.train and `eval_metric` of its estimators."""

        def evaluate(first: Any, second: Any, weight: Any = None, group: Any = None) -> tuple[str, float, bool]:
            if hasattr(second, "get_label"):
                return self.metric_name, self.score(first, second.get_label(), second.get_weight()), False
            return self.metric_name, self.score(second, first, weight), False

        return evaluate

    def raw_scores(self, booster: Any, X: Any, **options: Any) -> NDArray[np.float64]:
        """Raw scores [N] or [N, K] of a booster, with the initial score."""
        booster = getattr(booster, "booster_", booster)
        return self.add_start(np.asarray(booster.predict(X, raw_score=True, **options)))

    def predict(self, booster: Any, X: Any, **options: Any) -> NDArray[np.float64]:
        """Predictions of a booster that was trained with this objective: probabilities [N] or [N, K], means, values, or
        quantiles in order. The initial score is added and the link applied. options: of Booster.predict."""
        return self.link(self.raw_scores(booster, X, **options))


class RankObjective(BaseRankObjective):
    """LambdaMART as `objective` of lightgbm.train and LGBMModel: the objective "lambdarank" of LightGBM, whose sigmoid is a
    table with errors of about 1e-6.

    k: pairs of documents have one among the k best scores, and the ideal DCG is that of k; 1 or more. sigma: of the sigmoid
    of differences of scores. normalize: divides weights by distances of scores, and damps groups with large gradients.
    Targets are relevances, 0 or more, with gains 2^relevance - 1. Weights are those of documents.

        data = lightgbm.Dataset(X, relevance, group=sizes)
        booster = lightgbm.train({"objective": objective, "metric": "None"}, data, feval=objective.metric())

    Raises ValueError (DomainError) for options outside their range, and ShapeError for data without groups. Source: Burges,
    MSR-TR-2010-82.
    """

    def __call__(
        self, first: Any, second: Any, weight: Any = None, group: Any = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(gradient, Hessian) of (raw scores, Dataset), or of (relevance, raw scores, weight, sizes of groups)."""
        if hasattr(second, "get_label"):
            return self.compute(first, second.get_label(), second.get_weight(), second.get_group())
        return self.compute(second, first, weight, group)

    def metric(self) -> Callable[..., tuple[str, float, bool]]:
        """NDCG at k, for `feval` of lightgbm.train and `eval_metric` of its estimators."""

        def evaluate(first: Any, second: Any, weight: Any = None, group: Any = None) -> tuple[str, float, bool]:
            if hasattr(second, "get_label"):
                return self.metric_name, self.score(first, second.get_label(), second.get_group()), True
            return self.metric_name, self.score(second, first, group), True

        return evaluate
