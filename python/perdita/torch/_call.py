"""How the losses are called on torch tensors: differentiable, under torch.compile, in narrow types, as torch itself."""

import math
import numbers

import torch

from perdita import _core
from perdita._extras import LossExtras
from perdita._functions import functions, loss_of, loss_of_text, text_of
from perdita._options import check_has_denominator
from perdita.errors import DomainError, DTypeError, LabelError, ShapeError
from perdita.torch._composed.formula import is_exporting
from perdita.torch._exact import DIFFERING
from perdita.torch._exact import switch as exact
from perdita.torch._nodes import apply_loss, apply_loss_with_extras, resolved
from perdita.torch._operands import as_tensor
from perdita.torch._operator import constant_of, loss_operator
from perdita.torch._readable import IS_READABLE
from perdita.torch._route import (
    call_composed,
    call_elsewhere,
    call_of_torch,
    has_options_of_torch,
    has_traceable,
    is_torchs,
    refuse_others,
)  # fmt: skip
from perdita.torch._types import is_narrow, result_type

# Names of this module: at small sizes each look-up counts.
_wanted_gradients, _is_dynamo_compiling = _core.wanted_gradients, torch.compiler.is_dynamo_compiling


def _call(function, tensors, reduction, normalize_by, return_extras, **options):
    if normalize_by is not None and not isinstance(normalize_by, str):
        return _divided_call(function, tensors, reduction, normalize_by, return_extras, options)
    if exact.on and function in DIFFERING:
        return call_of_torch(function, tensors, reduction, normalize_by, return_extras, options)
    if _is_dynamo_compiling():
        options = {name: constant_of(value) for name, value in options.items()}
        return _compiled_call(function, tensors, reduction, normalize_by, return_extras, options)
    wanted = _wanted_gradients(tensors)
    if wanted < 0:
        return call_elsewhere(_call, function, tensors, reduction, normalize_by, return_extras, options)
    try:
        loss = loss_of(function, reduction, normalize_by, **options)
        if return_extras:
            return _call_with_extras(loss, wanted, tensors)
        if wanted:
            return apply_loss(loss, wanted, *tensors)
        return loss.value(tensors)
    except DTypeError as error:
        return _call_unreadable(error, function, tensors, reduction, normalize_by, return_extras, options)
    except (AttributeError, TypeError):  # an option that cannot be compared
        refuse_others(function, tensors, options)
        raise


def call_sum(text, tensors, reduction, normalize_by):
    """A sum of losses, as text with weights that are numbers, in one node; None for tensors that the core does not read as
    they are, of which the parts are computed one by one."""
    if exact.on or _is_dynamo_compiling() or any(map(is_narrow, tensors)):
        return None
    wanted = _wanted_gradients(tensors)
    if wanted < 0 or not all(isinstance(tensor, torch.Tensor) for tensor in tensors):
        return None
    loss = loss_of_text("sum", reduction, normalize_by, text)
    try:
        return apply_loss(loss, wanted, *tensors) if wanted else loss.value(tensors)
    except DTypeError:
        return None


def _divided_call(function, tensors, reduction, denominator, return_extras, options):
    """A mean with a denominator that is given: the sum of the losses divided by it."""
    check_denominator(function, denominator, reduction)
    if reduction != "mean":
        return _call(function, tensors, reduction, None, return_extras, **options)  # raises: there is no such reduction
    if any(map(is_narrow, tensors)):  # whose sum may overflow
        return _narrow_call(function, tensors, reduction, denominator, return_extras, options)
    return divided(_call(function, tensors, "sum", None, return_extras, **options), denominator, return_extras)


def check_denominator(function, denominator, reduction):
    """Raises an error for what the sum of losses cannot be divided by; elements of tensors are not read."""
    check_has_denominator(function, reduction, denominator)
    if isinstance(denominator, torch.Tensor):
        if not denominator.dim() and not denominator.is_complex() and denominator.dtype != torch.bool:
            return
    elif isinstance(denominator, numbers.Real) and not isinstance(denominator, bool):
        if 0 < float(denominator) < math.inf:
            return
        raise DomainError(f"{function}: normalize_by is {denominator} (valid: above 0)")
    is_tensor = isinstance(denominator, torch.Tensor)
    given = f"{list(denominator.shape)} of {denominator.dtype}" if is_tensor else repr(denominator)
    raise DTypeError(
        f"{function}: normalize_by is {given} (valid: 'count', 'weight_sum', 'batch', a number, or a tensor of one real "
        f"number without dimensions)"
    )


def divided(result, denominator, return_extras):
    """A sum of losses, perhaps with its extras, divided by a denominator."""
    if not return_extras:
        return result / as_divisor(denominator, result)
    total, extras = result
    return total / as_divisor(denominator, total), extras._replace(denominator=denominator)


def as_divisor(denominator, total):
    """A number, or a tensor of the dtype of `total`."""
    return denominator.to(total.dtype) if isinstance(denominator, torch.Tensor) else float(denominator)


def _call_unreadable(error, function, tensors, reduction, normalize_by, return_extras, options):
    """Of tensors that the core refused: read in another way, given to torch, or refused."""
    arguments = reduction, normalize_by, return_extras
    readable = tuple(map(resolved, tensors))
    if any(a is not b for a, b in zip(readable, tensors, strict=True)):
        return _call(function, readable, *arguments, **options)
    if not is_torchs(function, tensors):
        raise error
    try:
        return _call_of_another_device(function, tensors, *arguments, options)
    except (DomainError, LabelError, ShapeError):
        raise
    except Exception:  # torch refuses them too, but does not always say what is wrong
        raise error from None


def _call_with_extras(loss, wanted, tensors):
    if wanted:
        return apply_loss_with_extras(loss, wanted, tensors)
    value, extras = loss.value_and_extras(tensors)
    return value, LossExtras(*extras)


def _call_of_another_device(function, tensors, reduction, normalize_by, return_extras, options):
    """By torch's own loss where it has one with these options, whose kernels are made for the device; else composed."""
    is_plain = has_options_of_torch(function, normalize_by, return_extras, options)
    is_elsewhere = any(tensor is not None and tensor.device.type != "cpu" for tensor in tensors)
    is_composed = is_elsewhere and not (is_plain and has_traceable(function)) or tensors[0].is_meta
    call = call_composed if is_composed else call_of_torch
    return call(function, tensors, reduction, normalize_by, return_extras, options)


def _compiled_call(function, tensors, reduction, normalize_by, return_extras, options):
    """The function that torch.compile traces."""
    if torch._C._are_functorch_transforms_active() or is_exporting() or not IS_READABLE:
        return call_composed(function, tensors, reduction, normalize_by, return_extras, options)
    if any(is_narrow(tensor) for tensor in tensors):
        return _narrow_call(function, tensors, reduction, normalize_by, return_extras, options)
    if is_torchs(function, tensors):
        return _call_of_another_device(function, tensors, reduction, normalize_by, return_extras, options)
    return loss_operator(function, tensors, reduction, normalize_by, text_of(options.items()), return_extras)


def _narrow_call(function, tensors, reduction, normalize_by, return_extras, options):
    """Computed in float32, returned in torch's type."""
    wide = tuple(tensor.float() if is_narrow(tensor) else tensor for tensor in tensors)
    result = _call(function, wide, reduction, normalize_by, return_extras, **options)
    dtype = result_type(function, tensors)
    return (result[0].to(dtype), result[1]) if return_extras else result.to(dtype)


def _check_arrays(function, names, tensors):
    if torch.compiler.is_compiling() or is_torchs(function, tensors) or _wanted_gradients(tensors) < 0:
        return
    _core.check_arrays(function, names, tuple(map(resolved, tensors)))


def _call_without_autocast(*arguments, **options):
    if not torch.is_autocast_enabled("cpu"):
        return _call(*arguments, **options)
    with torch.autocast("cpu", enabled=False):
        return _call(*arguments, **options)


_COMPOSED = (
    "triplet_margin_with_distance_loss"  # by torch of operators that autocast leaves in the types of the distances
)
_core.set_result_type(lambda function, tensors: str(result_type(function, tensors)).removeprefix("torch."))
FUNCTIONS = functions(_call, torch, _check_arrays, as_tensor)
FUNCTIONS[_COMPOSED] = functions(_call_without_autocast, torch, _check_arrays, as_tensor)[_COMPOSED]
"""Every loss that is called so, by its name."""
