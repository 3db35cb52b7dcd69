"""The losses as one operator of torch's, which torch.compile takes into its graph as it is."""
import math

import torch

from perdita._catalogue import ENTRIES
from perdita._functions import loss_of

# An operator's arguments are tensors, numbers and strings: options travel as text, as the core reads it.


@torch.library.custom_op("perdita::loss", mutates_args=())
def _loss(
    function: str,
    options: str,
    reduction: str,
    normalize_by: str,
    wanted: int,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor | None,
    d: torch.Tensor | None,
) -> list[torch.Tensor]:
    """The loss and, if it is reduced, the gradients of the tensors whose bit is set."""
    loss = loss_of(function, reduction, normalize_by, options)
    if not wanted or reduction == "none":
        return [loss.value((a, b, c, d))]
    value, gradients = loss.value_and_gradients((a, b, c, d), wanted)
    return [value, *gradients]


@torch.library.custom_op("perdita::loss_gradients", mutates_args=())
def _loss_gradients(
    function: str,
    options: str,
    normalize_by: str,
    wanted: int,
    upstream: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor | None,
    d: torch.Tensor | None,
) -> list[torch.Tensor]:
    """The gradients of losses that are not reduced."""
    _, evaluation = loss_of(function, "none", normalize_by, options).forward((a, b, c, d), wanted)
    return list(evaluation.backward(upstream))


@_loss.register_fake
def _(function, options, reduction, normalize_by, wanted, a, b, c, d):
    dtype = torch.promote_types(a.dtype, b.dtype) if b.dtype.is_floating_point else a.dtype
    shape = _shape(function, options, a, b, c) if reduction == "none" else ()
    gradients = [] if reduction == "none" else _wanted_of((a, b, c, d), wanted)
    return [a.new_empty(shape, dtype=dtype), *(t.new_empty(t.shape) for t in gradients)]


@_loss_gradients.register_fake
def _(function, options, normalize_by, wanted, upstream, a, b, c, d):
    return [t.new_empty(t.shape) for t in _wanted_of((a, b, c, d), wanted)]


def _wanted_of(tensors, wanted):
    return [tensor for i, tensor in enumerate(tensors) if wanted >> i & 1]


def _shape(function, options, a, b, c):
    """The shape of losses that are not reduced."""
    kind = ENTRIES[function]["kind"] if function in ENTRIES else function
    if kind in ("softmax", "frequency", "picking", "class_formula"):
        classes_dim = 0 if a.dim() == 1 else 1
        return b.shape if a.shape != b.shape else a.shape[:classes_dim] + a.shape[classes_dim + 1 :]
    if function == "quantile_loss" and "/" in options:
        return a.shape
    if kind == "overlap":
        chosen = options.split(",")
        has_classes = a.shape != b.shape or "multilabel=true" in chosen
        items = () if a.dim() == 1 or "batch=true" in chosen else a.shape[:1]
        return (*items, *(a.shape[1:2] if has_classes else ()))
    if function in ("multi_margin_loss", "cosine_embedding_loss"):
        return b.shape if function == "multi_margin_loss" else c.shape
    if function == "ctc_loss":
        return a.shape[1:2] if a.dim() == 3 else ()
    if function in ("multilabel_margin_loss", "multilabel_soft_margin_loss"):
        return a.shape[:-1]
    if function == "triplet_margin_loss":
        return torch.broadcast_shapes(a.shape, b.shape, c.shape)[:-1]
    if function == "margin_ranking_loss":
        return torch.broadcast_shapes(a.shape, b.shape, c.shape)
    return torch.broadcast_shapes(a.shape, b.shape)


def _setup(ctx, inputs, output):
    function, options, reduction, normalize_by, wanted, *tensors = inputs
    ctx.options = function, options, reduction, normalize_by, wanted
    ctx.set_materialize_grads(False)
    # Reduced losses have their gradients already; the others compute them when the upstream gradient is known.
    ctx.save_for_backward(*(tensors if reduction == "none" else output[1:]))


def _backward(ctx, upstream):
    function, options, reduction, normalize_by, wanted = ctx.options
    upstream = upstream[0]
    if upstream is None:
        return (None,) * 9
    if reduction == "none":
        gradients = _loss_gradients(function, options, normalize_by, wanted, upstream, *ctx.saved_tensors)
    else:
        gradients = [gradient * upstream for gradient in ctx.saved_tensors]
    following = iter(gradients)
    return *(None,) * 5, *(next(following) if wanted >> i & 1 else None for i in range(4))


_loss.register_autograd(_backward, setup_context=_setup)


def loss_operator(function, tensors, reduction, normalize_by, options):
    """The loss of up to four tensors. options: as text."""
    tensors = (*tensors, None, None)[:4]
    wanted = 0
    if torch.is_grad_enabled():
        for i, tensor in enumerate(tensors):
            if tensor is not None and tensor.requires_grad:
                wanted |= 1 << i
    return _loss(function, options, reduction, normalize_by or "standard", wanted, *tensors)[0]
