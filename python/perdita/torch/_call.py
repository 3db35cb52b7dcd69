"""How the losses are called on torch tensors: differentiable, under torch.compile, in narrow types, as torch itself."""
import torch

from perdita import _core
from perdita._catalogue import ARGUMENTS
from perdita._extras import LossExtras
from perdita._functions import functions, loss_of, text_of
from perdita.errors import DomainError, DTypeError
from perdita.torch._exact import DIFFERING
from perdita.torch._exact import switch as exact
from perdita.torch._operator import loss_operator


class _Loss(torch.autograd.Function):
    """A loss whose forward pass makes the gradients too, unless it gives a loss an element."""

    @staticmethod
    def forward(ctx, loss, wanted, *tensors):
        value, ctx.evaluation = loss.forward(tensors, wanted)
        ctx.loss, ctx.wanted = loss, wanted
        ctx.save_for_backward(*tensors)
        return value

    @staticmethod
    def backward(ctx, upstream):
        wanted = ctx.wanted
        if torch.is_grad_enabled():
            tensors = ctx.saved_tensors
            gradients = _Gradient.apply(ctx.loss, wanted, upstream, *tensors)
        else:
            evaluation, ctx.evaluation = ctx.evaluation, None
            if evaluation is None:  # another pass through a retained graph: the gradients were given away
                _, evaluation = ctx.loss.forward(ctx.saved_tensors, wanted)
            elif not evaluation.has_gradients:
                ctx.saved_tensors  # raises if one of them was changed in place
            gradients = evaluation.backward(upstream)
        return None, None, *_spread(gradients, wanted)


class _LossWithExtras(_Loss):
    @staticmethod
    def forward(ctx, loss, wanted, found, *tensors):
        value, extras, ctx.evaluation = loss.forward_with_extras(tensors, wanted)
        found.append(LossExtras(*extras))
        ctx.loss, ctx.wanted = loss, wanted
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
    @torch.autograd.function.once_differentiable
    def backward(ctx, *cotangents):
        upstream, *tensors = ctx.saved_tensors
        evaluation, ctx.evaluation = ctx.evaluation, None
        if evaluation is None:
            _, evaluation = ctx.loss.gradients(tuple(tensors), ctx.wanted, upstream)
        *gradients, by_upstream = evaluation.backward(cotangents)
        return None, None, by_upstream, *_spread(gradients, ctx.wanted)


# Function.apply without its look for functorch's transforms, which costs as much as a small loss.
_apply_loss = super(torch.autograd.Function, _Loss).apply

_CAPACITY = 8


def _spread(gradients, wanted):
    """The gradients at the places of their operands, None at the others; torch drops what is too much."""
    if wanted == 1:
        return gradients[0], *_NONE[1:]
    following = iter(gradients)
    return [next(following) if wanted >> i & 1 else None for i in range(_CAPACITY)]


_NONE = (None,) * _CAPACITY


def _call(function, tensors, reduction, normalize_by, return_extras, **options):
    if exact.on and function in DIFFERING:
        return _call_of_torch(function, tensors, reduction, normalize_by, return_extras, options)
    if tensors[-1] is None:
        tensors = tensors[:-1] if tensors[-2] is not None else tensors[:-2]
    if torch.compiler.is_compiling():
        return _compiled_call(function, tensors, reduction, normalize_by, return_extras, options)
    wanted = 0
    try:
        loss = loss_of(function, reduction, normalize_by, options)
        if torch.is_grad_enabled():
            bit = 1
            for tensor in tensors:
                if tensor is not None and tensor.requires_grad:
                    wanted |= bit
                bit += bit
        if return_extras:
            return _call_with_extras(loss, wanted, tensors)
        if wanted:
            return _apply_loss(loss, wanted, *tensors)
        return loss.value(tensors)
    except DTypeError:
        if not any(_is_narrow(tensor) for tensor in tensors):
            raise
    except (AttributeError, TypeError):  # none of torch's, or an option that cannot be compared
        _refuse_others(function, tensors, options)
        raise
    return _narrow_call(function, tensors, reduction, normalize_by, return_extras, options)


def _call_with_extras(loss, wanted, tensors):
    if not wanted:
        value, extras = loss.value_and_extras(tensors)
        return value, LossExtras(*extras)
    found = []
    return _LossWithExtras.apply(loss, wanted, found, *tensors), found[0]


def _refuse_others(function, tensors, options):
    """Raises DTypeError for what is no tensor, and no option."""
    for name, tensor in zip(ARGUMENTS[function], tensors):
        if tensor is not None and not isinstance(tensor, torch.Tensor):
            raise DTypeError(f"{function}: {name} is a {type(tensor).__name__} (valid: a torch.Tensor)") from None
    for name, value in options.items():
        if not isinstance(value, (bool, int, float, tuple)):
            raise DTypeError(f"{function}: {name} is {value!r} (valid: a number)") from None


def _compiled_call(function, tensors, reduction, normalize_by, return_extras, options):
    """What torch.compile traces."""
    if return_extras:
        raise NotImplementedError(f"{function}: return_extras is not for torch.compile (call it outside)")
    if any(_is_narrow(tensor) for tensor in tensors):
        return _narrow_call(function, tensors, reduction, normalize_by, return_extras, options)
    return loss_operator(function, tensors, reduction, normalize_by, text_of(options.items()))


def _call_of_torch(function, tensors, reduction, normalize_by, return_extras, options):
    if normalize_by is not None or return_extras:
        raise DomainError(f"{function}: normalize_by and return_extras are not torch's (valid: outside torch_exact())")
    operands = {name: tensor for name, tensor in zip(ARGUMENTS[function], tensors) if tensor is not None}
    return getattr(torch.nn.functional, function)(**operands, reduction=reduction, **options)


def _is_narrow(tensor):
    return isinstance(tensor, torch.Tensor) and tensor.dtype in (torch.float16, torch.bfloat16)


def _narrow_call(function, tensors, reduction, normalize_by, return_extras, options):
    """Computed in float32, returned in the input's own type."""
    wide = tuple(tensor.float() if _is_narrow(tensor) else tensor for tensor in tensors)
    result = _call(function, wide, reduction, normalize_by, return_extras, **options)
    dtype = tensors[0].dtype
    return (result[0].to(dtype), result[1]) if return_extras else result.to(dtype)


def _check_arrays(function, names, tensors):
    if not torch.compiler.is_compiling():
        _core.check_arrays(function, names, tensors)


FUNCTIONS = functions(_call, torch, _check_arrays)
"""Every loss that is called so, by its name."""
