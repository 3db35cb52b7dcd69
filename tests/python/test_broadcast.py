"""Operands of two shapes: a warning where torch warns, an error where torch refuses, never a silent outer product."""

import warnings

import numpy as np
import pytest
import torch

import perdita
import perdita.functional as numpy_functional
import perdita.torch.functional as torch_functional
import perdita.torch.nn as torch_nn
from perdita._catalogue import ENTRIES
from perdita.errors import ShapeError

COLUMN, ROW = torch.linspace(0.1, 0.9, 8).reshape(8, 1), torch.linspace(0.2, 0.8, 8)
REFUSED = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss")
# Of an input and a target; those of more operands say which shapes they broadcast, and refuse the others.
ELEMENTWISE = [
    name
    for name, entry in ENTRIES.items()
    if entry["unit"] == "element" and entry["operands"][0]["name"] == "input"
    if name == "gaussian_nll_loss" or sum(operand["role"] != "weight" for operand in entry["operands"]) == 2
]
SHAPES = [(COLUMN, ROW), (ROW, COLUMN), (COLUMN, torch.rand(8, 4)), (torch.rand(8, 4), COLUMN)]


def outcome(function, name, input, target):
    """(value or exception, warnings)"""
    operands = (input, target, torch.ones_like(input)) if name == "gaussian_nll_loss" else (input, target)
    if function is not torch.nn.functional and function is numpy_functional:
        operands = [operand.numpy() for operand in operands]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = getattr(function, name)(*operands)
        except (ValueError, RuntimeError) as error:
            value = error
    return value, caught


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("face", [numpy_functional, torch_functional])
@pytest.mark.parametrize(("input", "target"), SHAPES)
def test_never_without_a_word(name, face, input, target):
    value, caught = outcome(face, name, input, target)
    if isinstance(value, Exception):
        assert name in REFUSED and isinstance(value, ShapeError) and str(list(target.shape)) in str(value)
        return
    message = f"({list(target.shape)}) that is different to the input size ({list(input.shape)}) in {name}"
    assert [w.category for w in caught] == [UserWarning]
    assert message in str(caught[0].message)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if hasattr(torch.nn.functional, name)])
@pytest.mark.parametrize(("input", "target"), SHAPES)
def test_what_torch_does(name, input, target):
    expected, torch_warnings = outcome(torch.nn.functional, name, input, target)
    value, caught = outcome(torch_functional, name, input, target)
    assert isinstance(value, Exception) == isinstance(expected, Exception)
    if not isinstance(expected, Exception):
        torch.testing.assert_close(value, expected)
    if any(str(w.message).startswith("Using a target size") for w in torch_warnings):
        assert str(caught[0].message).startswith("Using a target size")


def test_equal_shapes_do_not_warn():
    for name in ELEMENTWISE:
        for face in (numpy_functional, torch_functional):
            value, caught = outcome(face, name, ROW, ROW)
            assert not caught and not isinstance(value, Exception), name


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch_nn.MSELoss()(COLUMN, ROW),
        lambda: torch_functional.mse_loss(COLUMN.clone().requires_grad_(), ROW),
        lambda: torch_functional.mse_loss(COLUMN, ROW, return_extras=True),
        lambda: perdita.value_and_grad(numpy_functional.mse_loss)(COLUMN.numpy(), ROW.numpy()),
        lambda: perdita.nn.MSELoss()(COLUMN.numpy(), ROW.numpy()),
        lambda: perdita.formula("(y - t)^2")(COLUMN, ROW),
        lambda: perdita.formula("(y - t)^2")(COLUMN.numpy(), ROW.numpy()),
    ],
)
def test_every_way_of_calling_warns_of_the_callers_line(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert [(w.category, w.filename) for w in caught] == [(UserWarning, __file__)]
    with warnings.catch_warnings(), pytest.raises(UserWarning, match="Using a target size"):
        warnings.simplefilter("error")
        call()


def test_compiled_losses_warn():
    compiled = torch.compile(lambda x, y: torch_functional.mse_loss(x, y), backend="eager")
    with pytest.warns(UserWarning, match="Using a target size"):
        value = compiled(COLUMN, ROW)
    assert value.item() == pytest.approx(float(np.square(COLUMN.numpy() - ROW.numpy()).mean()), rel=1e-6)
