"""Every loss on a device whose memory the host cannot read: the CPU's results, and nothing that waits for the device,
moves an operand, or computes in float64."""

import pytest
import torch

import perdita.torch.functional as F
from loss_cases import LINEAR, LOSSES, cases, function_name, reductions_of
from pretend_device import PretendTensor, faults, to_device

torch_losses = [loss for loss in LOSSES if loss not in LINEAR]


def results(case, tensors, reduction):
    """The losses, and the gradients with respect to all real operands."""
    function = getattr(F, function_name(case.loss))
    losses = function(**tensors, **case.variant.options, reduction=reduction)
    leaves = [t for t in tensors.values() if t is not None and t.requires_grad]
    return losses, torch.autograd.grad(losses.sum(), leaves, allow_unused=True)


def requiring_grad(tensors):
    return {name: t.requires_grad_() if t is not None and t.is_floating_point() else t for name, t in tensors.items()}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("loss", torch_losses, ids=str)
def test_as_on_the_cpu(loss):
    for case in cases([loss]):
        on_cpu = requiring_grad(case.tensors(torch.float32))
        for reduction in reductions_of(loss):
            expected, expected_gradients = results(case, on_cpu, reduction)
            on_device = {name: to_device(t) for name, t in on_cpu.items()}
            with faults() as found:
                losses, gradients = results(case, on_device, reduction)
            assert type(losses) is PretendTensor
            assert not found, f"{case} {reduction}"
            torch.testing.assert_close(losses.inner, expected, rtol=2e-5, atol=1e-6, equal_nan=True)
            for gradient, wanted in zip(gradients, expected_gradients, strict=True):
                gradient = None if gradient is None else gradient.inner
                if wanted is None or gradient is None:
                    assert (gradient is None or not gradient.any()) and (wanted is None or not wanted.any())
                    continue
                torch.testing.assert_close(gradient, wanted, rtol=2e-5, atol=1e-6, equal_nan=True)


def test_extras_stay_on_the_device():
    logits, labels = to_device(torch.randn(5, 4)), to_device(torch.tensor([0, 1, -100, 3, 2]))
    with faults() as found:
        loss, extras = F.focal_loss(logits, labels, return_extras=True)
    assert not found
    assert all(type(each) is PretendTensor for each in (loss, *extras))
    assert extras.denominator.inner == 4
    assert extras.hits.inner.sum() <= 4 and extras.margins.inner.isnan().sum() == 1


def test_operands_on_two_devices_are_an_error():
    with pytest.raises(RuntimeError, match="same device"):
        F.log_cosh_loss(to_device(torch.randn(3)), torch.randn(3))


def test_a_label_that_is_no_class_is_an_error():
    with pytest.raises(RuntimeError):
        F.focal_loss(to_device(torch.randn(2, 3)), to_device(torch.tensor([0, 3])))
