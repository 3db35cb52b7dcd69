"""Objectives of LightGBM and XGBoost, reproduced: the same trees and predictions with the same loss and policy.

Boosters keep gradients in float32, and ours may differ from theirs in the last bit of it. Leaves are ratios of sums of
these, which bounds the difference of predictions unless two splits tie.
"""

import numpy as np
import pytest

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

import perdita.lightgbm  # noqa: E402
import perdita.xgboost  # noqa: E402

ROUNDS = 50
TOLERANCE = 1e-6


def data(kind, seed=3, count=4000):
    """Features with continuous values, a target, and weights of 1 or 50."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 6))
    eta = X @ np.array([1.0, -0.5, 0.3, 0.0, 0.2, 0.0]) * 0.5 + 0.3 * np.sin(2 * X[:, 3])
    target = {
        "binary": lambda: (eta + rng.logistic(size=count) > 0.8).astype(float),
        "classes": lambda: np.digitize(eta + 0.4 * rng.normal(size=count), [-0.6, 0.2, 0.9]).astype(float),
        "count": lambda: rng.poisson(np.exp(eta)).astype(float),
        "positive": lambda: rng.gamma(2.0, np.exp(eta) / 2) + 1e-3,
        "claims": lambda: rng.gamma(2.0, np.exp(eta) / 2) * (rng.random(count) < 0.4),
        "value": lambda: 5 * eta + rng.standard_t(2, size=count),
    }[kind]()
    return X, target, np.where(rng.random(count) < 0.1, 50.0, 1.0)


OF_LIGHTGBM = [
    ("binary", {"objective": "binary"}, "binary_cross_entropy_with_logits", "exact"),
    ("binary", {"objective": "binary"}, "cross_entropy", "exact"),
    ("classes", {"objective": "multiclass", "num_class": 4}, "cross_entropy", "friedman"),
    ("count", {"objective": "poisson"}, "poisson_nll", "bound"),
    ("positive", {"objective": "gamma"}, "gamma_nll", "exact"),
    ("claims", {"objective": "tweedie", "tweedie_variance_power": 1.3}, "tweedie:power=1.3", "exact"),
    ("value", {"objective": "huber", "alpha": 1.5}, "huber:delta=1.5", "ones"),
    ("value", {"objective": "regression"}, "formula: (y - t)^2 / 2", "exact"),
    ("value", {"objective": "fair", "fair_c": 2.0}, "formula: 4 * (abs(y - t) / 2 - log1p(abs(y - t) / 2))", "exact"),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("kind", "builtin", "loss", "hessian"), OF_LIGHTGBM)
def test_lightgbm(kind, builtin, loss, hessian, weighted):
    X, y, w = data(kind)
    w = w if weighted else None
    common = {"verbosity": -1, "num_threads": 2, "deterministic": True, "learning_rate": 0.1, "num_leaves": 15}
    common |= {"num_class": builtin["num_class"]} if "num_class" in builtin else {}
    start = np.zeros(len(y) * common.get("num_class", 1))  # theirs starts elsewhere for some losses
    theirs = lightgbm.train({**common, **builtin}, lightgbm.Dataset(X, y, weight=w, init_score=start), ROUNDS)
    objective = perdita.lightgbm.Objective(loss, hessian=hessian)
    ours = lightgbm.train(
        {**common, "objective": objective, "metric": "None"}, lightgbm.Dataset(X, y, weight=w, init_score=start), ROUNDS
    )
    np.testing.assert_allclose(
        objective.raw_scores(ours, X), theirs.predict(X, raw_score=True), rtol=TOLERANCE, atol=TOLERANCE
    )
    np.testing.assert_allclose(objective.predict(ours, X), theirs.predict(X), rtol=10 * TOLERANCE, atol=TOLERANCE)


OF_XGBOOST = [
    ("binary", {"objective": "binary:logistic"}, {}, "binary_cross_entropy_with_logits", "exact"),
    ("classes", {"objective": "multi:softprob", "num_class": 4}, {"num_class": 4}, "cross_entropy", "bound"),
    ("count", {"objective": "count:poisson"}, {"max_delta_step": 0.7}, "poisson_nll", "bound"),
    ("positive", {"objective": "reg:gamma"}, {}, "gamma_nll", "exact"),
    ("claims", {"objective": "reg:tweedie", "tweedie_variance_power": 1.3}, {}, "tweedie:power=1.3", "exact"),
    ("value", {"objective": "reg:squarederror"}, {}, "formula: (y - t)^2 / 2", "exact"),
    ("value", {"objective": "reg:pseudohubererror", "huber_slope": 2.0}, {},
     "formula: 4 * (sqrt(1 + (y - t)^2 / 4) - 1)", "exact"),
]  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("kind", "builtin", "params", "loss", "hessian"), OF_XGBOOST)
def test_xgboost(kind, builtin, params, loss, hessian, weighted):
    X, y, w = data(kind)
    w = w if weighted else None
    common = {"nthread": 2, "learning_rate": 0.1, "max_depth": 4, "lambda": 1.0}
    shape = (len(y), 4) if kind == "classes" else len(y)
    start = np.zeros(shape, np.float32)
    theirs = xgboost.train({**common, **builtin}, xgboost.DMatrix(X, y, weight=w, base_margin=start), ROUNDS)
    objective = perdita.xgboost.Objective(loss, hessian=hessian)
    ours = xgboost.train(
        {**common, **params, "disable_default_eval_metric": 1},
        xgboost.DMatrix(X, y, weight=w, base_margin=start),
        ROUNDS,
        obj=objective,
    )
    expected = theirs.predict(xgboost.DMatrix(X, base_margin=start), output_margin=True)
    np.testing.assert_allclose(objective.raw_scores(ours, X), expected, rtol=0, atol=4 * TOLERANCE)


@pytest.mark.parametrize(
    ("kind", "builtin", "loss"),
    [
        ("binary", {"objective": "binary"}, "binary_cross_entropy_with_logits"),
        ("count", {"objective": "poisson"}, "poisson_nll"),
        ("positive", {"objective": "gamma"}, "gamma_nll"),
        ("claims", {"objective": "tweedie"}, "tweedie"),
        ("classes", {"objective": "multiclass", "num_class": 4}, "cross_entropy"),
    ],
)
def test_initial_scores_are_those_of_lightgbm(kind, builtin, loss):
    X, y, w = data(kind)
    policy = {"poisson_nll": "bound", "cross_entropy": "friedman"}.get(loss, "exact")
    objective = perdita.lightgbm.Objective(loss, hessian=policy)
    common = {"verbosity": -1, "num_threads": 2, "deterministic": True}
    theirs = lightgbm.train({**common, **builtin}, lightgbm.Dataset(X, y, weight=w), 10)
    options = {**common, "objective": objective, "metric": "None", "num_class": builtin.get("num_class", 1)}
    ours = lightgbm.train(options, lightgbm.Dataset(X, y, weight=w, init_score=objective.init_score(y, w)), 10)
    np.testing.assert_allclose(objective.predict(ours, X), theirs.predict(X), rtol=1e-5, atol=1e-7)


def test_quantile_of_lightgbm_differs_by_the_renewal_of_leaves():
    """LightGBM replaces each leaf by the quantile of its residuals, which a custom objective cannot. The first tree has the
    same splits."""
    X, y, _ = data("value")
    common = {"verbosity": -1, "num_threads": 2, "deterministic": True, "num_leaves": 15}
    start = np.zeros(len(y))
    theirs = lightgbm.train(
        {**common, "objective": "quantile", "alpha": 0.8}, lightgbm.Dataset(X, y, init_score=start), 1
    )
    objective = perdita.lightgbm.Objective("quantile:q=0.8")
    ours = lightgbm.train({**common, "objective": objective}, lightgbm.Dataset(X, y, init_score=start), 1)
    np.testing.assert_array_equal(ours.predict(X, pred_leaf=True), theirs.predict(X, pred_leaf=True))


def ranked(seed=5, groups=150):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 40, groups)
    X = rng.normal(size=(sizes.sum(), 5))
    relevance = np.clip(np.round(X[:, 0] + 0.5 * X[:, 1] ** 2 + 0.5 * rng.normal(size=len(X))), 0, 4)
    return X, relevance, sizes, np.where(rng.random(len(X)) < 0.1, 50.0, 1.0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("k", "normalize"), [(30, True), (5, True), (30, False)])
def test_lambdarank_of_lightgbm(k, normalize, weighted):
    """The sigmoid of LightGBM is a table with errors of about 1e-6, which add up over trees: predictions differ by 4e-8
    after the first tree and by 5e-5 after 50. With seed 4, two splits whose gains differ by 3e-4 are exchanged at tree
    13."""
    X, y, sizes, w = ranked()
    common = {"verbosity": -1, "num_threads": 2, "deterministic": True, "num_leaves": 15}
    data = lambda: lightgbm.Dataset(X, y, group=sizes, weight=w if weighted else None)  # noqa: E731
    options = {"objective": "lambdarank", "lambdarank_truncation_level": k, "lambdarank_norm": normalize}
    theirs = lightgbm.train({**common, **options}, data(), ROUNDS).predict(X)
    objective = perdita.lightgbm.RankObjective(k=k, normalize=normalize)
    ours = lightgbm.train({**common, "objective": objective}, data(), ROUNDS).predict(X)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4)
    first = lightgbm.train({**common, **options}, data(), 1).predict(X)
    again = lightgbm.train({**common, "objective": objective}, data(), 1).predict(X)
    np.testing.assert_allclose(again, first, rtol=0, atol=1e-7)


def test_ndcg_is_that_of_scikit_learn():
    from sklearn.metrics import ndcg_score

    objective = perdita.lightgbm.RankObjective(k=7)
    scores = np.random.default_rng(0).normal(size=(3, 20))
    relevance = np.random.default_rng(1).integers(0, 4, (3, 20))
    expected = ndcg_score(2.0**relevance - 1, scores, k=7)
    assert objective.score(scores.ravel(), relevance.ravel(), [20, 20, 20]) == pytest.approx(expected)
