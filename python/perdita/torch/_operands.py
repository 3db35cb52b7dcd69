"""Weights and counts of other libraries as tensors: perdita.data gives NumPy arrays."""

import numpy as np
import torch


def as_tensor(weight, input=None):
    """A weight as a tensor on the device of `input`, real numbers in its dtype (float32 for narrower ones; torch's default
    dtype without an input); a tensor unchanged. Other objects are returned unchanged; the loss raises the error."""
    if isinstance(weight, torch.Tensor) or not _is_array(weight):
        return weight
    try:
        tensor = torch.as_tensor(np.asarray(weight))
    except (TypeError, ValueError, RuntimeError):
        return weight
    if tensor.is_floating_point():
        dtype = torch.get_default_dtype() if input is None else getattr(input, "dtype", torch.float32)
        tensor = tensor.to(dtype if dtype == torch.float64 else torch.float32)
    return tensor.to(getattr(input, "device", "cpu"))


def _is_array(weight):
    if isinstance(weight, np.ma.MaskedArray):
        return not np.ma.is_masked(weight)
    return isinstance(weight, (list, tuple)) or hasattr(weight, "__array__")
