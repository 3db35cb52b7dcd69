"""Values and gradients of losses that torch lacks, as other packages computed them in float64.

tests/data/loss_vectors.json has for each vector the loss as text, its operands, value and gradient, the source of the
formula, and the packages, with their versions, that give the same numbers. They have 14 digits.
"""

import json
import math
import pathlib

import numpy as np
import pytest
import torch

import perdita
import perdita.functional
import perdita.torch.functional
from perdita._catalogue import ENTRIES
from perdita.torch._composed import composed_loss

VECTORS = json.loads((pathlib.Path(__file__).parents[1] / "data" / "loss_vectors.json").read_text())


def number(text):
    """An option of the text form."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text


def call_of(vector):
    name, _, options = vector["loss"].partition(":")
    chosen = dict(option.split("=") for option in options.split(",") if option)
    function = name if name in ENTRIES else f"{name}_loss"
    return function, {key: number(text) for key, text in chosen.items()}


def array(numbers):
    """Numbers of the file, in which infinity is a text."""
    whole = np.array(numbers, dtype=object)
    is_integer = all(isinstance(x, int) for x in whole.flat)
    return whole.astype(np.int64 if is_integer else np.float64)


def reduced(vector):
    """The common options."""
    return {name: vector[name] for name in ("reduction", "normalize_by") if name in vector}


def operands_of(vector):
    return {name: array(numbers) for name, numbers in vector["operands"].items()}


def assert_near(found, expected, what):
    expected = np.asarray(expected, dtype=np.float64)
    found = np.asarray(found, dtype=np.float64)
    assert found.shape == expected.shape, what
    np.testing.assert_allclose(found, expected, rtol=2e-12, atol=1e-14 * np.abs(expected).max(), err_msg=what)


@pytest.fixture(params=VECTORS, ids=lambda vector: vector["id"])
def vector(request):
    return request.param


def test_numpy(vector):
    function, options = call_of(vector)
    loss = getattr(perdita.functional, function)
    value = loss(**operands_of(vector), **options, **reduced(vector))
    assert_near(value, vector["value"], vector["id"])


def torch_operands(vector):
    operands = {name: torch.from_numpy(values) for name, values in operands_of(vector).items()}
    for name in vector.get("gradient", {}):
        operands[name].requires_grad_()
    return operands


def check_torch(vector, loss, operands):
    value = loss(operands)
    assert_near(value.detach(), vector["value"], vector["id"])
    expected = vector.get("gradient", {})
    if expected:
        gradients = torch.autograd.grad(value.sum(), [operands[name] for name in expected])
        for (name, right), gradient in zip(expected.items(), gradients, strict=True):
            assert_near(gradient, right, f"{vector['id']}: gradient of {name}")


def test_torch(vector):
    function, options = call_of(vector)
    loss = getattr(perdita.torch.functional, function)
    check_torch(vector, lambda x: loss(**x, **options, **reduced(vector)), torch_operands(vector))


def test_torch_by_operators(vector):
    function, _ = call_of(vector)
    names = [operand["name"] for operand in ENTRIES[function]["operands"]]
    options = vector["loss"].partition(":")[2]

    def loss(operands):
        tensors = [operands.get(name) for name in names]
        return composed_loss(function, tensors, vector["reduction"], vector.get("normalize_by"), False, options)

    check_torch(vector, loss, torch_operands(vector))


def test_numpy_gradients(vector):
    function, options = call_of(vector)
    expected, operands = vector.get("gradient", {}), operands_of(vector)
    if not expected:
        pytest.skip("the vector has no gradients")
    names = [o["name"] for o in ENTRIES[function]["operands"] if o["role"] != "weight"]
    wanted = [i for i, name in enumerate(names) if name in expected]
    common = reduced(vector) | ({"reduction": "sum"} if vector["reduction"] == "none" else {})
    more = {name: operands[name] for name in operands if name == "weight"}
    differentiated = perdita.value_and_grad(getattr(perdita.functional, function), argnums=tuple(wanted))
    value, gradients = differentiated(*(operands[name] for name in names), **more, **options, **common)
    assert math.isclose(value, float(np.sum(vector["value"])), rel_tol=1e-12)
    for i, gradient in zip(wanted, gradients, strict=True):
        assert_near(gradient, expected[names[i]], f"{vector['id']}: gradient of {names[i]}")
