"""Propagation of shapes without elements: FakeTensor and the meta device."""

import torch
from torch._subclasses import FakeTensorMode

from opinfo.categories import Category, gradients_of, leaves_of
from opinfo.samples import of_wanted


def described(value):
    return f"{list(value.shape)} {value.dtype} {list(value.stride())}"


def _results(sample, function, convert):
    """The loss, and gradients of its sum."""
    loss, moved = of_wanted(sample, lambda *tensors: function(*map(convert, tensors)))
    leaves = leaves_of(moved)
    value = loss(*leaves)
    return [value, *(gradients_of(value.sum(), leaves) if leaves else ())]


def plain(sample, function):
    return [described(value) for value in _results(sample, function, lambda t: t)]


def fake(sample, function):
    with FakeTensorMode(allow_non_fake_inputs=False) as mode:
        converted = [mode.from_tensor(t) for t in sample.tensors]
        for place in sample.wanted:
            converted[place].requires_grad_()
        value = function(*converted)
        leaves = [converted[place] for place in sample.wanted]
        found = [value, *(gradients_of(value.sum(), leaves) if leaves else ())]
        assert all(isinstance(v, torch._subclasses.FakeTensor) and v.device.type == "cpu" for v in found), found
    return [described(value) for value in found]


def meta(sample, function):
    converted = [t.to("meta") for t in sample.tensors]
    leaves = [converted[place].requires_grad_() for place in sample.wanted]
    value = function(*converted)
    found = [value, *(gradients_of(value.sum(), leaves) if leaves else ())]
    assert all(v.is_meta for v in found), found
    return [described(value) for value in found]


CATEGORIES = [
    Category("FakeTensor", fake, plain),
    Category("meta tensors", meta, plain),
]
