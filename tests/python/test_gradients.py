"""Gradients by finite differences, first and second, of every loss by every operand that may have one."""

import pytest
import torch

import perdita.torch.functional as perdita_functional
from loss_cases import CLASSES, LINEAR, SEQUENCES, Case, cases, function_name

# All operands of floating type are differentiable here, but ctc's, whose own is log_probs.
CASES = [case for case in cases(shapes=slice(1)) if not (case.loss in LINEAR and case.shape == (3, 5))]
REDUCTIONS = ("none", "mean", "sum")
# Kinks: a finite difference across one is neither side's derivative, so operands keep their distance (by the seed).
SEEDS = {"l1_loss": 1, "triplet_margin_loss": 3}


def leaves_and_call(case, reduction):
    tensors = case.tensors(seed=SEEDS.get(case.loss.name, 0))
    names = [name for name in tensors if tensors[name].is_floating_point() and name in case.loss.differentiable]
    options = {**case.variant.options, "reduction": reduction}

    def call(*leaves):
        return getattr(perdita_functional, function_name(case.loss))(
            **{**tensors, **dict(zip(names, leaves, strict=True))}, **options
        )

    return [tensors[name].requires_grad_() for name in names], call


GRID = [(case, reduction) for case in CASES for reduction in REDUCTIONS]


@pytest.mark.parametrize(("case", "reduction"), GRID, ids=[f"{case}-{reduction}" for case, reduction in GRID])
def test_first_derivatives(case, reduction):
    leaves, call = leaves_and_call(case, reduction)
    assert torch.autograd.gradcheck(call, leaves, eps=1e-6, atol=1e-6, rtol=1e-5)


TWICE = [(case, reduction) for case, reduction in GRID if case.loss not in SEQUENCES and reduction != "sum"]


@pytest.mark.parametrize(("case", "reduction"), TWICE, ids=[f"{case}-{reduction}" for case, reduction in TWICE])
def test_second_derivatives(case, reduction):
    """Also of multi_margin_loss and multilabel_margin_loss, which torch differentiates once only."""
    leaves, call = leaves_and_call(case, reduction)
    assert torch.autograd.gradgradcheck(call, leaves, eps=1e-6, atol=1e-5, rtol=1e-4, nondet_tol=0)


EXTRA = {  # operands by which torch gives no gradient, and Perdita does
    "binary_cross_entropy-weight": "weight",
    "binary_cross_entropy_with_logits-both": "pos_weight",
    "binary_cross_entropy_with_logits-weight": "weight",
    "soft_margin_loss-plain": "target",
    "cross_entropy-weight": "weight",
    "cross_entropy-smoothing_weight_ignore_index": "weight",
    "nll_loss-weight": "weight",
    "multi_margin_loss-weight": "weight",
}
EXTRAS = [case for case in CASES if f"{case.loss}-{case.variant.id}" in EXTRA]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", EXTRAS, ids=map(str, EXTRAS))
def test_gradients_that_torch_refuses(case, reduction):
    """Right, or an error that names the argument; never None or zeros without a word."""
    name = EXTRA[f"{case.loss}-{case.variant.id}"]
    tensors = case.tensors()
    options = {**case.variant.options, "reduction": reduction}

    def call(leaf):
        return getattr(perdita_functional, function_name(case.loss))(**{**tensors, name: leaf}, **options)

    leaf = tensors[name].requires_grad_()
    try:
        (gradient,) = torch.autograd.grad(call(leaf).sum(), leaf)
    except RuntimeError as error:
        assert name in str(error), error
        return
    assert gradient.shape == leaf.shape
    assert torch.autograd.gradcheck(call, [leaf], eps=1e-6, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("loss", [loss for loss in CLASSES if loss.once], ids=str)
def test_second_derivatives_that_torch_has_not(loss):
    case = Case(loss, loss.variants[-1], (4, 5))
    tensors = case.tensors()
    input = tensors.pop("input").requires_grad_()

    def of(functional):
        value = getattr(functional, loss.name)(input, **tensors, **case.variant.options)
        (gradient,) = torch.autograd.grad(value, input, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), input, allow_unused=True)

    with pytest.raises(RuntimeError, match="not implemented"):
        of(torch.nn.functional)
    (second,) = of(perdita_functional)
    assert second is None or second.isfinite().all()
