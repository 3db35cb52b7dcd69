"""DTensors: every placement of the operands, on meshes of 1, 2 and 4 processes of gloo."""

import functools

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor

from opinfo.categories import Category, NotApplicable, gradients_of
from opinfo.traces import is_batch, with_gradients


@functools.lru_cache(maxsize=1)
def _mesh():
    return init_device_mesh("cpu", (torch.distributed.get_world_size(),))


def _distributed(tensor, placement):
    if isinstance(placement, Partial):
        local = tensor / _mesh().size() if tensor.is_floating_point() else tensor
        return DTensor.from_local(local, _mesh(), [placement], run_check=False)
    return distribute_tensor(tensor, _mesh(), [placement])


def _placements(sample, how):
    """The placement of each operand: that of the first, and what goes with it."""
    first = sample.tensors[0]
    if how == "partial":
        return [Partial() if i == 0 else Replicate() for i in range(len(sample.tensors))]
    if how == "replicated":
        return [Replicate()] * len(sample.tensors)
    dim = {"rows": 0, "columns": 1, "last": first.dim() - 1}[how]
    if dim >= first.dim() or how == "last" and dim < 2 or first.shape[dim] == 0:
        raise NotApplicable
    with_it = [
        Shard(dim) if i == 0 or t.shape == first.shape or dim == 0 and is_batch(sample, t, i) else Replicate()
        for i, t in enumerate(sample.tensors)
    ]
    return with_it


def placed(how):
    def run(sample, function):
        placements = _placements(sample, how)
        operands = [_distributed(t.detach(), p) for t, p in zip(sample.tensors, placements, strict=True)]
        leaves = [operands[place].requires_grad_() for place in sample.wanted]
        value = function(*operands)
        gradients = gradients_of(value.sum(), leaves) if leaves else ()
        return _whole(value), tuple(map(_whole, gradients))

    return run


def _whole(tensor):
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach()


def plain(sample, function):
    return with_gradients(sample, function, sample.tensors)


# Starting processes takes seconds: the selection has some placements on each mesh.
_SELECTED = {1: ("replicated",), 2: ("replicated", "rows", "columns", "last", "partial"), 4: ("rows", "partial")}

CATEGORIES = [
    Category(
        f"DTensor, {how}, {size} processes",
        placed(how),
        plain,
        is_slow=True,
        processes=size,
        selected=6 if how in _SELECTED[size] else 0,
        group=f"DTensor, {size} process{'es' * (size > 1)}",
    )
    for size in (1, 2, 4)
    for how in ("replicated", "rows", "columns", "last", "partial")
]
