"""The estimators of perdita.lightgbm."""

from typing import Any

import numpy as np

from perdita._boosting.arrays import row_of_numbers, sizes_of_groups
from perdita._boosting.estimators import BoostedClassifier, BoostedEstimator, BoostedRegressor
from perdita._boosting.losses import LossLike
from perdita.errors import DomainError


class _Trees(BoostedEstimator):
    """The parameters of LightGBM."""

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        min_child_samples: int = 20,
        early_stopping_rounds: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.early_stopping_rounds = early_stopping_rounds
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.params = params

    def _options(self):
        given = {
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": self.min_child_samples,
            "seed": self._seed(),
            "num_threads": 0 if self.n_jobs is None else self.n_jobs,
            "verbosity": -1,
        }
        return {**given, **(self.params or {})}


class _LightGBM(_Trees):
    def __init__(
        self,
        loss: LossLike = "mse",
        *,
        hessian: str = "auto",
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        min_child_samples: int = 20,
        early_stopping_rounds: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            num_leaves=num_leaves,
            min_child_samples=min_child_samples,
            early_stopping_rounds=early_stopping_rounds,
            random_state=random_state,
            n_jobs=n_jobs,
            params=params,
        )
        self.loss = loss
        self.hessian = hessian

    def _make_objective(self, num_classes):
        from perdita.lightgbm import Objective

        return Objective(self.loss, hessian=self.hessian, num_classes=num_classes)

    def _train(self, objective, X, target, weight, validation):
        import lightgbm

        def data_of(X, target, weight, reference=None):
            start = objective.constant_rows(objective.constant, X.shape[0])
            return lightgbm.Dataset(
                X, target, weight=weight, init_score=start, reference=reference, free_raw_data=False
            )

        options = {**self._options(), "objective": objective, "metric": "None"}
        if objective.num_columns > 1:
            options["num_class"] = objective.num_columns
        data = data_of(X, target, weight)
        validation_data = []
        if validation is not None:
            X_val, target_val, weight_val = validation
            validation_data.append(data_of(X_val, target_val, weight_val, data))
        callbacks: list[Any] = []
        if self.early_stopping_rounds is not None:
            callbacks.append(lightgbm.early_stopping(self.early_stopping_rounds, verbose=False))
        return lightgbm.train(
            options,
            data,
            self.n_estimators,
            valid_sets=validation_data,
            feval=objective.metric(),
            callbacks=callbacks,
        )

    def _raw_scores(self, booster, X):
        return self.objective_.raw_scores(booster, X)


class Classifier(BoostedClassifier, _LightGBM):
    """A classifier of LightGBM with any loss of classes, labels or signs.

    loss: as for Objective; a loss of rows of classes has one score per class, or one for two classes. hessian: the policy.
    class_weights: "balanced", a mapping of labels to weights, or None. n_estimators, learning_rate, num_leaves,
    min_child_samples, random_state, n_jobs: as in LightGBM. early_stopping_rounds: stops when the loss of eval_set has not
    improved for so many rounds. params: further parameters of LightGBM, which have precedence.

    Training starts at the constant that minimizes the loss. Attributes after fit: classes_, booster_, objective_.

        classifier = perdita.lightgbm.Classifier(loss="focal:gamma=2", class_weights="balanced", n_estimators=300)
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
        num_leaves: int = 31,
        min_child_samples: int = 20,
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
            num_leaves=num_leaves,
            min_child_samples=min_child_samples,
            early_stopping_rounds=early_stopping_rounds,
            random_state=random_state,
            n_jobs=n_jobs,
            params=params,
        )
        self.class_weights = class_weights


class Regressor(BoostedRegressor, _LightGBM):
    """A regressor of LightGBM with any loss of values or of logarithms of means; several quantiles ("quantile:q=0.1/0.9")
    are predicted together and do not cross. Parameters as for Classifier, without class_weights.

        regressor = perdita.lightgbm.Regressor(loss="tweedie:power=1.3", n_estimators=300)
        means = regressor.fit(X, y, sample_weight=exposure).predict(X_test)
    """


class Ranker(_Trees):
    """A ranker of LightGBM by LambdaMART (RankObjective). k: NDCG at k is optimized; the other parameters are those of
    Classifier.

        ranker = perdita.lightgbm.Ranker(k=10, n_estimators=300).fit(X, relevance, group=sizes)
        scores = ranker.predict(X_test)                                # the larger the better
    """

    def __init__(
        self,
        k: int = 30,
        *,
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        min_child_samples: int = 20,
        early_stopping_rounds: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            num_leaves=num_leaves,
            min_child_samples=min_child_samples,
            early_stopping_rounds=early_stopping_rounds,
            random_state=random_state,
            n_jobs=n_jobs,
            params=params,
        )
        self.k = k

    def fit(self, X: Any, y: Any, group: Any, sample_weight: Any = None, eval_set: Any = None) -> "Ranker":
        """Trains. X: [N, F]; y: relevance [N], 0 or more; group: sizes of the groups, whose documents are adjacent;
        sample_weight: [N] or None. eval_set: (X, y, group) for early stopping."""
        import lightgbm

        from perdita.lightgbm import RankObjective

        X, y = self._prepare_training(X, y)
        if self.early_stopping_rounds is not None and eval_set is None:
            raise DomainError(
                "early_stopping_rounds needs validation data (valid: fit(X, y, group, eval_set=(X_val, y_val, group_val)))"
            )
        objective = RankObjective(k=self.k)
        group = sizes_of_groups("Ranker", group, X.shape[0])
        data = lightgbm.Dataset(X, y, group=group, weight=sample_weight, free_raw_data=False)
        validation: list[Any] = []
        callbacks: list[Any] = []
        if eval_set is not None:
            X_val, y_val, group_val = self._read_eval_set(eval_set, "group")
            y_val = row_of_numbers("Ranker: eval_set", "y", y_val, None, np.float64)
            group_val = sizes_of_groups("Ranker: eval_set", group_val, X_val.shape[0])
            validation.append(lightgbm.Dataset(X_val, y_val, group=group_val, reference=data))
        if self.early_stopping_rounds is not None:
            callbacks.append(lightgbm.early_stopping(self.early_stopping_rounds, verbose=False))
        options = {**self._options(), "objective": objective, "metric": "None"}
        self.objective_ = objective
        self.booster_ = lightgbm.train(
            options, data, self.n_estimators, valid_sets=validation, feval=objective.metric(), callbacks=callbacks
        )
        return self

    def predict(self, X: Any) -> Any:
        """Scores of the documents, [N]: the larger the better."""
        return self._predicted_scores(X)

    def _raw_scores(self, booster, X):
        return booster.predict(X, raw_score=True)
