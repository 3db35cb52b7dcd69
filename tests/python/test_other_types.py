"""Integers, complex numbers and other tensors that the core does not compute: torch's own result, where it has one; else
an exception that an except clause for torch's class catches. Nothing is silently converted but labels and targets."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as torch_functional

import perdita.functional as numpy_functional
import perdita.torch.functional as perdita_functional
from loss_cases import cases, function_name

TYPES = [torch.int64, torch.int32, torch.int16, torch.uint8, torch.bool, torch.complex64, torch.complex128]
CASES = [case for case in cases(variants=slice(1), shapes=slice(1)) if "distance_function" not in case.variant.options]


def of_type(tensor, dtype):
    """Zeros and ones, as labels are, or complex numbers with an imaginary part."""
    if dtype.is_complex:
        return torch.complex(tensor.double(), tensor.double().flip(0) / 2).to(dtype)
    return (3 * tensor.double()).round().abs().clamp(max=1).to(dtype)


def changed(case, dtype, which):
    """The operands, those that hold real numbers now of this type: the first, the others, or all."""
    tensors = case.tensors()
    real = [name for name, tensor in tensors.items() if tensor.is_floating_point()]
    names = {"first": real[:1], "others": real[1:], "all": real}[which]
    return {name: of_type(tensor, dtype) if name in names else tensor for name, tensor in tensors.items()}


GRID = list(itertools.product(CASES, TYPES, ("first", "others", "all"), ("none", "mean", "sum")))


@pytest.mark.parametrize(("case", "dtype", "which", "reduction"), GRID, ids=["-".join(map(str, g)) for g in GRID])
def test_torchs_result_or_its_refusal(case, dtype, which, reduction):
    name, tensors = function_name(case.loss), changed(case, dtype, which)
    if name == "margin_ranking_loss" and dtype == torch.uint8:
        return  # disagreements.py: unsigned_target
    options = {**case.variant.options, "reduction": reduction}
    try:
        expected = getattr(torch_functional, name)(**tensors, **options)
    except Exception as error:  # noqa: BLE001
        expected = error
    try:
        found = getattr(perdita_functional, name)(**tensors, **options)
    except Exception as error:  # noqa: BLE001
        assert isinstance(expected, Exception), f"torch gives {expected}: {error!r}"
        assert isinstance(error, (ValueError, TypeError)) and isinstance(error, type(expected)), (error, expected)
        assert str(error).startswith(f"{name}:"), error
        return
    if isinstance(expected, Exception):  # targets of integers are taken as what they are, where torch has no kernel
        assert not any(tensor.is_complex() for tensor in tensors.values()), f"torch raises {expected!r}"
        assert next(iter(tensors.values())).is_floating_point()
        real = {n: t.double() if case.tensors()[n].is_floating_point() else t for n, t in tensors.items()}
        expected = getattr(torch_functional, name)(**real, **options)
    torch.testing.assert_close(found, expected, equal_nan=True)


def test_gradients_of_complex_input():
    x = torch.tensor([1 + 2j, -0.5j, 3.0], requires_grad=True)
    target = torch.tensor([0.5j, 1.0, 2 + 1j])
    (expected,) = torch.autograd.grad(torch_functional.l1_loss(x, target), x)
    (found,) = torch.autograd.grad(perdita_functional.l1_loss(x, target), x)
    assert torch.equal(found, expected)


def test_under_compile():
    torch.compiler.reset()
    compiled = torch.compile(perdita_functional.l1_loss, fullgraph=True, backend="aot_eager")
    x = torch.tensor([1 + 2j, -0.5j, 3.0])
    assert torch.equal(compiled(x, x.flip(0)), torch_functional.l1_loss(x, x.flip(0)))
    x = torch.arange(4)
    assert torch.equal(compiled(x, x.flip(0), reduction="sum"), torch.tensor(8))


@pytest.mark.parametrize("options", [{"normalize_by": "count"}, {"return_extras": True}], ids=str)
def test_what_torch_does_not_have_is_refused(options):
    x = torch.arange(4)
    with pytest.raises((ValueError, TypeError), match="l1_loss"):
        perdita_functional.l1_loss(x, x, reduction="sum", **options)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.bool_, np.complex64])
def test_numpy_takes_real_numbers_only(dtype):
    with pytest.raises(TypeError, match=r"mse_loss: input.*\(valid: .*float32"):
        numpy_functional.mse_loss(np.ones(3, dtype), np.ones(3, np.float32))
