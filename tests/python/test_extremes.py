"""Limits: infinite logits, parameters at the ends of what is valid, probabilities of exactly 0 and 1. The values are closed
forms; NumPy, torch, and torch with a graph of the gradient must agree on them."""
import math

import numpy as np
import pytest
import torch

import perdita
import perdita.functional
import perdita.torch.functional as F

INF = math.inf
DTYPES = ("float32", "float64")


def gradients(function, x, t, **options):
    """(value, gradient, the gradient of a pass that records, its second derivative along ones)"""
    x = x.clone().requires_grad_()
    value = getattr(F, function)(x, t, reduction="sum", **options)
    (once,) = torch.autograd.grad(value, x, retain_graph=True)
    (recorded,) = torch.autograd.grad(value, x, create_graph=True)
    (second,) = torch.autograd.grad(recorded.sum(), x, allow_unused=True) if recorded.requires_grad else (None,)
    return value.detach(), once, recorded.detach(), second


def check(function, x, t, value, gradient, **options):
    for dtype in DTYPES:
        kind = getattr(torch, dtype)
        inputs = torch.tensor(x, dtype=kind)
        targets = torch.tensor(t, dtype=torch.int64 if np.asarray(t).dtype.kind == "i" else kind)
        found = gradients(function, inputs, targets, **options)
        rounding = {"rtol": 2e-6 if dtype == "float32" else 1e-13, "atol": 1e-37}
        np.testing.assert_allclose(found[0].item(), value, **rounding)
        for each in found[1:3]:
            np.testing.assert_allclose(each.numpy(), gradient, **rounding)
        assert found[3] is None or not found[3].isnan().any(), (dtype, found[3])
        ours = getattr(perdita.functional, function)
        arrays = inputs.numpy(), targets.numpy()
        assert ours(*arrays, reduction="sum", **options) == found[0].item()
        np.testing.assert_array_equal(
            perdita.value_and_grad(ours)(*arrays, reduction="sum", **options)[1], found[1].numpy()
        )


def test_huber_without_end():
    check("huber_loss", [3.0, 0.0, -2.0], [0.0, 0.0, 0.0], 6.5, [3.0, 0.0, -2.0], delta=INF)


@pytest.mark.parametrize("beta", [0.0, 5e-324, 1e-310, 1e-50])
def test_smooth_l1_of_the_least_beta(beta):
    check("smooth_l1_loss", [3.0, -2.0], [0.0, 0.0], 5.0, [1.0, -1.0], beta=beta)


def test_parameters_that_float32_cannot_hold():
    check("huber_loss", [1e30], [0.0], 1e-20, [0.0], delta=1e-50)
    check("generalized_cross_entropy", [[0.0, 0.0]], [0], math.log(2), [[-0.5, 0.5]], q=1e-50)
    for dtype in DTYPES:
        x, v = np.array([3.0], dtype), np.array([0.0], dtype)
        loss = perdita.functional.gaussian_nll_loss(x, x, v, eps=1e-60)
        np.testing.assert_allclose(loss, math.log(1e-60) / 2, rtol=1e-6)
        assert loss.dtype == dtype
    _, extras = F.huber_loss(torch.ones(2), torch.zeros(2), delta=1e-50, return_extras=True)
    assert extras.losses.dtype == torch.float32


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 1.0, 1.5, 2.0, 3.0, 50.0])
def test_weights_that_underflow(gamma):
    points = [-104.0, -745.5, -1e4, -INF]
    for function, options in (
        ("binary_focal_loss", {"gamma": gamma}),
        ("asymmetric_loss", {"gamma_pos": gamma, "gamma_neg": gamma, "clip": 0.0}),
    ):
        for dtype in DTYPES:
            x = torch.tensor(points, dtype=getattr(torch, dtype))
            for sign, target in ((1, 0.0), (-1, 1.0)):
                for result in gradients(function, sign * x, torch.full_like(x, target), **options):
                    assert result is None or (result.abs() < 1e-40).all(), (function, dtype, result)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_infinite_logits_that_are_wrong(gamma):
    options = {"gamma": gamma, "alpha": 1.0, "alpha_by_class": False}
    check("binary_focal_loss", [-INF, INF], [1.0, 0.0], INF, [-1.0, 1.0], **options)


@pytest.mark.parametrize("function", ["binary_cross_entropy_with_logits", "multilabel_soft_margin_loss"])
def test_infinite_logits(function):
    check(function, [[-INF, INF]], [[0.0, 1.0]], 0.0, [[0.0, 0.0]])


def test_infinite_logits_with_weights():
    x, t = torch.tensor([-INF, INF, INF]), torch.tensor([0.0, 1.0, 0.0])
    for options in ({"weight": torch.tensor([2.0, 3.0, 4.0])}, {"pos_weight": torch.tensor([2.0, 3.0, 4.0])}):
        loss = F.binary_cross_entropy_with_logits(x, t, reduction="none", **options)
        assert loss.tolist() == [0.0, 0.0, INF]


# -log p of the first class of [1, -inf, .5], and its probability
LOG = math.log1p(math.exp(-0.5))
P = math.exp(-LOG)
MASKED = {
    "cross_entropy": (LOG, -1.0, {}),
    "focal_loss": ((1 - P) ** 2 * LOG, -((1 - P) ** 2) - 2 * (1 - P) * P * LOG, {}),
    "poly_1_loss": (LOG + 1 - P, -1 - P, {}),
    "generalized_cross_entropy": ((1 - P**0.7) / 0.7, -(P**0.7), {}),
    "symmetric_cross_entropy": (0.1 * LOG + 4 * (1 - P), -0.1 - 4 * P, {}),
}


@pytest.mark.parametrize("function", MASKED)
@pytest.mark.parametrize("dense", [False, True])
def test_masked_classes(function, dense):
    value, by_log_p, options = MASKED[function]
    sign = by_log_p * (1 - P)
    if function == "focal_loss":  # d/dlog p of -(1 - p)^2 log p
        sign = (-((1 - P) ** 2) + 2 * (1 - P) * P * -LOG) * (1 - P)
    target = [[1.0, 0.0, 0.0]] if dense else [0]
    check(function, [[1.0, -INF, 0.5]], target, value, [[sign, 0.0, -sign]], **options)


@pytest.mark.parametrize("function", ["balanced_softmax_loss", "logit_adjusted_loss", "ldam_loss"])
def test_classes_without_samples(function):
    x = torch.tensor([[1.0, 2.0, 0.5]], requires_grad=True)
    counts, options = torch.tensor([1.0, 0.0, 1.0]), {"scale": 1.0, "max_margin": 0.0} if function == "ldam_loss" else {}
    value = getattr(F, function)(x, torch.tensor([0]), counts, **options)
    (gradient,) = torch.autograd.grad(value, x, create_graph=True)
    (second,) = torch.autograd.grad(gradient[0, 0], x)
    assert value.isfinite() and gradient.isfinite().all() and second.isfinite().all()


@pytest.mark.parametrize("function", ["cross_entropy", "poly_1_loss", "symmetric_cross_entropy", "focal_loss"])
def test_the_derivative_with_respect_to_a_target_of_zero(function):
    """-log p of that class, not 0; infinite where p is 0."""
    x = torch.tensor([[1.0, -INF, 0.5]], dtype=torch.float64)
    t = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(getattr(F, function)(x, t), t)
    log_p = x.log_softmax(1)[0, 2].item()
    p = math.exp(log_p)
    expected = {
        "cross_entropy": -log_p,
        "poly_1_loss": -log_p + 1 - p,
        "symmetric_cross_entropy": -0.1 * log_p + 4 * (1 - p),
        "focal_loss": -((1 - p) ** 2) * log_p,
    }[function]
    assert gradient[0, 1] == INF
    assert gradient[0, 2].item() == pytest.approx(expected, rel=1e-13)


def test_curvature_at_the_target():
    """Smooth losses have their second derivative at an error of 0 too."""
    for function, options, expected in (
        ("huber_loss", {}, 1.0),
        ("smooth_l1_loss", {"beta": 2.0}, 0.5),
        ("charbonnier_loss", {"eps": 0.5}, 2.0),
        ("log_cosh_loss", {}, 1.0),
        ("asymmetric_loss", {"gamma_pos": 1.0}, 0.375),
    ):
        x = torch.zeros(1, dtype=torch.float64)
        target = torch.ones(1, dtype=torch.float64) if function == "asymmetric_loss" else x
        *_, second = gradients(function, x, target, **options)
        assert second.item() == pytest.approx(expected, rel=1e-14), function


def test_rates_of_zero():
    check("poisson_nll_loss", [0.0], [0.0], 0.0, [1.0], log_input=False, eps=0.0)
    check("poisson_nll_loss", [-INF], [0.0], 0.0, [0.0])
    assert math.isnan(perdita.functional.poisson_nll_loss(np.array([-1.0]), np.array([0.0]), log_input=False))


@pytest.mark.parametrize("dtype", DTYPES)
def test_probabilities_of_exactly_0_and_1(dtype):
    x = torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=getattr(torch, dtype))
    t = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=x.dtype)
    value, once, recorded, second = gradients("binary_cross_entropy", x[:2], t[:2])
    assert value == 0 and (once == 0).all() and (recorded == 0).all() and second.isfinite().all()
    assert F.binary_cross_entropy(x, t, reduction="none").tolist() == [0, 0, 100, 100]
    assert F.kl_div(torch.tensor([-INF, 0.0]), torch.tensor([0.0, 1.0]), reduction="sum") == 0
    assert F.nll_loss(torch.tensor([[0.0, -INF]]), torch.tensor([0])) == 0
    assert F.nll_loss(torch.tensor([[0.0, -INF]]), torch.tensor([1])) == INF


@pytest.mark.parametrize(
    ("function", "option"),
    [
        ("focal_loss", "gamma"),
        ("binary_focal_loss", "gamma"),
        ("poly_1_loss", "eps"),
        ("symmetric_cross_entropy", "beta"),
        ("tversky_loss", "alpha"),
        ("focal_tversky_loss", "gamma"),
        ("dice_loss", "smooth"),
        ("gaussian_nll_loss", "eps"),
    ],
)
def test_infinite_parameters_are_refused(function, option):
    x = np.full((2, 2), 0.5)
    operands = (x, x, x) if function == "gaussian_nll_loss" else (x, x)
    with pytest.raises(ValueError, match=rf"{option} is inf \(valid: .*finite\)"):
        getattr(perdita.functional, function)(*operands, **{option: INF})


@pytest.mark.parametrize("smoothing", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("logits", [[1.0, 2.0, 0.5], [-INF, -INF, -INF], [INF, 1.0, -INF]])
@pytest.mark.parametrize("function", ["cross_entropy", "focal_loss", "balanced_softmax_loss", "nll_loss"])
def test_no_labels_with_weight(function, logits, smoothing):
    """The mean of nothing is nan with gradient 0, also of a pass that records and whatever the logits are."""
    options = {} if function == "nll_loss" else {"label_smoothing": smoothing}
    if function == "balanced_softmax_loss":
        options["class_counts"] = [3, 2, 1]
    x = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    loss = getattr(F, function)(x, torch.tensor([0]), weight=weight, **options)
    for recorded in (False, True):
        (gradient,) = torch.autograd.grad(loss, x, create_graph=recorded, retain_graph=True)
        assert loss.isnan() and (gradient == 0).all(), (recorded, gradient)


def test_labels_without_weight_are_counted():
    """normalize_by="count" counts labels, and not those of a positive weight: 2 here, by hand."""
    x = torch.tensor([[0.0, 0.0], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([0.0, 3.0], dtype=torch.float64)
    loss = F.cross_entropy(x, torch.tensor([0, 1]), weight=weight, normalize_by="count")
    assert loss.item() == pytest.approx(1.5 * math.log(2), rel=1e-15)
    for recorded in (False, True):
        (gradient,) = torch.autograd.grad(loss, x, create_graph=recorded, retain_graph=True)
        torch.testing.assert_close(gradient, torch.tensor([[0.0, 0.0], [0.75, -0.75]], dtype=torch.float64))


@pytest.mark.parametrize("function", ["tweedie_loss", "poisson_nll_loss", "asymmetric_loss", "binary_focal_loss"])
def test_target_that_is_broadcast(function):
    """The gradient with respect to it is the sum of those of a target written out."""
    x = torch.linspace(-2, 2, 6, dtype=torch.float64).reshape(2, 3)
    for value in (0.0, 1.0):
        small = torch.full((3,), value, dtype=torch.float64, requires_grad=True)
        whole = torch.full((2, 3), value, dtype=torch.float64, requires_grad=True)
        (got,) = torch.autograd.grad(getattr(F, function)(x, small, reduction="sum"), small)
        (right,) = torch.autograd.grad(getattr(F, function)(x, whole, reduction="sum"), whole)
        torch.testing.assert_close(got, right.sum(0), rtol=1e-14, atol=1e-14)
        assert got.isfinite().all()


@pytest.mark.parametrize("layout", ["dense", "strided"])
@pytest.mark.parametrize("with_target", [False, True])
def test_no_amount_at_a_vanishing_mean(layout, with_target):
    """tweedie of a target of 0: exp(-y / 2) overflows, and its share of 0 adds nothing; d/dy = exp(y / 2) / 1 -> 0."""
    x = torch.tensor([-9984.0, 0.0, -INF], requires_grad=True)
    given = x if layout == "dense" else torch.stack([x, x], -1)[..., 0]
    target = torch.zeros(3, requires_grad=with_target)
    loss = F.tweedie_loss(given, target, reduction="none")
    assert loss.tolist() == [0.0, 2.0, 0.0]
    for recorded in (False, True):
        (gradient,) = torch.autograd.grad(loss.sum(), x, create_graph=recorded, retain_graph=True)
        assert gradient.tolist() == [0.0, 1.0, 0.0], recorded


def test_gaussian_nll_of_a_square_that_overflows():
    """r^2 / v of r = v = 1e30 is 1e30: by hand, (log v + r^2 / v) / 2 and its derivatives r / v and (1/v - (r/v)^2) / 2."""
    x, var = (torch.tensor([1e30], requires_grad=True) for _ in range(2))
    loss = F.gaussian_nll_loss(x, torch.zeros(1), var)
    gradients = torch.autograd.grad(loss, (x, var))
    assert loss.item() == pytest.approx(5e29, rel=1e-6)
    assert [g.item() for g in gradients] == pytest.approx([1.0, -0.5], rel=1e-6)


@pytest.mark.parametrize("var", [1.0, 0.5])
def test_gradient_of_a_variance_at_or_below_eps(var):
    """It passes the clamp, as torch's: (1 / v - (r / v)^2) / 2 at v = eps = 1, which is -1.5 for r = 2."""
    given = torch.tensor([var], dtype=torch.float64, requires_grad=True)
    x, zero = torch.tensor([2.0], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for functional in (F, torch.nn.functional):
        (gradient,) = torch.autograd.grad(functional.gaussian_nll_loss(x, zero, given, eps=1.0), given)
        assert gradient.item() == -1.5
