"""perdita.sklearn: the linear model against estimators of scikit-learn, and the scorer against its metrics."""

import numpy as np
import pytest
import scipy.optimize
from sklearn import linear_model, metrics, model_selection
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import perdita.sklearn
from perdita import errors
from perdita.sklearn import LinearModel, scorer


@parametrize_with_checks(
    [
        LinearModel(loss)
        for loss in ("mse", "huber:delta=2", "poisson_nll", "cross_entropy", "binary_focal", "soft_margin")
    ]
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 4))
    return X, X[:, 0] - 0.5 * X[:, 1] + rng.normal(size=400), rng.uniform(0.5, 2, 400)


def test_linear_models_are_those_of_scikit_learn(data):
    X, z, w = data
    counts, classes = np.random.default_rng(2).poisson(np.exp(0.5 * z)), np.digitize(z, [-1, 1])
    n = w.sum()

    ours = LinearModel("poisson_nll", alpha=1e-2, tol=1e-9).fit(X, counts, w)
    theirs = linear_model.PoissonRegressor(alpha=1e-2, tol=1e-9).fit(X, counts, w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-5)

    ours = LinearModel("cross_entropy", alpha=1 / n, tol=1e-9).fit(X, classes, w)
    theirs = linear_model.LogisticRegression(C=1, tol=1e-9).fit(X, classes, w)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)

    ours = LinearModel("formula: (y - t)^2 / 2", alpha=1 / n, tol=1e-9).fit(X, z, w)
    np.testing.assert_allclose(ours.coef_, linear_model.Ridge(1).fit(X, z, w).coef_, atol=1e-6)

    ours = LinearModel("quantile:q=0.8", alpha=0).fit(X, z)
    theirs = linear_model.QuantileRegressor(quantile=0.8, alpha=0).fit(X, z)
    assert metrics.mean_pinball_loss(z, ours.predict(X), alpha=0.8) == pytest.approx(
        metrics.mean_pinball_loss(z, theirs.predict(X), alpha=0.8), rel=1e-2
    )


def test_several_quantiles_do_not_cross(data):
    X, z, _ = data
    quantiles = LinearModel("quantile:q=0.1/0.5/0.9").fit(X, z).predict(X)
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_scores_are_those_of_the_metrics(data):
    X, z, w = data
    classes, labels = np.digitize(z, [-1, 1]), np.where(z > 0, "yes", "no")
    ridge = linear_model.Ridge().fit(X, z)
    assert scorer("mse")(ridge, X, z, w) == pytest.approx(
        -metrics.mean_squared_error(z, ridge.predict(X), sample_weight=w)
    )
    for y in (classes, labels):
        model = linear_model.LogisticRegression().fit(X, y)
        expected = -metrics.log_loss(y, model.predict_proba(X), sample_weight=w)
        assert scorer("cross_entropy")(model, X, y, w) == pytest.approx(expected)
    positive = linear_model.GammaRegressor().fit(X, np.exp(z))
    deviance = metrics.mean_gamma_deviance(np.exp(z), positive.predict(X))
    assert scorer("gamma_nll")(positive, X, np.exp(z)) == pytest.approx(-deviance / 2 - 1 - z.mean())
    found = model_selection.cross_val_score(linear_model.Ridge(), X, z, scoring=scorer("huber:delta=1"))
    assert (found < 0).all()


def test_errors(data):
    X, z, _ = data
    with pytest.raises(errors.DomainError, match="class counts of training"):
        scorer("balanced_softmax")
    with pytest.raises(errors.DomainError, match=r"prediction\[\d+\] is -.*valid: above 0"):
        scorer("poisson_nll")(linear_model.Ridge().fit(X, z), X, abs(z))
    with pytest.raises(errors.DomainError, match="alpha is -1"):
        LinearModel(alpha=-1).fit(X, z)
    with pytest.raises(errors.LabelError, match="valid: "):
        scorer("cross_entropy")(linear_model.LogisticRegression().fit(X, z > 0), X, np.full(len(z), 7))


@pytest.mark.parametrize("loss", ["poisson_nll", "gamma_nll", "tweedie:power=1.5"])
@pytest.mark.filterwarnings("error")
def test_steps_that_are_too_long(loss):
    """exp() overflows at the first step of L-BFGS where features are large, which is not a minimum."""
    for seed in range(4):
        numbers = np.random.default_rng(seed)
        X = numbers.normal(size=(200, 3))
        y = np.exp(2 * X[:, 0]) + 0.1
        found = [
            scorer(loss)(LinearModel(loss, alpha=0).fit(scale * X, y), scale * X, y)
            for scale in (1.0, 1e2, 1e3, 1e4, 1e5)
        ]
        np.testing.assert_allclose(found, found[0], rtol=1e-7, err_msg=f"seed {seed}")


def test_a_warning_where_the_optimizer_fails(data, monkeypatch):
    X, z, _ = data
    with pytest.warns(ConvergenceWarning, match="LinearModel: L-BFGS reached 2 iterations"):
        LinearModel("log_cosh", max_iter=2).fit(1e3 * X, z)
    minimize = perdita.sklearn.scipy.optimize.minimize

    def failing(*arguments, **options):
        result = minimize(*arguments, **options)
        return scipy.optimize.OptimizeResult({**result, "success": False, "status": 2, "message": "ABNORMAL: "})

    monkeypatch.setattr(perdita.sklearn.scipy.optimize, "minimize", failing)
    with pytest.warns(ConvergenceWarning, match="LinearModel: L-BFGS did not converge: ABNORMAL"):
        LinearModel().fit(X, z)
