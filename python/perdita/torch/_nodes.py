"""The losses as nodes of torch's autograd graph: gradients, second derivatives, batches."""

import functools

import torch
from torch.autograd import forward_ad

from perdita import _core
from perdita._extras import LossExtras
from perdita.errors import DTypeError, GraphError
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
            gradients = _gradients(loss, wanted, upstream, *tensors)
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


class _Gradient(torch.autograd.Function):
    """The gradients of a loss times an upstream gradient, as functions of all of these."""

    @staticmethod
    def forward(ctx, loss, wanted, upstream, *tensors):
        gradients, ctx.evaluation = loss.gradients(tensors, wanted, upstream)
        ctx.loss, ctx.wanted = loss, wanted
        ctx.save_for_backward(upstream, *tensors)
        return gradients

    @staticmethod
    def backward(ctx, *cotangents):
        upstream, *tensors = ctx.saved_tensors
        evaluation, ctx.evaluation = ctx.evaluation, None
        if is_followed(*cotangents):
            operands = (*cotangents, *map(_once_more, (upstream, *tensors)))
            *gradients, by_upstream = _second_gradients(ctx.loss, ctx.wanted, *operands)
        else:
            if evaluation is None:
                _, evaluation = ctx.loss.gradients(tuple(tensors), ctx.wanted, upstream)
            *gradients, by_upstream = evaluation.backward(tuple(map(resolved, cotangents)))
        return None, None, by_upstream, *_spread(gradients, ctx.wanted)


class _SecondGradient(torch.autograd.Function):
    """The gradients of sum(gradients * cotangents) with respect to the tensors, then to the upstream gradient: linear
    functions of the cotangents, which are differentiated with respect to these."""

    @staticmethod
    def forward(ctx, loss, wanted, *operands):
        cotangents, (upstream, *tensors) = _split(operands, wanted)
        ctx.loss, ctx.wanted = loss, wanted
        ctx.save_for_backward(upstream, *tensors)
        _, evaluation = loss.gradients(tuple(tensors), wanted, upstream)
        return evaluation.backward(cotangents)

    @staticmethod
    def backward(ctx, *cotangents):
        upstream, *tensors = ctx.saved_tensors
        *by_tensors, by_upstream = cotangents
        first = _gradients(ctx.loss, ctx.wanted, by_upstream, *tensors)
        *second, _ = _second_gradients(ctx.loss, ctx.wanted, *by_tensors, upstream, *tensors)
        by_cotangents = [a + b for a, b in zip(first, second, strict=True)]
        # Third derivatives: _ThirdDerivative raises where one of them is asked for.
        return None, None, *by_cotangents, *map(_zeros, (upstream, *tensors))


class _ThirdDerivative(torch.autograd.Function):
    """A tensor as it is; its gradient, which torch asks for only where it is needed, is refused."""

    @staticmethod
    def forward(ctx, tensor):
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx, gradient):
        raise GraphError(
            "perdita: third derivatives of losses are not supported (valid: first and second derivatives; the losses of "
            "torch.nn.functional have higher ones)"
        )


class _OverBatch(torch.autograd.Function):
    """call(*operands) for each element of a batch of torch.func.vmap's, one after the other."""

    @staticmethod
    def forward(call, *operands):
        return call(*operands)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def vmap(info, in_dims, call, *operands):
        dims = in_dims[1:]
        results = [
            call(*(t if dim is None else t.select(dim, i) for t, dim in zip(operands, dims, strict=True)))
            for i in range(info.batch_size)
        ]
        return tuple(map(torch.stack, zip(*results, strict=True))), (0,) * len(results[0])


def _over_grads_batch(call, operands):
    """The same for batches of torch.autograd.grad's, which are other tensors than those of torch.func."""
    level = torch._C._vmapmode_increment_nesting() - 1
    torch._C._vmapmode_decrement_nesting()
    if level > 1:
        raise GraphError("perdita: nested is_grads_batched is not supported (valid: a single level)")
    batched = [_is_in_grads_batch(t) for t in operands]
    stacks = [torch._remove_batch_dim(t, level, 1, 0) if b else t for t, b in zip(operands, batched, strict=True)]
    (size,) = {len(stack) for stack, b in zip(stacks, batched, strict=True) if b}
    results = [call(*(stack[i] if b else stack for stack, b in zip(stacks, batched, strict=True))) for i in range(size)]
    return tuple(torch._add_batch_dim(torch.stack(column), 0, level) for column in zip(*results, strict=True))


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


def _gradients(loss, wanted, upstream, *tensors):
    """For one upstream gradient, or for each of a batch."""
    if not is_followed(upstream):  # an element of a batch
        return loss.forward(tensors, wanted)[1].backward(resolved(upstream))
    return _applied(_Gradient, _gradients, loss, wanted, upstream, *tensors)


def _second_gradients(loss, wanted, *operands):
    return _applied(_SecondGradient, _second_gradients, loss, wanted, *operands)


def _applied(function, again, loss, wanted, *operands):
    if any(tensor is not None and has_tangent(tensor) for tensor in operands):
        raise GraphError(
            "perdita: forward-mode differentiation of gradients is not supported (valid: reverse mode; the losses of "
            "torch.nn.functional support forward mode)"
        )
    if _are_transforms_active():
        return _OverBatch.apply(functools.partial(again, loss, wanted), *operands)
    if any(map(_is_in_grads_batch, operands)):
        return _over_grads_batch(functools.partial(again, loss, wanted), operands)
    return function.apply(loss, wanted, *map(resolved, operands))


def _once_more(tensor):
    """Refuses a third derivative with respect to the tensor."""
    return tensor if tensor is None or not tensor.requires_grad else _ThirdDerivative.apply(tensor)


def _split(operands, wanted):
    count = wanted.bit_count()
    return operands[:count], operands[count:]


def _zeros(tensor):
    return None if tensor is None or not tensor.is_floating_point() else torch.zeros_like(tensor)


def _spread(gradients, wanted):
    """The gradients at the places of their operands, None at the others; torch drops what is too much."""
    following = iter(gradients)
    return [next(following) if wanted >> i & 1 else None for i in range(_CAPACITY)]
