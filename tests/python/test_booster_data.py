"""The adapters of the boosters: data of the caller, options, validation data, arrays that are used again."""

import numpy as np
import pytest

import perdita
from perdita import errors

pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
pytest.importorskip("catboost")

import perdita.catboost  # noqa: E402
import perdita.lightgbm  # noqa: E402
import perdita.xgboost  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Failed to import numba")
BOOSTERS = [perdita.lightgbm, perdita.xgboost, perdita.catboost]


@pytest.fixture(scope="module")
def data():
    """X, a score z, and labels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 5))
    z = X @ np.array([1.0, -1.0, 0.5, 0.0, 0.0]) + 0.5 * rng.normal(size=1500)
    return X, z, (z > 1.5).astype(int)


def test_xgboost_does_not_change_the_data_of_the_caller(data):
    X, _, labels = data
    objective = perdita.xgboost.Objective("binary_focal")
    start = objective.init_score(labels)
    options = {"disable_default_eval_metric": 1, "base_score": 0}
    given = xgboost.DMatrix(X, labels, base_margin=start)
    booster = xgboost.train(options, given, 5, obj=objective)
    expected = objective.raw_scores(booster, X)
    np.testing.assert_array_equal(objective.raw_scores(booster, given), expected)
    np.testing.assert_allclose(given.get_base_margin(), start, rtol=1e-6)
    plain = xgboost.DMatrix(X)
    without = booster.predict(plain, output_margin=True)  # XGBoost keeps these scores
    np.testing.assert_array_equal(objective.raw_scores(booster, plain), expected)
    assert plain.get_base_margin().size == 0
    np.testing.assert_array_equal(booster.predict(plain, output_margin=True), without)
    own = xgboost.DMatrix(X, base_margin=start + 1)
    np.testing.assert_allclose(objective.raw_scores(booster, own), expected + 1, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(own.get_base_margin(), start + 1, rtol=1e-6)


@pytest.mark.parametrize("module", BOOSTERS)
def test_options_are_checked_in_the_constructor(module):
    for num_classes, error in ((-3, errors.DomainError), (0, errors.DomainError), ("3", errors.DTypeError)):
        with pytest.raises(error, match=f"Objective: num_classes is {num_classes!r}"):
            module.Objective("cross_entropy", num_classes=num_classes)
    with pytest.raises(errors.DTypeError, match="Objective: min_hessian is 'no'"):
        module.Objective("mse", min_hessian="no")
    with pytest.raises(errors.DomainError, match="Objective: .*weight, which cannot be used here"):
        module.Objective(perdita.nn.CrossEntropyLoss(weight=np.ones(3)))
    assert module.Objective(perdita.nn.HuberLoss(delta=2.0)).loss == "huber:delta=2"


@pytest.mark.parametrize("sizes", [[2.5, 1.5], [5, -1], ["2", "2"]])
def test_sizes_of_groups_are_integers(sizes):
    objective = perdita.lightgbm.RankObjective()
    scores, relevance = np.zeros(4), np.array([0, 1, 2, 1])
    with pytest.raises((errors.DomainError, errors.DTypeError), match="RankObjective: group"):
        objective(relevance, scores, None, sizes)
    with pytest.raises((errors.DomainError, errors.DTypeError), match="RankObjective: group"):
        objective.score(scores, relevance, sizes)
    gradient, _ = objective(relevance, scores, None, np.array([2.0, 2.0]))
    np.testing.assert_array_equal(gradient, objective(relevance, scores, None, [2, 2])[0])


@pytest.mark.parametrize("module", BOOSTERS)
def test_validation_data_are_checked(data, module):
    X, z, labels = data
    names = np.array(["no", "yes"])[labels]
    options = {"n_estimators": 3, "early_stopping_rounds": 1}
    short, weight = X[:100], np.ones(100)
    for estimator, y, eval_set, error, words in (
        (module.Classifier, names, (short, names[:99]), errors.ShapeError, r"y of shape \[99\], but X has 100 rows"),
        (module.Classifier, names, (short, np.tile(names[:100, None], 2)), errors.ShapeError, r"y of shape \[100, 2\]"),
        (module.Classifier, names, (short, labels[:100]), errors.LabelError, r"y\[0\] is .*valid: \['no', 'yes'\]"),
        (module.Classifier, names, (short, ["no"] * 99 + ["maybe"]), errors.LabelError, r"y\[99\] is .*maybe"),
        (module.Classifier, names, (short, names[:100], weight[:9]), errors.ShapeError, r"weight has shape \[9\]"),
        (module.Classifier, names, (short, names[:100], -weight), errors.DomainError, r"weight\[0\] is -1.0"),
        (module.Classifier, names, [(short, names[:100])], errors.DTypeError, r"has 1 entries \(valid: \(X, y\) or"),
        (module.Classifier, names, short, errors.DTypeError, "eval_set is a ndarray"),
        (module.Classifier, names, (short[:, :4], names[:100]), ValueError, "features"),
        (module.Regressor, z, (short, z[:99]), errors.ShapeError, r"y of shape \[99\], but X has 100 rows"),
        (module.Regressor, z, (short, np.where(weight, np.nan, 0)), errors.DomainError, r"y\[0\] is nan"),
        (module.Regressor, z, (short, names[:100]), errors.DTypeError, "y holds"),
    ):
        loss = {} if estimator is module.Regressor or module is not perdita.catboost else {"loss": "binary_focal"}
        with pytest.raises(error, match=words):
            estimator(**loss, **options).fit(X, y, eval_set=eval_set)
    fitted = module.Regressor(**options).fit(X, z, eval_set=[short, z[:100, None], weight])
    assert fitted.predict(X).shape == z.shape


def test_validation_data_of_a_ranker(data):
    X, _, labels = data
    fit = perdita.lightgbm.Ranker(n_estimators=2, early_stopping_rounds=1).fit
    for group, eval_set, words in (
        ([1000, 499], None, "Ranker: the sizes in group add up to 1499, but there are 1500 rows"),
        ([1000, 500], (X[:9], labels[:9]), r"eval_set has 2 entries \(valid: \(X, y, group\)\)"),
        ([1000, 500], (X[:9], labels[:9], [3, 3]), "eval_set: the sizes in group add up to 6, but there are 9 rows"),
        ([1000, 500], (X[:9], labels[:8], [3, 5]), r"y of shape \[8\], but X has 9 rows"),
    ):
        with pytest.raises((errors.ShapeError, errors.DTypeError, errors.DomainError), match=words):
            fit(X, labels, group, eval_set=eval_set or (X[:9], labels[:9], [4, 5]))
    assert fit(X, labels, [1000, 500], eval_set=(X[:9], labels[:9], [4, 5])).predict(X).shape == labels.shape


def test_arrays_are_used_again_only_where_nothing_refers_to_them():
    objective = perdita.lightgbm.Objective("mse")
    target = np.zeros(5)

    def call(scale):
        return objective.compute(scale * np.arange(5.0), target, None)

    address = call(1.0)[0].ctypes.data
    gradient, hessian = call(2.0)
    assert gradient.ctypes.data == address  # the first arrays were free
    view, kept = gradient[1:], gradient.copy()
    del gradient, hessian
    others = call(3.0)
    np.testing.assert_array_equal(view, kept[1:])
    assert others[0].ctypes.data != address
