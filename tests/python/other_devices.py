"""Every loss on a device whose memory the host cannot read: the CPU's results, and nothing that waits for the device,
moves an operand, or computes in float64."""

import pytest
import torch

import perdita.torch.functional as F
from loss_cases import LINEAR, LOSSES, function_name
from own_losses import CALLS
from pretend_device import PretendTensor, faults, to_device
from test_composed import described_calls, requiring_grad

NAMES = sorted({function_name(loss) for loss in LOSSES if loss not in LINEAR} | set(CALLS))


def results(name, operands, options):
    """The losses, and the gradients with respect to all operands that require them."""
    losses = getattr(F, name)(**operands, **options)
    leaves = [t for t in operands.values() if t is not None and t.requires_grad]
    return losses, torch.autograd.grad(losses.sum(), leaves, allow_unused=True)


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", NAMES)
def test_as_on_the_cpu(name):
    for what, given, options in described_calls(name, torch.float32):
        on_cpu = {k: requiring_grad(name, k, t) for k, t in given.items()}
        expected, expected_gradients = results(name, on_cpu, options)
        on_device = {k: to_device(t) for k, t in on_cpu.items()}
        if "groups" in given:  # which are read on the host, so that they stay there
            on_device["groups"] = given["groups"]
        with faults() as found:
            losses, gradients = results(name, on_device, options)
        assert type(losses) is PretendTensor
        assert not found, what
        torch.testing.assert_close(losses.inner, expected, rtol=2e-5, atol=1e-6, equal_nan=True)
        for gradient, wanted in zip(gradients, expected_gradients, strict=True):
            gradient = torch.zeros(()) if gradient is None else gradient.inner
            wanted = torch.zeros(()) if wanted is None else wanted
            # Errors of own_losses.py are relative to the largest gradient: a temperature of 0.07 magnifies rounding.
            scale = max(1.0, wanted.abs().max().item()) if name in CALLS and wanted.numel() else 1.0
            torch.testing.assert_close(
                *torch.broadcast_tensors(gradient, wanted), rtol=2e-5, atol=1e-6 * scale, equal_nan=True
            )


def test_extras_stay_on_the_device():
    logits, labels = to_device(torch.randn(5, 4)), to_device(torch.tensor([0, 1, -100, 3, 2]))
    with faults() as found:
        loss, extras = F.focal_loss(logits, labels, return_extras=True)
    assert not found
    assert all(type(each) is PretendTensor for each in (loss, *extras))
    assert extras.denominator.inner == 4
    assert extras.hits.inner.sum() <= 4 and extras.margins.inner.isnan().sum() == 1


def test_errors_are_those_of_the_loss():
    with pytest.raises(ValueError, match=r"focal_loss: target has shape \[3\], but input has \[2, 3\]"):
        F.focal_loss(torch.empty(2, 3, device="meta"), torch.empty(3, dtype=torch.int64, device="meta"))


def test_operands_on_two_devices_are_an_error():
    with pytest.raises(RuntimeError, match="same device"):
        F.log_cosh_loss(to_device(torch.randn(3)), torch.randn(3))


def test_a_label_that_is_no_class_is_an_error():
    with pytest.raises(RuntimeError):
        F.focal_loss(to_device(torch.randn(2, 3)), to_device(torch.tensor([0, 3])))
