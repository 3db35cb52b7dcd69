"""return_extras of every loss: what reduction='none' gives, and a numerator over a denominator that are the loss."""

import pytest
import torch
import torch.nn.functional as torch_functional

import perdita.torch.functional as perdita_functional
from loss_cases import cases, function_name, reductions_of

CASES = [case for case in cases(shapes=slice(1)) if "distance_function" not in case.variant.options]
GRID = [(case, reduction, leaf) for case in CASES for reduction in reductions_of(case.loss) for leaf in (False, True)]


@pytest.mark.parametrize(("case", "reduction", "leaf"), GRID, ids=["-".join(map(str, g)) for g in GRID])
def test_extras(case, reduction, leaf):
    tensors, name = case.tensors(), function_name(case.loss)
    call = {**tensors, **case.variant.options}
    losses = getattr(torch_functional, name)(**call, reduction="none")
    if leaf:  # by kernels or by recorded operators
        call |= {n: t.clone().requires_grad_() for n, t in tensors.items() if n in case.loss.differentiable}
    loss, extras = getattr(perdita_functional, name)(**call, reduction=reduction, return_extras=True)
    torch.testing.assert_close(extras.losses, losses, rtol=1e-12, atol=1e-14)
    assert not extras.losses.requires_grad
    if reduction == "none":
        assert extras.denominator == 1
        loss = losses.sum()
    quotient = torch.tensor(extras.numerator / extras.denominator, dtype=torch.float64)
    torch.testing.assert_close(quotient, loss.detach(), rtol=1e-12, atol=1e-14)
    if name == "cross_entropy" and not tensors["target"].is_floating_point():
        assert extras.margins.shape == extras.hits.shape == extras.losses.shape
