"""Missing targets and smoothed labels of elements, compared with torch."""

import math

import pytest

import perdita
import perdita.functional as NF

torch = pytest.importorskip("torch")

import perdita.torch.functional as F  # noqa: E402
import perdita.torch.nn as nn  # noqa: E402

SEED = 20


def grad_of(loss, x):
    return torch.autograd.grad(loss, x)[0]


MISSING = (
    "mse_loss", "huber_loss", "charbonnier_loss", "quantile_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"
)  # fmt: skip


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_missing_targets_are_left_out(name, reduction):
    generator = torch.Generator().manual_seed(SEED)
    x, t = (torch.rand(40, generator=generator, dtype=torch.float64) for _ in range(2))
    gone = torch.rand(40, generator=generator) < 0.3
    assert 0 < gone.sum() < 40
    given, target = x.clone(), t.clone()
    given[gone], target[gone] = math.nan, math.nan
    given.requires_grad_()
    x = x[~gone].requires_grad_()
    function = getattr(F, name)
    wanted = function(x, t[~gone], reduction=reduction)
    found = function(given, target, reduction=reduction, missing="nan")
    torch.testing.assert_close(found, wanted)
    gradient = grad_of(found, given)
    assert (gradient[gone] == 0).all()
    torch.testing.assert_close(gradient[~gone], grad_of(wanted, x))
    composed = torch.func.grad(lambda g: function(g, target, reduction=reduction, missing="nan"))(given.detach())
    torch.testing.assert_close(composed, gradient)
    array = getattr(NF, name)(given.detach().numpy(), target.numpy(), reduction=reduction, missing="nan")
    assert array == pytest.approx(wanted.item(), rel=1e-12)


def test_missing_is_an_option_of_modules_and_refused_elsewhere():
    x, t = torch.ones(3), torch.tensor([0.0, math.nan, 0.0])
    assert nn.MSELoss(missing="nan")(x, t) == 1
    assert nn.Sum("mse:missing=nan + l1:missing=nan")(x, t) == 2
    with pytest.raises(perdita.errors.DomainError, match=r"missing is 'zero' \(valid: nan, none\)"):
        F.mse_loss(x, t, missing="zero")
    with pytest.raises(TypeError):
        F.cross_entropy(torch.ones(3, 2), torch.zeros(3, dtype=torch.int64), missing="nan")


def test_binary_labels_are_smoothed():
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(30, generator=generator, dtype=torch.float64, requires_grad=True)
    t = (torch.rand(30, generator=generator) < 0.5).double()
    smoothed = 0.9 * t + 0.05
    for found, wanted in [
        (
            F.binary_cross_entropy_with_logits(x, t, label_smoothing=0.1),
            torch.nn.functional.binary_cross_entropy_with_logits(x, smoothed),
        ),
        (
            F.binary_cross_entropy(x.sigmoid(), t, label_smoothing=0.1),
            torch.nn.functional.binary_cross_entropy(x.sigmoid(), smoothed),
        ),
        (F.binary_focal_loss(x, t, label_smoothing=0.1), F.binary_focal_loss(x, smoothed)),
    ]:
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(grad_of(found, x), grad_of(wanted, x))
    with pytest.raises(perdita.errors.DomainError, match="label_smoothing is 2"):
        F.binary_cross_entropy_with_logits(x, t, label_smoothing=2.0)
