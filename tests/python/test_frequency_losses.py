"""Losses of class frequencies beside the definitions of their papers, written plainly in torch."""

import numpy as np
import pytest
import torch

import perdita.functional
import perdita.torch.functional as F
import perdita.torch.nn as nn

COUNTS = torch.tensor([5000.0, 400.0, 30.0, 2.0])


def balanced_softmax(z, t):
    return torch.nn.functional.cross_entropy(z + COUNTS.log(), t)


def logit_adjusted(z, t):
    return torch.nn.functional.cross_entropy(z + 1.5 * (COUNTS / COUNTS.sum()).log(), t)


def ldam(z, t):
    """Equations 10 and 13 of Cao et al. 2019: margins C / n^(1/4), C such that the largest is 0.5."""
    margins = COUNTS**-0.25
    margins = 0.5 * margins / margins.max()
    return torch.nn.functional.cross_entropy(30 * (z - margins[t][:, None] * torch.nn.functional.one_hot(t, 4)), t)


CASES = [
    ("balanced_softmax_loss", "BalancedSoftmaxLoss", {}, balanced_softmax),
    ("logit_adjusted_loss", "LogitAdjustedLoss", {"tau": 1.5}, logit_adjusted),
    ("ldam_loss", "LDAMLoss", {}, ldam),
]


@pytest.mark.parametrize("function, module, options, definition", CASES)
def test_values_and_gradients(function, module, options, definition):
    generator = torch.Generator().manual_seed(3)
    z = torch.randn(50, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    t = torch.randint(0, 4, (50,), generator=generator)
    expected = definition(z, t)
    (expected_gradient,) = torch.autograd.grad(expected, z)
    loss = getattr(F, function)(z, t, COUNTS, **options)
    (gradient,) = torch.autograd.grad(loss, z)
    torch.testing.assert_close(loss, expected, rtol=1e-7, atol=0)  # definition's margins and logarithms are float32
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-6, atol=1e-9)
    criterion = getattr(nn, module)(COUNTS, **options)
    assert criterion(z, t).item() == loss.item()
    assert "class_counts" in criterion.state_dict()
    of_numpy = getattr(perdita.functional, function)(z.detach().numpy(), t.numpy(), COUNTS.numpy(), **options)
    assert of_numpy == loss.item()


def test_weights_and_reductions():
    z, t, weight = torch.randn(9, 4), torch.arange(9) % 4, torch.tensor([1.0, 2.0, 3.0, 4.0])
    shifted = z + COUNTS.log()
    for reduction in ("none", "sum", "mean"):
        ours = F.balanced_softmax_loss(z, t, COUNTS, weight=weight, reduction=reduction, ignore_index=2)
        theirs = torch.nn.functional.cross_entropy(shifted, t, weight=weight, reduction=reduction, ignore_index=2)
        torch.testing.assert_close(ours, theirs)


def test_bad_counts():
    z, t = np.zeros((2, 3), np.float32), np.array([0, 1])
    with pytest.raises(ValueError, match=r"balanced_softmax_loss: class_counts has shape \[2\].*valid: \[3\]"):
        perdita.functional.balanced_softmax_loss(z, t, np.ones(2))
    with pytest.raises(ValueError, match=r"ldam_loss: class_counts\[1\] is -1"):
        perdita.functional.ldam_loss(z, t, np.array([1, -1, 1]))
    with pytest.raises(ValueError, match="class_counts is None"):
        perdita.functional.ldam_loss(z, t, None)
