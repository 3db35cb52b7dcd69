"""Types of results: of operands of several types, and under autocast."""

import itertools

import torch

from opinfo.categories import Category
from opinfo.traces import with_gradients

NARROW = (torch.bfloat16, torch.float16)
FLOATS = (*NARROW, torch.float32, torch.float64)


def _with_types(sample, first, others):
    """The operands with real numbers in two types; rounded to the narrowest, so that all types hold the same numbers."""
    tensors = []
    for i, tensor in enumerate(sample.tensors):
        if tensor.is_floating_point():
            tensor = tensor.to(torch.bfloat16).to(first if i == 0 else others)
        tensors.append(tensor)
    return tensors


def in_double(sample, function):
    """The same numbers in float64."""
    value, gradients = with_gradients(sample, function, _with_types(sample, torch.float64, torch.float64))
    return value, *gradients


def promotion(first, others):
    def run(sample, function):
        tensors = _with_types(sample, first, others)
        value, gradients = with_gradients(sample, function, tensors)
        return value, *gradients

    return run


def autocast(dtype, given):
    def run(sample, function):
        with torch.autocast("cpu", dtype=dtype):
            value, gradients = with_gradients(sample, function, _with_types(sample, *given))
        return value, *gradients

    return run


def _name(dtype):
    return str(dtype)[6:]


def _tolerance(*dtypes):
    """Torch computes narrow types step by step in them, as autocast does; Perdita rounds once."""
    return max({torch.bfloat16: 0.05, torch.float16: 0.01, torch.float32: 1e-4, torch.float64: 1e-9}[d] for d in dtypes)


def _promotions():
    for a, b in itertools.product(FLOATS, FLOATS):
        tolerance = _tolerance(a, b)
        name = f"types {_name(a)} and {_name(b)}"
        yield Category(
            name,
            promotion(a, b),
            None,
            in_double,
            tolerance,
            rtol=tolerance,
            atol=tolerance,
            selected=24,
            group="type promotion",
        )


def _autocasts():
    for dtype in NARROW:
        for a, b in ((torch.float32, torch.float32), (dtype, torch.float32), (dtype, dtype), (torch.float32, dtype)):
            yield Category(
                f"autocast to {_name(dtype)} of {_name(a)} and {_name(b)}",
                autocast(dtype, (a, b)),
                None,
                in_double,
                _tolerance(dtype),
                rtol=_tolerance(dtype),
                atol=_tolerance(dtype),
                selected=24,
                group=f"autocast to {_name(dtype)}",
            )


CATEGORIES = [*_promotions(), *_autocasts()]
