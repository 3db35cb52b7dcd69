"""The dtypes of results: torch's, of operands of one type and of several, and under autocast."""

import functools

import torch

from perdita._catalogue import ARGUMENTS, deciding

NARROW = (torch.float16, torch.bfloat16)

# Losses that torch composes of operators that autocast leaves in the type of their operands.
_NOT_CAST = ("gaussian_nll_loss", "multilabel_soft_margin_loss")


def is_narrow(tensor):
    return isinstance(tensor, torch.Tensor) and tensor.dtype in NARROW


def computing_dtype(dtype):
    """The dtype in which a loss of `dtype` is computed."""
    return torch.float32 if dtype in NARROW else dtype


def result_type(function, tensors):
    """The dtype of the loss of these operands; under autocast of narrow ones, that of float32."""
    # Those of class indices have weights that do not decide.
    has_classes = tensors[1] is not None and not tensors[1].is_floating_point()
    types = {
        name: tensor.dtype
        for name, tensor in zip(ARGUMENTS[function], tensors, strict=False)
        if tensor is not None and tensor.is_floating_point()
    }
    if torch.is_autocast_enabled("cpu") and not _keeps_types(function, types):
        types = {name: torch.float32 if dtype in NARROW else dtype for name, dtype in types.items()}
    names = [name for name in deciding(function) if name in types and not (has_classes and name == "weight")]
    return functools.reduce(torch.promote_types, [types[name] for name in names])


def _keeps_types(function, types):
    return function in _NOT_CAST or function in ("l1_loss", "mse_loss") and "weight" in types
