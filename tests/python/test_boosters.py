"""The adapters of LightGBM, XGBoost and CatBoost: every form of call, weights, initial scores, links, metrics, misuse."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import perdita
from perdita import errors

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
catboost = pytest.importorskip("catboost")

import perdita.catboost  # noqa: E402
import perdita.lightgbm  # noqa: E402
import perdita.xgboost  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Failed to import numba")
QUIET = {"verbosity": -1, "num_threads": 2, "metric": "None"}
BOOSTERS = [perdita.lightgbm, perdita.xgboost, perdita.catboost]


class _Labels:
    """A data set with labels alone."""

    def __init__(self, labels):
        self._labels = np.array(labels, np.float32)

    def get_label(self):
        return self._labels

    def get_weight(self):
        return None

    def get_group(self):
        return None


@pytest.fixture(scope="module")
def data():
    """X, a score z, labels, classes and weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 5))
    z = X @ np.array([1.0, -1.0, 0.5, 0.0, 0.0]) + 0.5 * rng.normal(size=1500)
    return X, z, (z > 1.5).astype(int), np.digitize(z, [-1, 1]), np.where(rng.random(1500) < 0.2, 50.0, 1.0)


def train_lightgbm(objective, X, y, w=None, rounds=20, **options):
    start = objective.init_score(y, w)
    set_ = lightgbm.Dataset(X, y, weight=w, init_score=start)
    return lightgbm.train({**QUIET, "objective": objective, **options}, set_, rounds, feval=objective.metric())


def test_lightgbm_in_both_forms(data):
    X, _, y, _, w = data
    objective = perdita.lightgbm.Objective("binary_focal")
    booster = train_lightgbm(objective, X, y, w)
    other = perdita.lightgbm.Objective("binary_focal")
    model = lightgbm.LGBMClassifier(objective=other, n_estimators=20, verbosity=-1, n_jobs=2)
    model.fit(X, y, sample_weight=w, init_score=other.init_score(y, w), eval_set=[(X, y)], eval_metric=other.metric())
    np.testing.assert_allclose(other.predict(model, X), objective.predict(booster, X), rtol=1e-12)
    assert "binary_focal" in model.evals_result_["training"]


def test_xgboost_in_both_forms(data):
    X, _, y, _, w = data
    objective = perdita.xgboost.Objective("binary_focal")
    matrix = xgboost.DMatrix(X, y, weight=w, base_margin=objective.init_score(y, w))
    params = {"nthread": 2, "disable_default_eval_metric": 1}
    history = {}
    booster = xgboost.train(
        params, matrix, 20, obj=objective, custom_metric=objective.metric(), evals=[(matrix, "train")],
        evals_result=history, verbose_eval=False,
    )  # fmt: skip
    losses = history["train"]["binary_focal"]
    assert losses[-1] < losses[0]
    assert losses[-1] == pytest.approx(objective.score(booster.predict(matrix, output_margin=True), y, w), abs=1e-6)
    other = perdita.xgboost.Objective("binary_focal")
    model = xgboost.XGBClassifier(objective=other, n_estimators=20, n_jobs=2)
    model.fit(X, y, sample_weight=w, base_margin=other.init_score(y, w))
    np.testing.assert_allclose(other.predict(model, X), objective.predict(booster, X), rtol=1e-6)


def test_catboost(data):
    X, _, y, _, w = data
    objective = perdita.catboost.Objective("binary_cross_entropy_with_logits")
    pool = catboost.Pool(X, y, weight=w, baseline=objective.init_score(y, w))
    options = {"iterations": 20, "logging_level": "Silent", "allow_writing_files": False, "thread_count": 2,
               "leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1, "boosting_type": "Plain",
               "bootstrap_type": "No", "learning_rate": 0.1, "score_function": "L2"}  # fmt: skip
    model = catboost.CatBoost({**options, "loss_function": objective, "eval_metric": objective.metric()}).fit(pool)
    theirs = catboost.CatBoost({**options, "loss_function": "Logloss"}).fit(pool)
    expected = 1 / (1 + np.exp(-(theirs.predict(X) + objective.constant)))
    np.testing.assert_allclose(objective.predict(model, X), expected, atol=1e-6)
    with pytest.raises(errors.ShapeError, match="row by row"):
        perdita.catboost.Objective("quantile:q=0.1/0.9")


def test_initial_score_is_added_where_training_started_with_it(data):
    X, _, y, _, _ = data
    objective = perdita.lightgbm.Objective("binary_cross_entropy_with_logits")
    with_start = objective.predict(train_lightgbm(objective, X, y, rounds=3), X)
    assert with_start.mean() == pytest.approx(y.mean(), abs=0.02)

    objective.init_score(y)
    forgotten = lightgbm.train({**QUIET, "objective": objective}, lightgbm.Dataset(X, y), 3)
    with pytest.warns(UserWarning, match=r"init_score\(\) gave .* but training started with 0"):
        scores = objective.raw_scores(forgotten, X)
    np.testing.assert_array_equal(scores, forgotten.predict(X, raw_score=True))

    own = lightgbm.train({**QUIET, "objective": objective}, lightgbm.Dataset(X, y, init_score=X[:, 0]), 3)
    with pytest.raises(errors.DomainError, match="did not start with the same score"):
        objective.predict(own, X)


def test_layouts_of_classes_are_not_copied(data):
    X, _, _, k, _ = data
    objective = perdita.lightgbm.Objective("cross_entropy")
    scores = np.zeros((3, len(k))).T
    gradient, hessian = objective(scores, lightgbm.Dataset(X, k).construct())
    assert gradient.flags.f_contiguous and hessian.flags.f_contiguous and gradient.dtype == np.float32
    assert np.shares_memory(gradient.ravel(order="F"), gradient)
    kept = gradient
    again = objective(scores + 1.0, lightgbm.Dataset(X, k).construct())[0]
    assert not np.shares_memory(again, kept)  # an array that is still in use is not overwritten
    rows, _ = perdita.xgboost.Objective("cross_entropy")(np.zeros((len(k), 3), np.float32), xgboost.DMatrix(X, k))
    assert rows.flags.c_contiguous and rows.dtype == np.float32
    np.testing.assert_allclose(rows, gradient, atol=1e-6)


@pytest.mark.parametrize("booster", BOOSTERS)
def test_weights_of_50_change_the_model(data, booster):
    X, _, y, _, w = data
    plain = booster.Classifier(loss="binary_cross_entropy_with_logits", n_estimators=10).fit(X, y)
    weighted = booster.Classifier(loss="binary_cross_entropy_with_logits", n_estimators=10).fit(X, y, sample_weight=w)
    assert abs(plain.predict_proba(X) - weighted.predict_proba(X)).max() > 0.01


@pytest.mark.parametrize("booster", BOOSTERS)
def test_class_weights_are_sample_weights(data, booster):
    X, _, y, _, _ = data
    make = lambda weights: booster.Classifier(loss="focal", n_estimators=10, class_weights=weights)  # noqa: E731
    share = y.mean()
    of_class = {0: 0.5 / (1 - share), 1: 0.5 / share}
    expected = make(None).fit(X, y, sample_weight=np.where(y == 1, of_class[1], of_class[0])).predict_proba(X)
    for weights in ("balanced", of_class):
        np.testing.assert_allclose(make(weights).fit(X, y).predict_proba(X), expected, rtol=1e-6)
    with pytest.raises(errors.DomainError, match="class_weights is 'equal'"):
        make("equal").fit(X, y)


@pytest.mark.parametrize("booster", [perdita.lightgbm, perdita.xgboost])
def test_several_classes_and_quantiles(data, booster):
    X, z, _, k, _ = data
    names = np.array(["low", "mid", "top"])[k]
    for loss in ("cross_entropy", "focal", "balanced_softmax", "formula: -t * log_p * (1 - p)"):
        model = booster.Classifier(loss=loss, n_estimators=10).fit(X, names)
        assert model.score(X, names) > 0.85
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    model = booster.Regressor(loss="quantile:q=0.9/0.1/0.5", n_estimators=20).fit(X, z)
    quantiles = model.predict(X)
    assert (quantiles[:, 1] <= quantiles[:, 2]).all() and (quantiles[:, 2] <= quantiles[:, 0]).all()
    assert (z <= quantiles[:, 0]).mean() > 0.8 > 0.2 > (z <= quantiles[:, 1]).mean()


@pytest.mark.parametrize("booster", BOOSTERS)
def test_early_stopping(data, booster):
    X, z, _, _, w = data
    model = booster.Regressor(loss="huber", n_estimators=500, early_stopping_rounds=5)
    with pytest.raises(errors.DomainError, match="early_stopping_rounds needs validation data"):
        model.fit(X, z)
    model.fit(X[:1000], z[:1000], eval_set=(X[1000:], z[1000:], w[1000:]))
    trees = {
        perdita.lightgbm: lambda: model.booster_.num_trees(),
        perdita.xgboost: lambda: model.booster_.num_boosted_rounds(),
        perdita.catboost: lambda: model.booster_.tree_count_,
    }[booster]()
    assert trees < 500
    assert model.score(X[1000:], z[1000:]) > 0.8


@pytest.mark.parametrize("booster", BOOSTERS)
def test_estimators_and_objectives_are_pickled_and_cloned(data, booster):
    X, _, y, _, _ = data
    model = booster.Classifier(loss="binary_focal", n_estimators=5).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params() == model.get_params()


def test_rankers():
    rng = np.random.default_rng(3)
    sizes = rng.integers(2, 30, 80)
    X = rng.normal(size=(sizes.sum(), 4))
    relevance = np.clip(np.round(X[:, 0] + 0.3 * rng.normal(size=len(X)) + 1), 0, 3)
    split, documents = 60, sizes[:60].sum()
    ranker = perdita.lightgbm.Ranker(k=5, n_estimators=100, min_child_samples=5, early_stopping_rounds=10)
    validation = X[documents:], relevance[documents:], sizes[split:]
    ranker.fit(X[:documents], relevance[:documents], sizes[:split], eval_set=validation)
    objective = perdita.lightgbm.RankObjective(k=5)
    untrained = objective.score(rng.normal(size=len(validation[1])), *validation[1:])
    assert objective.score(ranker.predict(validation[0]), *validation[1:]) > 0.9 > untrained

    params = {"disable_default_eval_metric": 1, "base_score": 0, "nthread": 2}
    matrix = xgboost.DMatrix(X, relevance, group=sizes)
    booster = xgboost.train(params, matrix, 20, obj=perdita.xgboost.RankObjective(k=5))
    assert objective.score(booster.predict(matrix), relevance, sizes) > 0.9
    with pytest.raises(errors.DomainError, match="XGBoost keeps per group"):
        weighted = xgboost.DMatrix(X, relevance, group=sizes, weight=np.ones(len(sizes)))
        xgboost.train(params, weighted, 1, obj=perdita.xgboost.RankObjective())
    with pytest.raises(errors.ShapeError, match="no groups"):
        objective(np.zeros(4), _Labels([0, 1, 2, 0]))
    with pytest.raises(errors.ShapeError, match="the groups have 3 documents"):
        objective.compute(np.zeros(4), np.zeros(4), None, [1, 2])
    with pytest.raises(errors.DomainError, match=r"relevance\[1\] is -1"):
        objective.compute(np.zeros(2), [0, -1], None, [2])
    with pytest.raises(errors.DomainError, match="k is 0"):
        perdita.lightgbm.RankObjective(k=0)


def test_wrong_use_is_named(data):
    X, z, y, k, _ = data
    objective = perdita.lightgbm.Objective("cross_entropy")
    with pytest.raises(errors.DomainError, match="probabilities with sum 1"):
        objective.score(np.full((len(k), 3), 1 / 3), k)
    with pytest.warns(UserWarning, match="all scores are between 0 and 1"):
        objective.score(np.linspace(0, 1, len(y)), y)
    with pytest.raises(errors.ShapeError, match="one score per row"):
        perdita.lightgbm.Objective("mse")(np.zeros((len(z), 2)), lightgbm.Dataset(X, z).construct())
    with pytest.raises(errors.ShapeError, match=r"scores has shape \[1500\], but quantile:q=0.1/0.9 has 2 quantiles"):
        perdita.lightgbm.Objective("quantile:q=0.1/0.9")(np.zeros(len(z)), lightgbm.Dataset(X, z).construct())
    with pytest.raises(errors.DomainError, match="loss mse is not one of classes"):
        perdita.xgboost.Classifier(loss="mse").fit(X, y)
    with pytest.raises(errors.DomainError, match="loss focal is not one of values"):
        perdita.xgboost.Regressor(loss="focal").fit(X, z)
    with pytest.raises(ValueError, match="Only binary classification is supported"):
        perdita.xgboost.Classifier(loss="binary_focal").fit(X, k)
    with pytest.warns(UserWarning, match=r"% of the Hessians of binary_focal are below"):
        perdita.lightgbm.Objective("binary_focal", hessian="exact")(np.array([-4.0, 0.0]), _Labels([1, 1]))


def test_clipped_share_is_reported(data):
    objective = perdita.lightgbm.Objective("huber:delta=1", hessian="exact")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        objective.compute(np.array([0.0, 0.5, 2.0, 3.0]), np.zeros(4), None)
    assert objective.clipped_share == 0.5


def test_a_missing_booster_is_named():
    code = "import sys; sys.modules['lightgbm'] = None\nimport perdita\nimport perdita.lightgbm"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "perdita.lightgbm needs the package lightgbm" in result.stderr
    assert "pip install lightgbm" in result.stderr


def test_objectives_do_not_need_scikit_learn():
    code = """
import sys
sys.modules["sklearn"] = sys.modules["sklearn.base"] = None
import numpy as np, perdita.lightgbm
objective = perdita.lightgbm.Objective("mse")
print(objective(np.zeros(2), np.ones(2))[0])
try:
    perdita.lightgbm.Regressor().fit([[0.0], [1.0]], [0.0, 1.0])
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "perdita.lightgbm needs scikit-learn" in result.stdout, result.stderr
    assert "[2. 2.]" in result.stdout


def _by_histogram(estimator):
    """Bins of a histogram depend on the rows, and not on their weights."""
    reason = "bins of features depend on repeated rows, but not on weights"
    return {f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [
        perdita.lightgbm.Classifier(n_estimators=5, min_child_samples=1, n_jobs=1),
        perdita.lightgbm.Regressor(n_estimators=5, min_child_samples=1, n_jobs=1),
        perdita.xgboost.Classifier(n_estimators=5, n_jobs=1),
        perdita.xgboost.Regressor(n_estimators=10, n_jobs=1),
        perdita.catboost.Classifier(n_estimators=5, n_jobs=1),
        perdita.catboost.Regressor(n_estimators=30, n_jobs=1),
    ],
    expected_failed_checks=_by_histogram,
)
def test_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
