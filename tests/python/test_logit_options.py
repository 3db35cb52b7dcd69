"""cross_entropy with z_loss and softcap: kernels, composed form, modules, text, sharded classes, and what refuses them."""

import math

import numpy as np
import pytest
import torch

import perdita
import perdita.torch.functional as F
from perdita.errors import DomainError
from perdita.torch._composed import composed_loss

OPTIONS = [{"z_loss": 0.125}, {"softcap": 3.0}, {"z_loss": 1e-4, "softcap": 30.0}, {"z_loss": 2.0, "softcap": 0.5}]


def expected(logits, target, z_loss=0.0, softcap=None, **options):
    """By torch's operators."""
    z = logits if softcap is None else softcap * torch.tanh(logits / softcap)
    losses = torch.nn.functional.cross_entropy(z, target, reduction="none", **options)
    of_sums = z_loss * torch.logsumexp(z, 1) ** 2
    if target.is_floating_point():
        return losses + of_sums
    return torch.where(target == -100, 0.0, losses + of_sums)


def batch(shape, seed=0):
    """Logits, and labels of which the first is ignored."""
    numbers = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(shape, generator=numbers, dtype=torch.float64)
    labels = torch.randint(shape[1], (shape[0], *shape[2:]), generator=numbers)
    labels.view(-1)[0] = -100
    return logits.requires_grad_(), labels


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(6, 5), (5, 200), (2, 4, 3)], ids=str)
@pytest.mark.parametrize("more", [{}, {"label_smoothing": 0.1}], ids=str)
def test_losses_and_gradients_are_those_of_the_formula(options, shape, more):
    logits, labels = batch(shape)
    weight = torch.rand(shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for target in (labels, torch.softmax(logits.detach().roll(1, 0), 1)):
        ours = F.cross_entropy(logits, target, weight, reduction="none", **options, **more)
        theirs = expected(logits, target, **options, weight=weight, **more)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)
        upstream = torch.rand(ours.shape, dtype=torch.float64)
        for ours_, theirs_ in zip(
            torch.autograd.grad(ours, logits, upstream, create_graph=True),
            torch.autograd.grad(theirs, logits, upstream, create_graph=True),
            strict=True,
        ):
            torch.testing.assert_close(ours_, theirs_, rtol=1e-11, atol=1e-12)
            second = (torch.autograd.grad(x.sin().sum(), logits)[0] for x in (ours_, theirs_))
            torch.testing.assert_close(*second, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_mean_divides_by_the_weights_of_the_labels(options):
    logits, labels = batch((6, 5))
    weight = torch.tensor([0.5, 1.0, 2.0, 0.0, 1.5], dtype=torch.float64)
    losses = expected(logits, labels, **options, weight=weight)
    used = labels != -100
    divisor = weight[labels[used]].sum()
    torch.testing.assert_close(F.cross_entropy(logits, labels, weight, **options), losses.sum() / divisor)
    by_count = F.cross_entropy(logits, labels, weight, normalize_by="count", **options)
    torch.testing.assert_close(by_count, losses.sum() / used.sum())


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_composed_form_and_its_transforms_agree(options):
    logits, labels = batch((6, 5))
    text = ",".join(f"{name}={value!r}" for name, value in options.items())
    for extras in (False, True):
        ours = F.cross_entropy(logits, labels, return_extras=extras, **options)
        composed = composed_loss("cross_entropy", (logits, labels, None), "mean", None, extras, text)
        for a, b in zip(ours[1], composed[1], strict=True) if extras else [(ours, composed)]:
            a, b = (torch.as_tensor(x, dtype=torch.float64) for x in (a, b))
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13, equal_nan=True)

    def loss(z, t):
        return F.cross_entropy(z.unsqueeze(0), t.unsqueeze(0), **options)

    z, t = logits.detach()[1:], labels[1:]
    losses = torch.func.vmap(loss)(z, t)
    torch.testing.assert_close(losses, expected(z, t, **options), rtol=1e-12, atol=1e-13)
    tangent = torch.ones_like(z)
    _, moved = torch.func.jvp(lambda x: F.cross_entropy(x, t, **options), (z,), (tangent,))
    (gradient,) = torch.autograd.grad(F.cross_entropy(leaf := z.clone().requires_grad_(), t, **options), leaf)
    torch.testing.assert_close(moved, gradient.sum(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_narrow_types_and_autocast(dtype):
    logits, labels = batch((64, 50))
    narrow = logits.detach().to(dtype).requires_grad_()
    options = {"z_loss": 1e-2, "softcap": 5.0}
    loss = F.cross_entropy(narrow, labels, **options)
    wide = narrow.detach().double().requires_grad_()
    truth = expected(wide, labels, **options).sum() / (labels != -100).sum()
    assert loss.dtype == dtype
    tolerance = {torch.float32: 1e-6, torch.bfloat16: 8e-3, torch.float16: 1e-3}[dtype]
    torch.testing.assert_close(loss.double(), truth, rtol=tolerance, atol=0)
    loss.backward()
    truth.backward()
    torch.testing.assert_close(narrow.grad.double(), wide.grad, rtol=2 * tolerance, atol=1e-4 * tolerance)


def test_modules_text_and_numpy():
    logits, labels = batch((6, 5))
    options = {"z_loss": 0.1, "softcap": 2.0}
    truth = F.cross_entropy(logits, labels, **options)
    module = perdita.torch.nn.CrossEntropyLoss(**options)
    assert module(logits, labels) == truth
    assert "z_loss=0.1, softcap=2.0" in repr(module)
    array = logits.detach().numpy()
    assert perdita.functional.cross_entropy(array, labels.numpy(), **options) == truth.item()
    assert perdita.nn.CrossEntropyLoss(**options)(array, labels.numpy()) == truth.item()
    total = perdita.torch.nn.Sum("0.5*cross_entropy:z_loss=0.1,softcap=2 + 0.5*cross_entropy")
    torch.testing.assert_close(total(logits, labels), (truth + F.cross_entropy(logits, labels)) / 2)
    value, gradient = perdita.value_and_grad("cross_entropy:z_loss=0.1,softcap=2")(array, labels.numpy())
    assert value == truth.item()
    np.testing.assert_allclose(gradient, torch.autograd.grad(truth, logits)[0].numpy(), rtol=1e-12, atol=1e-14)


def test_infinite_softcap_is_none():
    logits, labels = batch((6, 5))
    assert F.cross_entropy(logits, labels, softcap=math.inf) == F.cross_entropy(logits, labels)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_linear_cross_entropy(reduction):
    numbers = torch.Generator().manual_seed(3)
    x = torch.randn(7, 4, generator=numbers, dtype=torch.float64, requires_grad=True)
    w = torch.randn(5, 4, generator=numbers, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 4, -100, 2, 1, 1, 3])
    options = {"z_loss": 0.1, "softcap": 2.0, "reduction": reduction}
    ours = F.linear_cross_entropy(x, w, labels, chunk_rows=3, ignore_index=-100, **options)
    theirs = F.cross_entropy(x @ w.T, labels, **options)
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-14)
    for a, b in zip(torch.autograd.grad(ours.sum(), (x, w)), torch.autograd.grad(theirs.sum(), (x, w)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)
    arrays = x.detach().numpy(), w.detach().numpy(), labels.numpy()
    found = perdita.functional.linear_cross_entropy(*arrays, chunk_rows=3, ignore_index=-100, **options)
    np.testing.assert_allclose(found, ours.detach().numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    "options", [{"z_loss": -1.0}, {"z_loss": math.nan}, {"softcap": 0.0}, {"softcap": -2.0}], ids=str
)
def test_values_that_are_not_valid(options):
    logits, labels = batch((6, 5))
    (name,) = options
    for call in (
        lambda: F.cross_entropy(logits, labels, **options),
        lambda: perdita.functional.cross_entropy(logits.detach().numpy(), labels.numpy(), **options),
        lambda: perdita.torch.nn.CrossEntropyLoss(**options),
        lambda: F.linear_cross_entropy(logits, logits, labels, ignore_index=-100, **options),
    ):
        with pytest.raises(DomainError, match=f"cross_entropy: {name} is"):
            call()


def test_boosters_refuse_them():
    labels = np.array([0, 1, 2, 1])
    scores = np.zeros((4, 3))
    for loss, message in (("cross_entropy:z_loss=0.1", "z_loss is 0.1"), ("cross_entropy:softcap=2", "softcap is 2")):
        with pytest.raises(DomainError, match=message):
            perdita.grad_and_hess(loss)(scores, labels)
        with pytest.raises(DomainError, match=message):
            perdita.minimize_constant(loss, labels)
