"""The RNN transducer: padding, derivatives of the gradient that clamp and fastemit change, infinite logits, errors."""

import numpy as np
import pytest
import torch

import perdita
import perdita.functional
import perdita.nn
import perdita.torch.functional as F
import perdita.torch.nn
from own_losses import CALLS
from perdita.errors import DomainError, LabelError, ShapeError
from perdita.torch._composed import composed_loss

OPERANDS, _ = CALLS["rnnt_loss"][0]  # the blank is the last class
CHANGED = {"clamp": 0.25, "fastemit": 0.3}


def operands(**changed):
    return {name: tensor.clone() for name, tensor in {**OPERANDS, **changed}.items()}


def by_operators(options="", reduction="none", **tensors):
    return composed_loss("rnnt_loss", list(operands(**tensors).values()), reduction, None, False, options)


def losses_and_gradient(function, logits):
    logits = logits.clone().requires_grad_()
    losses = function(logits)
    return losses.detach(), torch.autograd.grad(losses.sum(), logits)[0]


WAYS = {
    "kernel": lambda logits: F.rnnt_loss(**operands(logits=logits), reduction="none"),
    "operators": lambda logits: by_operators(logits=logits),
    "changed by operators": lambda logits: by_operators("clamp=0.25,fastemit=0.3", logits=logits),
}


@pytest.mark.parametrize("way", WAYS)
def test_padding_is_not_read(way):
    logits = OPERANDS["logits"].clone()
    is_used = torch.zeros_like(logits, dtype=torch.bool)
    for n, (frames, labels) in enumerate(zip(OPERANDS["logit_lengths"], OPERANDS["target_lengths"], strict=True)):
        is_used[n, :frames, : labels + 1] = True
    expected = losses_and_gradient(WAYS[way], logits)
    found = losses_and_gradient(WAYS[way], torch.where(is_used, logits, torch.nan))
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
    assert not expected[1][~is_used].any() and expected[1][is_used].all()
    unused = torch.where(torch.arange(2) < OPERANDS["target_lengths"].unsqueeze(1), OPERANDS["targets"], -7)
    found = F.rnnt_loss(**operands(targets=unused), reduction="none")
    torch.testing.assert_close(found, expected[0], rtol=1e-14, atol=0)


@pytest.mark.parametrize("options", ({}, CHANGED), ids=("plain", "changed"))
def test_second_derivatives(options):
    """Of the gradient, also where it is not the derivative of the loss."""

    def gradient(logits):
        losses = F.rnnt_loss(**{**operands(), "logits": logits}, **options, reduction="none")
        return torch.autograd.grad(losses, logits, torch.tensor([1.0, 2.0], dtype=torch.float64), create_graph=True)[0]

    assert torch.autograd.gradcheck(gradient, OPERANDS["logits"].clone().requires_grad_())


def test_transforms_of_the_changed_gradient():
    def loss(logits):
        return F.rnnt_loss(**{**operands(), "logits": logits}, **CHANGED, reduction="sum")

    x = OPERANDS["logits"].clone()
    _, expected = losses_and_gradient(loss, x)
    found = torch.func.vmap(torch.func.grad(loss))(torch.stack((x, x + 1.0)))
    torch.testing.assert_close(found, torch.stack((expected, expected)), rtol=1e-12, atol=1e-14)
    direction = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).reshape(x.shape)
    _, tangent = torch.func.jvp(loss, (x,), (direction,))
    torch.testing.assert_close(tangent, (expected * direction).sum(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("way", WAYS)
def test_infinite_logits(way):
    logits = OPERANDS["logits"].clone()
    logits[0, 0, 0, 2] = -torch.inf  # the first frame must emit the label
    losses, gradient = losses_and_gradient(WAYS[way], logits)
    assert torch.isfinite(losses).all() and torch.isfinite(gradient).all() and gradient[0, 0, 0, 2] == 0
    logits[0, 2, 1, 2] = -torch.inf  # no alignment is left
    losses, gradient = losses_and_gradient(WAYS[way], logits)
    assert losses[0] == torch.inf and torch.isfinite(losses[1])
    assert not gradient[0].any() and gradient[1].any()


def test_numpy_and_modules():
    arrays = {name: tensor.numpy() for name, tensor in operands().items()}
    expected, gradient = losses_and_gradient(lambda x: F.rnnt_loss(**operands(logits=x), **CHANGED), OPERANDS["logits"])
    value, found = perdita.value_and_grad(perdita.functional.rnnt_loss)(*arrays.values(), **CHANGED)
    assert value == expected.item()
    np.testing.assert_array_equal(found, gradient)
    assert perdita.nn.RNNTLoss(**CHANGED)(**arrays) == value
    assert perdita.torch.nn.RNNTLoss(**CHANGED)(**operands()).item() == value
    one = {name: array[:1] for name, array in arrays.items()}
    assert perdita.functional.rnnt_loss(**one, reduction="none").shape == (1,)


def test_single_precision_and_narrow_types():
    expected = WAYS["kernel"](OPERANDS["logits"])
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.bfloat16, 2e-2), (torch.float16, 2e-3)):
        found = WAYS["kernel"](OPERANDS["logits"].to(dtype))
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)


ERRORS = {
    "blank": ({"targets": torch.tensor([[1, 0], [0, 2]])}, DomainError, r"2, which is the blank"),
    "label": ({"targets": torch.tensor([[1, 0], [3, 1]])}, LabelError, r"3, but .* has 3 classes \(valid: 0\.\.2\)"),
    "targets": (
        {"targets": torch.zeros(2, 3, dtype=torch.int64)},
        ShapeError,
        r"targets has shape \[2, 3\], but logits",
    ),
    "logits": (
        {"logits": torch.zeros(2, 3, 3)},
        ShapeError,
        r"logits has shape \[2, 3, 3\] \(valid: \[B, T, U \+ 1, V\]",
    ),
    "lengths": ({"logit_lengths": torch.tensor([3])}, ShapeError, r"logit_lengths has shape \[1\], but logits has 2"),
}


@pytest.mark.parametrize("what", ERRORS)
def test_errors(what):
    changed, error, message = ERRORS[what]
    with pytest.raises(error, match=message):
        F.rnnt_loss(**operands(**changed))
    with pytest.raises(error, match=message):
        by_operators(**changed)


@pytest.mark.parametrize("length", (0, 4, -1))
def test_lengths_out_of_range(length):
    with pytest.raises(ShapeError, match=rf"logit_lengths\[1\] is {length}, but logits has 3 frames \(valid: 1\.\.3\)"):
        F.rnnt_loss(**operands(logit_lengths=torch.tensor([3, length])))
