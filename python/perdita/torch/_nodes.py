"""The losses as nodes of torch's autograd graph: gradients, second derivatives, batches."""

import torch
from torch.autograd import forward_ad

from perdita import _core
from perdita._extras import LossExtras
from perdita.errors import DTypeError
from perdita.torch._composed import composed_loss
from perdita.torch._fast_function import apply_of

# Names of this module: at small sizes each look-up counts.
_is_grad_enabled = torch.is_grad_enabled
_are_transforms_active = torch._C._are_functorch_transforms_active


class _Loss(torch.autograd.Function):
    """A loss whose forward pass also computes the gradients, unless it returns one loss per element."""

    @staticmethod
    def forward(ctx, loss, wanted, *tensors):
        value, ctx.evaluation = loss.forward(tensors, wanted)
        ctx.save_for_backward(*tensors)
        return value

    @staticmethod
    def backward(ctx, upstream):
        evaluation = ctx.evaluation
        if not _is_grad_enabled() and forward_ad._current_level < 0:
            try:
                places = evaluation.backward_of_node(upstream)
            except DTypeError:  # a batch of upstream gradients, a lazy negation
                places = None
            if places is not None:
                return places
        tensors = ctx.saved_tensors  # raises if one of them was changed in place
        loss, wanted = evaluation.loss, evaluation.wanted
        if is_followed(upstream):
            gradients = _followed_gradients(loss, wanted, upstream, tensors)
        else:
            if evaluation.is_spent:  # another pass through a retained graph: the gradients were given away
                _, evaluation = loss.forward(tensors, wanted)
            gradients = evaluation.backward(resolved(upstream))
        return None, None, *_spread(gradients, wanted)


class _LossWithExtras(_Loss):
    @staticmethod
    def forward(ctx, loss, wanted, found, *tensors):
        value, extras, ctx.evaluation = loss.forward_with_extras(tensors, wanted)
        found.append(LossExtras(*extras))
        ctx.save_for_backward(*tensors)
        return value

    @staticmethod
    def backward(ctx, upstream):
        none1, none2, *gradients = _Loss.backward(ctx, upstream)
        return none1, none2, None, *gradients


def _is_in_grads_batch(tensor):
    return tensor is not None and torch._C._functorch.is_legacy_batchedtensor(tensor)


apply_loss = apply_of(_Loss, _core.make_forward_of_node)

_CAPACITY = 8


def apply_loss_with_extras(loss, wanted, tensors):
    found: list[LossExtras] = []
    return _LossWithExtras.apply(loss, wanted, found, *tensors), found[0]


def resolved(tensor):
    """The tensor with its elements in memory: without a lazy negation, zeros that are stored."""
    if tensor is None:
        return None
    if tensor._is_zerotensor():
        tensor = tensor.clone()
    return tensor.resolve_neg()


def has_tangent(tensor):
    """Whether forward-mode differentiation follows the tensor."""
    return forward_ad._current_level >= 0 and forward_ad.unpack_dual(tensor).tangent is not None


def is_followed(*upstream):
    """Whether a backward pass is itself differentiated, or made for a batch."""
    is_transformed = _are_transforms_active() or forward_ad._current_level >= 0
    return _is_grad_enabled() or is_transformed or any(map(_is_in_grads_batch, upstream))


def _followed_gradients(loss, wanted, upstream, tensors):
    """The gradients as functions of the upstream gradient and the tensors, by operators of torch: differentiable to any
    order, under every transform."""
    function, options, reduction, normalize_by = loss.arguments
    with torch.enable_grad():
        # Views, since a tensor may be given twice: each place has its own derivative.
        views = [t.view_as(t) if wanted >> i & 1 else t for i, t in enumerate(tensors)]
        value = composed_loss(function, views, reduction, normalize_by, False, options)
        leaves = [view for i, view in enumerate(views) if wanted >> i & 1]
        found = torch.autograd.grad(value, leaves, upstream, create_graph=True, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


def _spread(gradients, wanted):
    """The gradients at the places of their operands, None at the others; torch drops what is too much."""
    following = iter(gradients)
    return [next(following) if wanted >> i & 1 else None for i in range(_CAPACITY)]
