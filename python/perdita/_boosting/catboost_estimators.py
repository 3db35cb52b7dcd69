"""The estimators of perdita.catboost."""

from typing import Any

from perdita._boosting.estimators import BoostedClassifier, BoostedEstimator, BoostedRegressor
from perdita._boosting.losses import LossLike


class _CatBoost(BoostedEstimator):
    _reads_sparse = False

    def __init__(
        self,
        loss: LossLike = "mse",
        *,
        hessian: str = "auto",
        n_estimators: int = 100,
        learning_rate: float = 0.1,
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

    def _is_multi_class(self):
        return False

    def _options(self):
        given = {
            "iterations": self.n_estimators,
            "learning_rate": self.learning_rate,
            "depth": self.max_depth,
            "random_seed": self._seed(),
            "thread_count": -1 if self.n_jobs is None else self.n_jobs,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        return {**given, **(self.params or {})}

    def _make_objective(self, num_classes):
        from perdita.catboost import Objective

        return Objective(self.loss, hessian=self.hessian, num_classes=num_classes)

    def _train(self, objective, X, target, weight, validation):
        import catboost

        def pool_of(X, target, weight):
            start = objective.constant_rows(objective.constant, X.shape[0])
            return catboost.Pool(X, target, weight=weight, baseline=start)

        model = catboost.CatBoost({**self._options(), "loss_function": objective, "eval_metric": objective.metric()})
        return model.fit(
            pool_of(X, target, weight),
            eval_set=None if validation is None else pool_of(*validation),
            early_stopping_rounds=self.early_stopping_rounds,
        )

    def _raw_scores(self, booster, X):
        return self.objective_.raw_scores(booster, X)


class Classifier(_CatBoost, BoostedClassifier):
    """A classifier of CatBoost with any loss of two classes, labels or signs.

    loss: as for Objective; a loss of rows of classes is taken as one of two classes. hessian: the policy.
    class_weights: "balanced", a mapping of labels to weights, or None. n_estimators, learning_rate, max_depth,
    random_state, n_jobs: as in CatBoost. early_stopping_rounds: stops when the loss of eval_set has not
    improved for so many rounds. params: further parameters of CatBoost, which have precedence.

    Training starts at the constant that minimizes the loss. Attributes after fit: classes_, booster_, objective_.

        classifier = perdita.catboost.Classifier(loss="focal:gamma=2", class_weights="balanced", n_estimators=300)
        probabilities = classifier.fit(X, y).predict_proba(X_test)

    Raises ValueError (DomainError) for a loss that is not one of classes."""

    def __init__(
        self,
        loss: LossLike = "cross_entropy",
        *,
        hessian: str = "auto",
        class_weights: Any = None,
        n_estimators: int = 100,
        learning_rate: float = 0.1,
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


class Regressor(_CatBoost, BoostedRegressor):
    """A regressor of CatBoost with any loss of values or of logarithms of means. Parameters as for Classifier,
    without class_weights.

    regressor = perdita.catboost.Regressor(loss="tweedie:power=1.3", n_estimators=300)
    means = regressor.fit(X, y, sample_weight=exposure).predict(X_test)
    """
