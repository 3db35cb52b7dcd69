"""How the losses are called on torch tensors: differentiable, under torch.compile, in narrow types, as torch itself."""
import torch

from perdita import _core
from perdita._catalogue import ARGUMENTS
from perdita._extras import LossExtras
from perdita._functions import functions, loss_of, text_of
from perdita.errors import DomainError, DTypeError
from perdita.torch._exact import DIFFERING
from perdita.torch._exact import switch as exact
from perdita.torch._operands import as_tensor
from perdita.torch._operator import loss_operator


# Names of this module: at small sizes each look-up counts.
_is_grad_enabled, _is_dynamo_compiling = torch.is_grad_enabled, torch.compiler.is_dynamo_compiling


class _Loss(torch.autograd.Function):
    """A loss whose forward pass makes the gradients too, unless it gives a loss an element."""

    forward = staticmethod(_core.forward_of_node)  # (ctx, loss, wanted, *tensors); sets ctx.evaluation

    @staticmethod
    def backward(ctx, upstream):
        evaluation = ctx.evaluation
        if not _is_grad_enabled():
            places = evaluation.backward_of_node(upstream)
            if places is not None:
                return places
        tensors = ctx.saved_tensors  # raises if one of them was changed in place
        loss, wanted = evaluation.loss, evaluation.wanted
        if _is_grad_enabled():
            gradients = _Gradient.apply(loss, wanted, upstream, *tensors)
        else:
            if evaluation.is_spent:  # another pass through a retained graph: the gradients were given away
                _, evaluation = loss.forward(tensors, wanted)
            gradients = evaluation.backward(upstream)
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
    @torch.autograd.function.once_differentiable
    def backward(ctx, *cotangents):
        upstream, *tensors = ctx.saved_tensors
        evaluation, ctx.evaluation = ctx.evaluation, None
        if evaluation is None:
            _, evaluation = ctx.loss.gradients(tuple(tensors), ctx.wanted, upstream)
        *gradients, by_upstream = evaluation.backward(cotangents)
        return None, None, by_upstream, *_spread(gradients, ctx.wanted)


# Function.apply without its look for functorch's transforms, which costs as much as a small loss; and the engine calls
# backward() without asking for other ways to write it.
_apply_loss = super(torch.autograd.Function, _Loss).apply
_Loss._backward_cls.apply = _Loss.backward

_CAPACITY = 8


def _spread(gradients, wanted):
    """The gradients at the places of their operands, None at the others; torch drops what is too much."""
    following = iter(gradients)
    return [next(following) if wanted >> i & 1 else None for i in range(_CAPACITY)]


def _call(function, tensors, reduction, normalize_by, return_extras, **options):
    if exact.on and function in DIFFERING:
        return _call_of_torch(function, tensors, reduction, normalize_by, return_extras, options)
    if _is_dynamo_compiling():
        return _compiled_call(function, tensors, reduction, normalize_by, return_extras, options)
    wanted = 0
    try:
        loss = loss_of(function, reduction, normalize_by, **options)
        if _is_grad_enabled():
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
    except DTypeError as error:
        if torch.compiler.is_compiling():  # torch.export without dynamo: tensors without memory
            return _compiled_call(function, tensors, reduction, normalize_by, return_extras, options)
        if not any(_is_narrow(tensor) for tensor in tensors):
            if not _is_torchs(function, tensors):
                raise
            try:
                return _call_of_torch(function, tensors, reduction, normalize_by, return_extras, options)
            except Exception:  # torch refuses them too, but does not always say what is wrong
                raise error from None
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
    if any(_is_narrow(tensor) for tensor in tensors):
        return _narrow_call(function, tensors, reduction, normalize_by, return_extras, options)
    if _is_torchs(function, tensors):
        return _call_of_torch(function, tensors, reduction, normalize_by, return_extras, options)
    return loss_operator(function, tensors, reduction, normalize_by, text_of(options.items()), return_extras)


def _call_of_torch(function, tensors, reduction, normalize_by, return_extras, options):
    if normalize_by is not None or return_extras or "validate" in options:
        raise DomainError(
            f"{function}: normalize_by, return_extras and validate are not torch's (valid: outside torch_exact(), on the CPU with "
            f"float32 or float64)"
        )
    operands = {name: tensor for name, tensor in zip(ARGUMENTS[function], tensors) if tensor is not None}
    return getattr(torch.nn.functional, function)(**operands, reduction=reduction, **options)


_READ = frozenset((torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool))


_VECTORS = {"cosine_embedding_loss": 2, "triplet_margin_loss": 3,
            "triplet_margin_with_distance_loss": 3}  # how many operands hold real numbers


def _is_torchs(function, tensors):
    """Whether these are tensors, but not of the kind that the core computes: of integers where it takes real numbers, of
    complex numbers, sparse, in the memory of another device."""
    given = [tensor for tensor in tensors if tensor is not None]
    if tensors[0] is None or not all(isinstance(tensor, torch.Tensor) for tensor in given):
        return False
    return not all(tensor.is_floating_point() for tensor in given[: _VECTORS.get(function, 1)]) or any(
        tensor.dtype not in _READ or tensor.layout is not torch.strided or tensor.device.type != "cpu"
        for tensor in given
    )


def _is_narrow(tensor):
    return isinstance(tensor, torch.Tensor) and tensor.dtype in (torch.float16, torch.bfloat16)


def _narrow_call(function, tensors, reduction, normalize_by, return_extras, options):
    """Computed in float32, returned in the input's own type."""
    wide = tuple(tensor.float() if _is_narrow(tensor) else tensor for tensor in tensors)
    result = _call(function, wide, reduction, normalize_by, return_extras, **options)
    dtype = tensors[0].dtype
    return (result[0].to(dtype), result[1]) if return_extras else result.to(dtype)


def _check_arrays(function, names, tensors):
    if not torch.compiler.is_compiling() and not _is_torchs(function, tensors):
        _core.check_arrays(function, names, tensors)


FUNCTIONS = functions(_call, torch, _check_arrays, as_tensor)
"""Every loss that is called so, by its name."""
