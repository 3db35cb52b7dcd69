"""perdita.formula(..., stabilize=True): the stable form, its report, and its results next to mpmath and torch."""

import copy
import pickle

import mpmath
import numpy as np
import pytest

import perdita
from perdita import ops

torch = pytest.importorskip("torch")


def naive(y, t):
    return np.log(1 + np.exp(-t * y))


@pytest.fixture(scope="module")
def stable():
    return perdita.formula(naive, stabilize=True, domain="t = -1, 1")


def test_the_text_is_the_stable_form(stable):
    assert stable.text == "softplus(-t * y)"
    report = stable.report
    assert report.is_changed and report.text == stable.text
    assert report.original == "log(1 + exp(-t * y))"
    assert report.domain == "t = -1, 1"
    assert "softplus" not in report.latex and report.latex.startswith("\\log")
    assert report.cpp.startswith("[](auto y, auto t) {") and "softplus(-t * y)" in report.cpp
    for key in (("value", "float32"), ("derivative", "float64")):
        assert report.before[key]["share_above_4_ulp"] > 0.02 > 0.01 > report.after[key]["share_above_4_ulp"]
    assert set(report.before["value", "float32"]["worst_input"]) == {"y", "t"}
    assert report.points_compared > 5000
    for line in ("stable form  softplus(-t * y)", "value, float32 ", "derivative, float64 "):
        assert line in str(report)


def test_values_and_gradients_are_exact(stable):
    seed = 3
    rng = np.random.default_rng(seed)
    y = np.concatenate([rng.normal(0, 50, 200), [88.9, -88.9, 200, -200, 1e4]]).astype(np.float32)
    t = rng.choice([-1.0, 1.0], len(y)).astype(np.float32)
    loss, gradient = perdita.value_and_grad(stable)(y, t, reduction="sum")
    with mpmath.workdps(40):
        exact = [-b / (1 + mpmath.exp(mpmath.mpf(float(a)) * b)) for a, b in zip(y.tolist(), t.tolist(), strict=True)]
        total = sum(
            mpmath.log1p(mpmath.exp(-mpmath.mpf(float(a)) * b)) for a, b in zip(y.tolist(), t.tolist(), strict=True)
        )
    np.testing.assert_allclose(gradient, np.array(exact, dtype=float), rtol=5e-7, atol=1e-37, err_msg=f"seed {seed}")
    np.testing.assert_allclose(loss, float(total), rtol=1e-6)
    assert not np.isfinite(perdita.value_and_grad(perdita.formula(naive))(y, t, reduction="sum")[0])


def test_of_torch_tensors(stable):
    y = torch.tensor([200.0, -200.0, 3.0], requires_grad=True)
    t = torch.tensor([1.0, 1.0, -1.0])
    stable(y, t, reduction="sum").backward()
    expected = torch.nn.functional.softplus(-t * y.detach())
    torch.testing.assert_close(stable(y, t, reduction="none"), expected)
    torch.testing.assert_close(y.grad, -t * torch.sigmoid(-t * y.detach()))


def test_copies_keep_the_report(stable):
    for other in (copy.deepcopy(stable), pickle.loads(pickle.dumps(stable))):
        assert other.text == stable.text
        assert other.report == stable.report


def test_of_classes_and_text():
    loss = perdita.formula(lambda log_p, t: -t * (1 - np.exp(log_p)) ** 2 * log_p, stabilize=True)
    assert "expm1(log_p)" in loss.text
    assert loss.report.domain == "log_p <= 0, t in 0..1"
    assert perdita.formula("abs(y - t)", stabilize=True).text == "abs(y - t)"
    assert not perdita.formula("abs(y - t)", stabilize=True).report.is_changed
    assert perdita.formula("abs(y - t)").report is None


def test_a_loss_as_text(stable):
    y, t = np.array([100.0, -3.0], np.float32), np.array([-1.0, 1.0], np.float32)
    value, _ = perdita.value_and_grad("formula: log(1+exp(-t*y)) [t = -1, 1]; stabilize=yes")(y, t)
    assert value == stable(y, t)


def test_compute_in_float64():
    rng = np.random.default_rng(5)
    y, t = rng.normal(size=(2, 100))
    text = "exp(-(y - t)^2 / 2) - 1"
    exact = perdita.formula(text)(
        y.astype(np.float32).astype(float), t.astype(np.float32).astype(float), reduction="none"
    )
    wide = perdita.formula(text + "; compute=float64")
    found = wide(y.astype(np.float32), t.astype(np.float32), reduction="none")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, exact.astype(np.float32))
    x = torch.tensor(y, dtype=torch.float32, requires_grad=True)
    target = torch.tensor(t, dtype=torch.float32)
    second = torch.func.hessian(lambda a: wide(a, target, reduction="sum"))(x)
    expected = torch.func.hessian(lambda a: perdita.formula(text)(a, target.double(), reduction="sum"))(
        x.detach().double()
    )
    assert second.dtype == torch.float32
    torch.testing.assert_close(second, expected.float(), rtol=2e-7, atol=1e-7)


def test_functions_of_ops():
    rng = np.random.default_rng(7)
    y, t = np.exp(rng.normal(size=(2, 50)))
    for function, exact in (
        (lambda y, t: ops.expm1_minus_x(y * t), lambda y, t: mpmath.expm1(y * t) - y * t),
        (lambda y, t: ops.log1p_minus_x(y * t), lambda y, t: mpmath.log1p(y * t) - y * t),
        (lambda y, t: ops.log_ratio(y, t), lambda y, t: mpmath.log(y / t)),
        (lambda y, t: ops.hypot(y, t), lambda y, t: mpmath.hypot(y, t)),
    ):
        loss = perdita.formula(function)
        with mpmath.workdps(40):
            points = [(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(y.tolist(), t.tolist(), strict=True)]
            values = [float(exact(a, b)) for a, b in points]
            slopes = [float(mpmath.diff(lambda u, b=b, exact=exact: exact(u, b), a)) for a, b in points]
        np.testing.assert_allclose(loss(y, t, reduction="none"), values, rtol=1e-14)
        np.testing.assert_allclose(
            perdita.value_and_grad(loss)(y, t, reduction="sum")[1], slopes, rtol=1e-13, atol=1e-15
        )
        # by operators of torch, as on other devices
        x, target = torch.tensor(y), torch.tensor(t)
        gradient = torch.func.grad(lambda a, target=target, loss=loss: loss(a, target, reduction="sum"))(x)
        torch.testing.assert_close(gradient, torch.tensor(slopes, dtype=torch.float64), rtol=1e-13, atol=1e-15)


def test_errors():
    with pytest.raises(perdita.errors.DomainError, match="without stabilize=True"):
        perdita.formula("y^2", domain="y > 0")
    with pytest.raises(ValueError, match="one of y"):
        perdita.formula("y^2", stabilize=True, domain="x > 0")
    with pytest.raises(ValueError, match="not defined at any"):
        perdita.formula("log(-1 - y^2)", stabilize=True)
