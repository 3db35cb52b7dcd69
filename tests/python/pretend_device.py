"""A device without hardware: tensors whose elements only operators of torch reach.

A PretendTensor computes on a CPU tensor inside, by `__torch_dispatch__`, and notes what a real device would suffer from:
elements read by the host, and float64 where the operands are float32 (which Apple's devices do not have). Operands on
different devices are an error, as on a real device.
"""

import contextlib

import torch
from torch.utils._pytree import tree_leaves, tree_map_only

NAME = "pretend"
torch.utils.backend_registration._setup_privateuseone_for_python_backend(NAME)
DEVICE = torch.device(f"{NAME}:0")

_faults: list[str] = []
_MOVES = ("aten::copy_", "aten::_to_copy")


@contextlib.contextmanager
def faults():
    """The list of faults of the operators within the block."""
    _faults.clear()
    yield _faults


class PretendTensor(torch.Tensor):
    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner, requires_grad=False):
        tensor = torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), dtype=inner.dtype, device=DEVICE, requires_grad=requires_grad
        )
        tensor.inner = inner
        return tensor

    def __repr__(self, *, tensor_contents=None):
        return f"PretendTensor({self.inner})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _run(func, args, kwargs):
    name = func._schema.name
    if name in ("aten::_local_scalar_dense", "aten::item", "aten::equal", "aten::nonzero"):
        _faults.append(f"{name} waits for the device")
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    if name not in _MOVES and len({t.device for t in tensors if t.dim()}) > 1:
        raise RuntimeError(f"{name}: Expected all tensors to be on the same device")
    kwargs = dict(kwargs)
    leaves_device = kwargs.get("device") is not None and torch.device(kwargs["device"]).type == "cpu"
    if leaves_device and name in _MOVES:
        _faults.append(f"{name} moves a tensor to the CPU")
    if kwargs.get("device") is not None:
        kwargs["device"] = torch.device("cpu")
    args, kwargs = (tree_map_only(PretendTensor, lambda t: t.inner, each) for each in (args, kwargs))
    result = func(*args, **kwargs)
    has_double = any(t.dtype == torch.float64 for t in tensors)
    if not has_double and any(isinstance(t, torch.Tensor) and t.dtype == torch.float64 for t in tree_leaves(result)):
        _faults.append(f"{name} makes float64")
    return result if leaves_device else tree_map_only(torch.Tensor, PretendTensor, result)


def to_device(tensor):
    """A tensor's copy on the device, a leaf that requires gradients where the tensor does."""
    if tensor is None:
        return None
    return PretendTensor(tensor.detach().clone(), requires_grad=tensor.requires_grad)


def _empty(size, *, dtype=None, layout=None, device=None, pin_memory=None, memory_format=None):
    return PretendTensor(torch.empty(size, dtype=dtype))


def _empty_strided(size, stride, *, dtype=None, layout=None, device=None, pin_memory=None):
    return PretendTensor(torch.empty_strided(size, stride, dtype=dtype))


_library = torch.library.Library("aten", "IMPL")
_library.impl("empty.memory_format", _empty, "PrivateUse1")
_library.impl("empty_strided", _empty_strided, "PrivateUse1")
