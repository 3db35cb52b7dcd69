"""The estimators of perdita.xgboost."""

from typing import Any

import numpy as np

from perdita._boosting.estimators import BoostedClassifier, BoostedEstimator, BoostedRegressor
from perdita._boosting.losses import LossLike


class _XGBoost(BoostedEstimator):
    def __init__(
        self,
        loss: LossLike = "mse",
        *,
        hessian: str = "auto",
        n_estimators: int = 100,
        learning_rate: float = 0.3,
        max_depth: int = 6,
        early_stopping_rounds: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.loss = loss
        self.hessian = hessian
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.early_stopping_rounds = early_stopping_rounds
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.params = params

    def _options(self):
        given = {
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "seed": self._seed(),
            "nthread": 0 if self.n_jobs is None else self.n_jobs,
            "verbosity": 1,
        }
        return {**given, **(self.params or {})}

    def _make_objective(self, num_classes):
        from perdita.xgboost import Objective

        return Objective(self.loss, hessian=self.hessian, num_classes=num_classes)

    def _train(self, objective, X, target, weight, validation):
        import xgboost

        def data_of(X, target, weight):
            start = objective.constant_rows(objective.constant, X.shape[0])
            return xgboost.DMatrix(X, target, weight=weight, base_margin=np.ascontiguousarray(start))

        options = {**self._options(), "disable_default_eval_metric": 1}
        if objective.num_columns > 1:
            options["num_class"] = objective.num_columns
        return xgboost.train(
            options,
            data_of(X, target, weight),
            self.n_estimators,
            evals=[] if validation is None else [(data_of(*validation), "validation")],
            obj=objective,
            custom_metric=objective.metric(),
            early_stopping_rounds=self.early_stopping_rounds,
            verbose_eval=False,
        )

    def _raw_scores(self, booster, X):
        # after early stopping, the trees up to the best round
        trees = (0, booster.best_iteration + 1) if self.early_stopping_rounds is not None else (0, 0)
        return self.objective_.raw_scores(booster, X, iteration_range=trees)


class Classifier(BoostedClassifier, _XGBoost):
    """A classifier of XGBoost with any loss of classes, labels or signs.

    loss: as for Objective; a loss of rows of classes has one score per class, or one for two classes. hessian: the policy.
    class_weights: "balanced", a mapping of labels to weights, or None. n_estimators, learning_rate, max_depth,
    random_state, n_jobs: as in XGBoost. early_stopping_rounds: stops when the loss of eval_set has not
    improved for so many rounds. params: further parameters of XGBoost, which have precedence.

    Training starts at the constant that minimizes the loss. Attributes after fit: classes_, booster_, objective_.

        classifier = perdita.xgboost.Classifier(loss="focal:gamma=2", class_weights="balanced", n_estimators=300)
        probabilities = classifier.fit(X, y).predict_proba(X_test)

    Raises ValueError (DomainError) for a loss that is not one of classes."""

    def __init__(
        self,
        loss: LossLike = "cross_entropy",
        *,
        hessian: str = "auto",
        class_weights: Any = None,
        n_estimators: int = 100,
        learning_rate: float = 0.3,
        max_depth: int = 6,
        early_stopping_rounds: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            loss,
            hessian=hessian,
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            max_depth=max_depth,
            early_stopping_rounds=early_stopping_rounds,
            random_state=random_state,
            n_jobs=n_jobs,
            params=params,
        )
        self.class_weights = class_weights


class Regressor(BoostedRegressor, _XGBoost):
    """A regressor of XGBoost with any loss of values or of logarithms of means; several quantiles ("quantile:q=0.1/0.9")
    are predicted together and do not cross. Parameters as for Classifier, without class_weights.

        regressor = perdita.xgboost.Regressor(loss="tweedie:power=1.3", n_estimators=300)
        means = regressor.fit(X, y, sample_weight=exposure).predict(X_test)
    """
