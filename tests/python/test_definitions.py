"""Losses that torch.nn.functional lacks, beside their papers' definitions written plainly in torch: value and gradient."""

import numpy as np
import pytest
import torch

import perdita.functional
import perdita.torch.functional as F


def softmax_of_true_class(z, t):
    return torch.softmax(z, 1).gather(1, t[:, None])[:, 0]


def asymmetric(y, t):
    """Ridnik et al. 2021, equations 4 to 7, with gamma+ = 1, gamma- = 3 and m = 0.1."""
    p = torch.sigmoid(y)
    shifted = (p - 0.1).clamp(min=0)
    return -(t * (1 - p) * p.log() + (1 - t) * shifted**3 * (1 - shifted).log()).mean()


def tweedie(y, t):
    """Half the deviance of scikit-learn's guide (p = 1.3), less the term of the target alone."""
    p, mean = 1.3, y.exp()
    return (-t * mean ** (1 - p) / (1 - p) + mean ** (2 - p) / (2 - p)).mean()


PAIRS = {
    "charbonnier_loss": ({"eps": 0.01}, "normal", lambda y, t: ((y - t) ** 2 + 1e-4).sqrt().mean()),
    "quantile_loss": ({"q": 0.8}, "normal", lambda y, t: torch.maximum(0.8 * (t - y), -0.2 * (t - y)).mean()),
    "tweedie_loss": ({"power": 1.3}, "counts", tweedie),
    "gamma_nll_loss": ({}, "positive", lambda y, t: -torch.distributions.Gamma(1.0, (-y).exp()).log_prob(t).mean()),
    "asymmetric_loss": ({"gamma_pos": 1, "gamma_neg": 3, "clip": 0.1}, "labels", asymmetric),
}
CLASSES = {
    "poly_1_loss": (
        {"eps": 2.0},
        lambda z, t: torch.nn.functional.cross_entropy(z, t) + 2 * (1 - softmax_of_true_class(z, t)).mean(),
    ),
    "generalized_cross_entropy": ({"q": 0.5}, lambda z, t: ((1 - softmax_of_true_class(z, t) ** 0.5) / 0.5).mean()),
    "symmetric_cross_entropy": (
        {"alpha": 0.3, "beta": 0.7},
        # Equation 6 as it stands: log of the one-hot label, its zeros taken for A = -4.
        lambda z, t: (
            0.3 * torch.nn.functional.cross_entropy(z, t)
            - 0.7 * (torch.softmax(z, 1) * (4.0 * torch.nn.functional.one_hot(t, z.shape[1]) - 4)).sum(1).mean()
        ),
    ),
}


def targets(kind, shape, generator):
    t = torch.randn(shape, generator=generator, dtype=torch.float64)
    return {"normal": t, "counts": (t * 2).round().abs(), "positive": t.exp(), "labels": (t > 0).double()}[kind]


def check(function, operands, options, definition):
    expected = definition(*operands)
    (expected_gradient,) = torch.autograd.grad(expected, operands[0])
    loss = getattr(F, function)(*operands, **options)
    (gradient,) = torch.autograd.grad(loss, operands[0])
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-11, atol=1e-13)
    of_numpy = getattr(perdita.functional, function)(*(x.detach().numpy() for x in operands), **options)
    assert of_numpy == loss.item()


@pytest.mark.parametrize("function", PAIRS)
def test_pairs(function):
    options, kind, definition = PAIRS[function]
    generator = torch.Generator().manual_seed(7)
    y = torch.randn(64, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    check(function, (y, targets(kind, (64, 3), generator)), options, definition)
    assert torch.autograd.gradcheck(
        lambda y: getattr(F, function)(y, torch.ones(5, dtype=y.dtype), **options), y[:5, 0]
    )


@pytest.mark.parametrize("function", CLASSES)
def test_classes(function):
    options, definition = CLASSES[function]
    generator = torch.Generator().manual_seed(8)
    z = torch.randn(64, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    check(function, (z, torch.randint(0, 6, (64,), generator=generator)), options, definition)


def test_several_quantiles_at_once():
    """A column of predictions a quantile: a loss each."""
    y, t = np.random.default_rng(1).normal(size=(2, 50, 1))
    for q in (0.1, 0.5, 0.9):
        expected = np.mean(np.maximum(q * (t - y), (q - 1) * (t - y)))
        np.testing.assert_allclose(perdita.functional.quantile_loss(y, t, q=q), expected, rtol=1e-13)
    with pytest.raises(ValueError, match=r"quantile_loss: q is 1"):
        perdita.functional.quantile_loss(y, t, q=1)
