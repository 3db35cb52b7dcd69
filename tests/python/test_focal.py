"""Focal losses beside the published formulas, in plain torch: torchvision's sigmoid_focal_loss (Lin et al. 2017, eq.
5), the form that is pasted from the web, and the one of several classes with an alpha for each."""

import numpy as np
import pytest
import torch

import perdita
import perdita.nn
import perdita.torch.functional as F
import perdita.torch.nn as nn

GENERATOR = torch.Generator().manual_seed(3)
X = 4 * torch.randn(200, generator=GENERATOR, dtype=torch.float64)
T = torch.randint(0, 2, (200,), generator=GENERATOR).double()


def sigmoid_focal_loss(x, t, alpha, gamma):
    """As torchvision.ops.sigmoid_focal_loss defines it; alpha below 0: no weighting."""
    p, cross_entropy = torch.sigmoid(x), torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    loss = cross_entropy * (1 - p_t) ** gamma
    return loss * (alpha * t + (1 - alpha) * (1 - t)) if alpha >= 0 else loss


def pasted_focal_loss(x, t, alpha, gamma):
    """alpha (1 - exp(-b))^gamma b: one weight for all samples."""
    b = torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction="none")
    return alpha * (1 - torch.exp(-b)) ** gamma * b


def multi_class_focal_loss(x, y, alpha, gamma):
    """-alpha_y (1 - p_y)^gamma log p_y, averaged over the samples."""
    log_p = torch.log_softmax(x, 1)[torch.arange(len(y)), y]
    return (-alpha[y] * (1 - log_p.exp()) ** gamma * log_p).mean()


@pytest.mark.parametrize("alpha", [0.25, 0.9, 0, -1])
@pytest.mark.parametrize("gamma", [0, 1.5, 2])
def test_binary_is_torchvisions(alpha, gamma):
    x, x2 = X.clone().requires_grad_(), X.clone().requires_grad_()
    expected = sigmoid_focal_loss(x, T, alpha, gamma)
    losses = F.binary_focal_loss(x2, T, alpha, gamma, reduction="none")
    torch.testing.assert_close(losses, expected, rtol=1e-12, atol=1e-14)
    expected.sum().backward()
    losses.sum().backward()
    torch.testing.assert_close(x2.grad, x.grad, rtol=1e-10, atol=1e-12)
    means = [perdita.functional.binary_focal_loss(X.numpy(), T.numpy(), alpha, gamma), expected.mean().item()]
    np.testing.assert_allclose(*means, rtol=1e-12)
    sums = [nn.BinaryFocalLoss(alpha, gamma, reduction="sum")(X, T).item(), expected.sum().item()]
    np.testing.assert_allclose(*sums, rtol=1e-12)


def test_binary_as_it_is_pasted():
    losses = F.binary_focal_loss(X, T, 0.25, 2, "none", alpha_by_class=False)
    torch.testing.assert_close(losses, pasted_focal_loss(X, T, 0.25, 2), rtol=1e-10, atol=1e-14)
    assert not torch.allclose(losses, F.binary_focal_loss(X, T, 0.25, 2, "none"))
    torch.testing.assert_close(F.binary_focal_loss(X, T, None), sigmoid_focal_loss(X, T, -1, 2).mean())


@pytest.mark.parametrize("gamma", [0, 0.7, 2])
def test_several_classes_with_an_alpha_for_each(gamma):
    x = (2 * torch.randn(50, 4, generator=GENERATOR, dtype=torch.float64)).requires_grad_()
    y = torch.randint(0, 4, (50,), generator=GENERATOR)
    of_class = torch.tensor([0.1, 0.4, 0.2, 0.9], dtype=torch.float64)
    for alpha, expected_alpha in [(of_class, of_class), (0.25, torch.full((4,), 0.25)), (None, torch.ones(4))]:
        expected = multi_class_focal_loss(x, y, expected_alpha, gamma)
        (slope,) = torch.autograd.grad(expected, x)
        ours = F.focal_loss(x, y, gamma, alpha=alpha)
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=0)
        torch.testing.assert_close(torch.autograd.grad(ours, x)[0], slope, rtol=1e-9, atol=1e-14)
        given = alpha if alpha is None or isinstance(alpha, float) else alpha.tolist()
        in_numpy = perdita.functional.focal_loss(x.detach().numpy(), y.numpy(), gamma, alpha=given)
        np.testing.assert_allclose(in_numpy, expected.item(), rtol=1e-12)
        as_module = perdita.nn.FocalLoss(gamma, alpha=given)(x.detach().numpy(), y.numpy())
        assert as_module == in_numpy
        assert nn.FocalLoss(gamma, alpha=alpha)(x, y) == ours
    # Not the weighted mean, whose denominator is the weights' sum.
    assert not torch.allclose(F.focal_loss(x, y, gamma, weight=of_class), F.focal_loss(x, y, gamma, alpha=of_class))


def test_bad_alpha():
    x, y = np.zeros((3, 2)), np.zeros(3, int)
    for call, message in [
        (lambda: perdita.functional.focal_loss(x, y, weight=np.ones(2), alpha=0.3), "alpha and weight"),
        (lambda: perdita.functional.focal_loss(x, y, alpha="balanced"), "alpha is 'balanced'"),
        (lambda: perdita.functional.focal_loss(x, y, alpha=[1.0, 2, 3]), "weight has shape"),
        (lambda: perdita.functional.binary_focal_loss(x, x, alpha=1.5), "alpha"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            call()
