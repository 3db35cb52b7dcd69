"""torch.func.vmap over every choice of batched operands, as torch's own tests generate them."""

import itertools

import torch
from torch.func import grad, vmap

from opinfo.categories import Category, NotApplicable, gradients_of, leaves_of
from opinfo.samples import scalar

_SIZE = 3


def batches(sample):
    """(operands, in_dims): each operand batched or not, at the first or the last dimension."""
    for at in (0, -1):
        choices = [((t, None), (_batch_of(sample, t, at), at)) for t in sample.tensors]
        for choice in itertools.product(*choices):
            operands, in_dims = zip(*choice, strict=True)
            if any(dim is not None for dim in in_dims):
                yield operands, in_dims


def _batch_of(sample, tensor, dim):
    """Several of a tensor; numbers differ, labels are moved."""
    if tensor.is_floating_point():
        items = [tensor, 0.9 * tensor, 0.8 * tensor]
        if not ((tensor != tensor.round()).any() and sample.tensors[0] is tensor):  # targets may be 0 and 1, or signs
            items = [tensor] * _SIZE
    else:
        items = [tensor.roll(i, 0) if tensor.dim() and tensor.numel() else tensor for i in range(_SIZE)]
    return torch.stack(items, tensor.dim() if dim == -1 else dim)


def item_of(operands, in_dims, number):
    return [t if dim is None else t.select(dim, number) for t, dim in zip(operands, in_dims, strict=True)]


def values(sample, function, randomness="error"):
    return [vmap(function, in_dims, randomness=randomness)(*operands) for operands, in_dims in batches(sample)]


def values_one_by_one(sample, function):
    return [
        torch.stack([function(*item_of(operands, in_dims, i)) for i in range(_SIZE)])
        for operands, in_dims in batches(sample)
    ]


def randomness(sample, function):
    return [values(sample, function, how) for how in ("same", "different")]


def randomness_one_by_one(sample, function):
    return [values_one_by_one(sample, function)] * 2


def nested(sample, function):
    """A batch of batches: the outer one of the first operand."""
    found = []
    for operands, in_dims in itertools.islice(batches(sample), 4):
        outer = (0, *(None,) * (len(operands) - 1))
        first = torch.stack([operands[0], 0.9 * operands[0]])
        found.append(vmap(vmap(function, in_dims), outer)(first, *operands[1:]))
    return found


def nested_one_by_one(sample, function):
    found = []
    for operands, in_dims in itertools.islice(batches(sample), 4):
        rows = [
            torch.stack([function(*item_of((first, *operands[1:]), in_dims, i)) for i in range(_SIZE)])
            for first in (operands[0], 0.9 * operands[0])
        ]
        found.append(torch.stack(rows))
    return found


def _all_batched(sample):
    if not sample.wanted:
        raise NotApplicable
    return [_batch_of(sample, t, 0) for t in sample.tensors]


def per_sample_gradients(sample, function):
    return vmap(grad(scalar(function), argnums=sample.wanted))(*_all_batched(sample))


def gradients_one_by_one(sample, function):
    operands, found = _all_batched(sample), []
    for i in range(_SIZE):
        tensors = [t[i] for t in operands]
        leaves = leaves_of([tensors[place] for place in sample.wanted])
        for place, leaf in zip(sample.wanted, leaves, strict=True):
            tensors[place] = leaf
        found.append(gradients_of(scalar(function)(*tensors), leaves))
    return tuple(map(torch.stack, zip(*found, strict=True)))


CATEGORIES = [
    Category("vmap", values, values_one_by_one, selected=24),
    Category("vmap, randomness", randomness, randomness_one_by_one, selected=8),
    Category("vmap of vmap", nested, nested_one_by_one, selected=12),
    Category("vmap of grad", per_sample_gradients, gradients_one_by_one),
]
