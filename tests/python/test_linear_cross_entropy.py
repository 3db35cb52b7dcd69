"""What linear_cross_entropy tells besides the loss is what cross_entropy tells of the stored logits."""

import numpy as np
import pytest
import torch

import perdita
import perdita.functional as numpy_functional
import perdita.torch.functional as torch_functional


def operands():
    generator = torch.Generator().manual_seed(7)
    input, weight = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((9, 6), (5, 6)))
    target = torch.randint(0, 5, (9,), generator=generator)
    target[2] = -100
    return input, weight, target


def expect_same(found, expected):
    assert found.numerator == pytest.approx(expected.numerator, rel=1e-12)
    assert found.denominator == expected.denominator
    for name in ("losses", "margins", "hits"):
        np.testing.assert_allclose(np.asarray(getattr(found, name)), np.asarray(getattr(expected, name)), rtol=1e-11)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("wants_gradient", [False, True])
def test_extras_of_torch(reduction, wants_gradient):
    input, weight, target = operands()
    input.requires_grad_(wants_gradient)
    loss, extras = torch_functional.linear_cross_entropy(
        input, weight, target, reduction=reduction, return_extras=True, chunk_rows=4
    )
    logits = input @ weight.T
    expected, expected_extras = torch_functional.cross_entropy(logits, target, reduction=reduction, return_extras=True)
    torch.testing.assert_close(loss, expected)
    expect_same(extras, expected_extras)
    if wants_gradient:
        torch.testing.assert_close(*(torch.autograd.grad(value.sum(), input)[0] for value in (loss, expected)))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_extras_of_numpy(reduction):
    input, weight, target = (tensor.numpy() for tensor in operands())
    call = dict(reduction=reduction, return_extras=True)
    loss, extras = numpy_functional.linear_cross_entropy(input, weight, target, chunk_rows=4, **call)
    expected, expected_extras = numpy_functional.cross_entropy(input @ weight.T, target, **call)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    expect_same(extras, expected_extras)
    if reduction != "none":
        differentiated = perdita.value_and_grad(numpy_functional.linear_cross_entropy)
        (value, of_gradient), _ = differentiated(input, weight, target, chunk_rows=4, **call)
        assert value == loss
        expect_same(of_gradient, expected_extras)


def test_extras_of_one_row():
    input, weight, target = operands()
    _, extras = torch_functional.linear_cross_entropy(input[0], weight, target[0], return_extras=True)
    _, expected = torch_functional.cross_entropy(weight @ input[0], target[0], return_extras=True)
    expect_same(extras, expected)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_extras_of_no_rows(reduction):
    input, weight, target = operands()
    call = dict(reduction=reduction, return_extras=True)
    loss, extras = torch_functional.linear_cross_entropy(input[:0], weight, target[:0], **call)
    expected, expected_extras = torch_functional.cross_entropy(input[:0] @ weight.T, target[:0], **call)
    torch.testing.assert_close(loss, expected, equal_nan=True)
    assert extras.denominator == expected_extras.denominator
    assert extras.losses.shape == extras.margins.shape == extras.hits.shape == (0,)
