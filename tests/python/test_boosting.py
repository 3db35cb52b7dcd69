"""perdita.grad_and_hess and perdita.minimize_constant: against mpmath and SciPy, in every layout, and their errors."""

import mpmath
import numpy as np
import pytest
from scipy import optimize

import perdita
import perdita.functional as F
from perdita import errors, ops

mp = mpmath.mp.clone()
mp.dps = 40


def softplus(x):
    return mp.log1p(mp.exp(x))


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def binary_focal(y, t):
    p = sigmoid(y if t == 1 else -y)
    return -(mp.mpf(1) / 4 if t == 1 else mp.mpf(3) / 4) * (1 - p) ** 2 * mp.log(p)


DEFINITIONS = {
    "mse": (lambda y, t: (y - t) ** 2, "value"),
    "log_cosh": (lambda y, t: mp.log(mp.cosh(y - t)), "value"),
    "charbonnier:eps=0.5": (lambda y, t: mp.sqrt((y - t) ** 2 + mp.mpf(1) / 4), "value"),
    "poisson_nll": (lambda y, t: mp.exp(y) - t * y, "count"),
    "gamma_nll": (lambda y, t: y + t * mp.exp(-y), "count"),
    "tweedie:power=1.25": (
        lambda y, t: mp.exp(0.75 * y) / mp.mpf(0.75) + t * mp.exp(-0.25 * y) / mp.mpf(0.25), "count",
    ),
    "binary_cross_entropy_with_logits": (lambda y, t: softplus(y) - t * y, "label"),
    "binary_focal": (binary_focal, "label"),
    "soft_margin": (lambda y, t: softplus(-t * y), "sign"),
    "cross_entropy": (lambda y, t: softplus(-y if t == 1 else y), "label"),
    "focal:gamma=3": (lambda y, t: sigmoid(-y if t else y) ** 3 * softplus(-y if t else y), "label"),
    "formula: softplus(y) - t * y": (lambda y, t: softplus(y) - t * y, "label"),
}  # fmt: skip


def operands(kind, count=40, seed=1):
    rng = np.random.default_rng(seed)
    targets = {
        "value": lambda: rng.normal(size=count),
        "count": lambda: rng.poisson(2.0, count) + 1.0,
        "label": lambda: rng.integers(0, 2, count).astype(float),
        "sign": lambda: rng.integers(0, 2, count) * 2.0 - 1.0,
    }
    return rng.normal(size=count) * 3, targets[kind]()


@pytest.mark.parametrize("loss", DEFINITIONS)
def test_derivatives_are_those_of_the_definition(loss):
    definition, kind = DEFINITIONS[loss]
    y, t = operands(kind)
    gradient, hessian = perdita.grad_and_hess(loss, min_hessian=1e-300)(y, t)
    for i in range(len(y)):
        exact = [mp.diff(lambda x, t=t[i]: definition(x, t), mp.mpf(y[i]), n) for n in (1, 2)]
        assert gradient[i] == pytest.approx(float(exact[0]), rel=1e-12, abs=1e-14)
        assert hessian[i] == pytest.approx(max(float(exact[1]), 1e-300), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("loss", DEFINITIONS)
def test_the_constant_is_that_of_scipy(loss):
    definition, kind = DEFINITIONS[loss]
    _, t = operands(kind, seed=2)
    w = np.random.default_rng(3).uniform(0, 2, len(t))
    groups = {value: float(w[t == value].sum()) for value in np.unique(t)}
    slope = lambda c: sum(  # noqa: E731
        weight * float(mp.diff(lambda x, value=value: definition(x, value), mp.mpf(c)))
        for value, weight in groups.items()
    )
    assert perdita.minimize_constant(loss, t, w) == pytest.approx(optimize.brentq(slope, -20, 20, xtol=1e-13), abs=1e-9)


def test_rows_of_classes_in_every_layout():
    rng = np.random.default_rng(4)
    scores, labels = rng.normal(size=(300, 5)), rng.integers(0, 5, 300)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    expected = p - np.eye(5)[labels]
    for policy, factor in (("exact", 1), ("gauss_newton", 1), ("bound", 2), ("friedman", 1.25)):
        for array in (
            scores,
            np.asfortranarray(scores),
            np.repeat(scores, 2, axis=1)[:, ::2],
            scores.astype(np.float32),
        ):
            gradient, hessian = perdita.grad_and_hess("cross_entropy", hessian=policy)(array, labels)
            assert gradient.dtype == array.dtype
            if array.flags.f_contiguous:
                assert gradient.flags.f_contiguous
            tolerance = 1e-13 if array.dtype == np.float64 else 1e-6
            np.testing.assert_allclose(gradient, expected, atol=tolerance)
            np.testing.assert_allclose(hessian, factor * p * (1 - p), atol=tolerance)


def test_weights_multiply_both():
    y, t = operands("value")
    w = np.arange(len(y), dtype=float)
    gradient, hessian = perdita.grad_and_hess("huber")(y, t)
    weighted = perdita.grad_and_hess("huber")(y, t, w)
    np.testing.assert_allclose(weighted[0], w * gradient)
    np.testing.assert_allclose(weighted[1], w * hessian)


def test_several_quantiles_have_one_target():
    y = np.random.default_rng(5).normal(size=(50, 2))
    t = np.zeros(50)
    gradient, hessian = perdita.grad_and_hess("quantile:q=0.1/0.9", hessian="auto")(y, t)
    np.testing.assert_allclose(gradient, np.where(y > 0, 1, 0) - [0.1, 0.9])
    assert (hessian == 1).all()
    targets = np.arange(10.0)
    np.testing.assert_array_equal(perdita.minimize_constant("quantile:q=0.25/0.5", targets), [2, 4])


def test_losses_are_text_functions_and_formulas():
    y, t = operands("value")
    expected = perdita.grad_and_hess("log_cosh")(y, t)
    for loss in (F.log_cosh_loss, perdita.formula(lambda y, t: ops.log_cosh(y - t)), "formula: log_cosh(y - t)"):
        for result, exact in zip(perdita.grad_and_hess(loss)(y, t), expected, strict=True):
            np.testing.assert_allclose(result, exact, rtol=1e-12, atol=1e-15)


def test_value_and_grad_of_text():
    y, t = operands("value")
    value, gradient = perdita.value_and_grad("huber:delta=2")(y, t, reduction="sum")
    expected = perdita.value_and_grad(F.huber_loss)(y, t, delta=2.0, reduction="sum")
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    np.testing.assert_allclose(gradient, perdita.grad_and_hess("huber:delta=2")(y, t)[0], rtol=1e-14)
    written = perdita.value_and_grad("formula: log_cosh(y - t)")(y, t)
    np.testing.assert_allclose(written[1], perdita.value_and_grad(F.log_cosh_loss)(y, t)[1], rtol=1e-12, atol=1e-16)
    with pytest.raises(errors.DomainError, match="unknown loss 'hubber'"):
        perdita.value_and_grad("hubber")


def test_initial_scores_of_classes():
    labels = np.repeat([0, 1, 2], [2, 3, 5])
    odds = np.exp(perdita.minimize_constant("cross_entropy", labels))
    np.testing.assert_allclose(odds / odds.sum(), [0.2, 0.3, 0.5])
    assert perdita.minimize_constant("cross_entropy", labels // 2) == pytest.approx(0)
    assert perdita.minimize_constant("cross_entropy", labels // 2, num_classes=2).shape == (2,)
    # of adjusted logits, the constant takes the adjustment back
    np.testing.assert_allclose(perdita.minimize_constant("balanced_softmax", labels), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: perdita.grad_and_hess("dice"), errors.DomainError, "not a raw score"),
        (lambda: perdita.grad_and_hess("mse", hessian="newton"), errors.DomainError, "valid for mse: auto, exact"),
        (lambda: perdita.grad_and_hess(np.mean), errors.DTypeError, "loss is <function mean"),
        (lambda: perdita.grad_and_hess("mse")(np.zeros((3, 2)), np.zeros(3)), errors.ShapeError, "one score per row"),
        (lambda: perdita.grad_and_hess("mse")(np.zeros(3), np.zeros(4)), errors.ShapeError, r"target has shape \[4\]"),
        (lambda: perdita.grad_and_hess("mse")(np.zeros(3), [0, 1, np.nan]), errors.DomainError, r"target\[2\] is nan"),
        (lambda: perdita.grad_and_hess("mse")([0, np.inf], np.zeros(2)), errors.DomainError, r"scores\[1\] is inf"),
        (lambda: perdita.grad_and_hess("mse")(np.zeros(2), np.zeros(2), [1, -1]), errors.DomainError, r"weight\[1\] is -1"),
        (lambda: perdita.grad_and_hess("focal")(np.zeros((2, 3)), [0, 3]), errors.LabelError, r"label\[1\] is 3"),
        (lambda: perdita.grad_and_hess("focal")(np.zeros((2, 3)), [0, 0.5]), errors.LabelError, r"target\[1\] is 0.5"),
        (lambda: perdita.grad_and_hess("focal")(np.zeros(2), [0, 2]), errors.DomainError, r"target\[1\] is 2"),
        (lambda: perdita.grad_and_hess("ldam")(np.zeros((2, 2)), [0, 1]), errors.ShapeError, "class_counts has 0"),
        (lambda: perdita.grad_and_hess("quantile:q=0.1/0.9")(np.zeros((2, 3)), [0, 1]), errors.ShapeError, "2 quantiles"),
        (lambda: perdita.grad_and_hess("focal")(np.zeros((2, 3)), [0, 1 << 32]), errors.LabelError, r"\[1\] is 4294967296"),
        (lambda: perdita.grad_and_hess("mse", min_hessian=np.nan), errors.DomainError, "min_hessian is nan .valid: finite"),
        (lambda: perdita.grad_and_hess("mse", min_hessian="no"), errors.DTypeError, "min_hessian is 'no' .valid: a number"),
        (lambda: perdita.minimize_constant("mse", []), errors.DomainError, "no targets"),
        (lambda: perdita.minimize_constant("focal", [0, 1], num_classes=-3), errors.DomainError, "num_classes is -3"),
        (lambda: perdita.minimize_constant("focal", [0, 1], num_classes="3"), errors.DTypeError, "num_classes is '3'"),
    ],
)  # fmt: skip
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.float32, bool])
def test_labels_of_any_type(kind):
    labels = np.array([0, 1, 1, 0]).astype(kind)
    assert perdita.minimize_constant("focal", labels) == perdita.minimize_constant("focal", [0.0, 1, 1, 0])
    scores = np.arange(12.0).reshape(4, 3)
    for a, b in zip(*(perdita.grad_and_hess("focal")(scores, y) for y in (labels, [0, 1, 1, 0])), strict=True):
        np.testing.assert_array_equal(a, b)
