"""Options of the parts of sums: kept by operators and value_and_grad, part of texts, checked in constructors."""

import pickle
import re

import numpy as np
import pytest

import perdita
import perdita.functional as NF
import perdita.nn

torch = pytest.importorskip("torch")

import perdita.torch.nn as nn  # noqa: E402


def numbers():
    y, t = np.random.default_rng(20).normal(size=(2, 7, 5))
    return y, t


def grad_of(loss, x):
    return torch.autograd.grad(loss, x)[0]


@pytest.mark.parametrize("options", [{"reduction": "sum"}, {"normalize_by": "batch"}, {"weight": np.arange(1.0, 6.0)}])
@pytest.mark.parametrize("text", ["formula: (y - t)^2", "0.5*mse + (formula: abs(y - t)^3)"])
def test_operators_keep_the_options_of_formulas(text, options):
    y, t = numbers()
    given = perdita.nn.Sum(text, **options)
    tensors = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    module = nn.Sum(text, **tensors)
    wanted = float(given(y, t))
    assert float(module(torch.from_numpy(y), torch.from_numpy(t))) == pytest.approx(wanted, rel=1e-12)
    assert float((2.0 * given)(y, t)) == pytest.approx(2 * wanted, rel=1e-12)
    assert float((given + perdita.formula("0 * y * t"))(y, t)) == pytest.approx(wanted, rel=1e-12)
    assert float((2.0 * module)(torch.from_numpy(y), torch.from_numpy(t))) == pytest.approx(2 * wanted, rel=1e-12)
    assert pickle.loads(pickle.dumps(3.0 * given))(y, t) == pytest.approx(3 * wanted, rel=1e-12)
    if "reduction" in options:
        assert (2.0 * module).reduction == "sum"


# Modules with options that a text cannot hold, or holds in another form.
OPTIONS = [
    lambda m, w: m.MSELoss(reduction="sum"),
    lambda m, w: 0.5 * m.MSELoss(reduction="sum") + m.L1Loss(),
    lambda m, w: 0.5 * m.MSELoss(normalize_by="batch") + 2.0 * m.HuberLoss(delta=0.5, normalize_by="batch"),
    lambda m, w: 0.5 * m.MSELoss(weight=w) + perdita.formula("abs(y - t)"),
    lambda m, w: m.Sum("mse + (formula: abs(y - t))", reduction="sum"),
    lambda m, w: m.Sum("mse + (formula: abs(y - t))", weight=w),
    lambda m, w: m.MSELoss(missing="nan") + m.L1Loss(missing="nan"),
]


@pytest.mark.parametrize("make", OPTIONS)
def test_value_and_grad_keeps_the_options_of_parts(make):
    y, t = numbers()
    if make is OPTIONS[-1]:
        t[2, 1] = np.nan
    weight = np.arange(1.0, 6.0)
    loss, module = 3.0 * make(perdita.nn, weight), 3.0 * make(nn, torch.from_numpy(weight))
    value, gradient = perdita.value_and_grad(loss)(y, t)
    x = torch.from_numpy(y).requires_grad_()
    wanted = module(x, torch.from_numpy(t))
    assert float(value) == pytest.approx(float(loss(y, t)), rel=1e-12) == pytest.approx(wanted.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, grad_of(wanted, x).numpy(), rtol=1e-12, atol=1e-14)


def test_value_and_grad_of_parts_takes_the_options_of_the_call():
    y, t = numbers()
    loss = 0.5 * perdita.nn.MSELoss(reduction="sum") + perdita.nn.L1Loss()
    value, (by_y, by_t) = perdita.value_and_grad(loss, argnums=(0, 1))(y, t, reduction="sum")
    assert value == pytest.approx(0.5 * ((y - t) ** 2).sum() + np.abs(y - t).sum())
    np.testing.assert_allclose(by_y, -by_t)
    weight = np.arange(1.0, 6.0)
    weighted, _ = perdita.value_and_grad(loss)(y, t, weight)
    wanted = 0.5 * NF.mse_loss(y, t, weight=weight, reduction="sum") + NF.l1_loss(y, t, weight=weight)
    assert weighted == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("alpha", [-1, None, 0.3, np.float32(0.5)])
def test_a_sum_of_a_focal_loss_without_alpha(alpha):
    y, t = numbers()
    t = (t > 0).astype(float)
    for module, a, b in ((perdita.nn, y, t), (nn, torch.from_numpy(y), torch.from_numpy(t))):
        one = module.BinaryFocalLoss(alpha=alpha, gamma=3.0)
        assert float((1.0 * one)(a, b)) == pytest.approx(float(one(a, b)), rel=1e-12)
    loss = 1.0 * perdita.nn.BinaryFocalLoss(alpha=alpha, gamma=3.0)
    value, _ = perdita.value_and_grad(loss)(y, t)
    assert value == pytest.approx(float(loss(y, t)), rel=1e-12)
    g, _ = perdita.grad_and_hess(loss, hessian="auto")(y[0], t[0])
    wanted = perdita.value_and_grad(NF.binary_focal_loss)(y[0], t[0], alpha=alpha, gamma=3.0, reduction="sum")[1]
    np.testing.assert_allclose(g, wanted, rtol=1e-12)


def test_boosting_keeps_the_options_of_losses_or_refuses_them():
    y, t = (x[0] for x in numbers())
    g, _ = perdita.grad_and_hess(perdita.nn.HuberLoss(delta=0.5))(y, t)
    np.testing.assert_array_equal(g, perdita.grad_and_hess("huber:delta=0.5")(y, t)[0])
    scaled = 0.5 * perdita.nn.MSELoss(reduction="sum") + perdita.nn.L1Loss(reduction="sum")
    np.testing.assert_array_equal(
        perdita.grad_and_hess(scaled, hessian="auto")(y, t)[0],
        perdita.grad_and_hess("0.5*mse + l1", hessian="auto")(y, t)[0],
    )
    for loss, words in (
        (perdita.nn.Sum("mse + l1", normalize_by="batch"), "normalize_by"),
        (2.0 * perdita.nn.MSELoss(weight=np.ones(3)), "weight"),
        (2.0 * perdita.nn.FocalLoss(alpha=[0.1, 0.9]), "alpha"),
        (2.0 * perdita.nn.MSELoss(validate=True), "validate"),
        (perdita.nn.MSELoss(reduction="sum") + perdita.nn.L1Loss(), "the reductions 'mean' and 'sum'"),
    ):
        for call in (perdita.grad_and_hess, lambda loss: perdita.minimize_constant(loss, t)):
            with pytest.raises(perdita.errors.DomainError, match=words):
                call(loss)


def test_options_are_checked_in_the_constructor():
    for make in (
        lambda **options: nn.FormulaLoss("(y - t)^2", **options),
        lambda **options: nn.FormulaLoss("param(a, 1) * (y - t)^2", **options),
        lambda **options: nn.Sum("formula: (y - t)^2", **options),
        lambda **options: perdita.nn.Sum("formula: (y - t)^2", **options),
        lambda **options: perdita.nn.Sum("mse", **options),
    ):
        with pytest.raises(perdita.errors.DomainError, match="'average'.*valid: none, mean, sum"):
            make(reduction="average")
        with pytest.raises(perdita.errors.DomainError, match="normalize_by"):
            make(reduction="sum", normalize_by="batch")
        with pytest.raises(perdita.errors.DTypeError, match="reduction is 3"):
            make(reduction=3)
    with pytest.raises(perdita.errors.DomainError, match=r"normalize_by is -2 \(valid: above 0\)"):
        nn.FormulaLoss("(y - t)^2", normalize_by=-2)
    for argnums in (2, (0, 5), True):
        with pytest.raises(ValueError, match=f"argnums is {re.escape(repr(argnums))}.*valid"):
            perdita.value_and_grad(NF.hinge_loss if argnums != 2 else NF.smooth_l1_loss, argnums)
    with pytest.raises(ValueError, match="the loss takes 2 arrays"):
        perdita.value_and_grad("mse + smooth_l1", 2)
