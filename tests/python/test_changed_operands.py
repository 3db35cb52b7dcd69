"""Operands changed in place between forward and backward: the gradient of before, or torch's error."""

import pytest
import torch

import perdita.torch.functional as perdita_functional
from comparing import bound
from loss_cases import cases

FIRST = cases(variants=slice(1), shapes=slice(1))
IDS = [case.loss.name for case in FIRST]


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_an_operand_changed_before_backward(case, reduction):
    """A reduced loss has its gradient from the forward pass, and ignores the change. What is differentiated in backward,
    losses that are not reduced and linear_cross_entropy, raises torch's error."""
    x, loss = bound(case, case.tensors(), reduction=reduction)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(leaf).sum(), leaf)
    leaf = x.clone().requires_grad_()
    inner = leaf * 1
    value = loss(inner).sum()
    with torch.no_grad():
        inner.add_(1.0)
    if reduction == "none" or "linear" in case.loss.name:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            torch.autograd.grad(value, leaf)
    else:
        (found,) = torch.autograd.grad(value, leaf)
        assert torch.equal(found, expected)


@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_an_operand_changed_between_two_passes(case):
    x, loss = bound(case, case.tensors())
    leaf = x.clone().requires_grad_()
    inner = leaf * 1
    value = loss(inner)
    torch.autograd.grad(value, leaf, retain_graph=True)
    with torch.no_grad():
        inner.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(value, leaf)


def test_an_operand_changed_before_a_second_derivative():
    leaf = torch.arange(4.0).requires_grad_()
    inner, target = leaf * 1, torch.ones(4)
    value = perdita_functional.soft_margin_loss(inner, target)
    with torch.no_grad():
        inner.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(value, leaf, create_graph=True)
