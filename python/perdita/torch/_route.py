"""Calls that the core cannot take as they are: tensors without plain memory, transforms, traces. Each is computed by
torch's own loss, by the losses as an operator of torch's, or refused by name."""

import torch

from perdita._catalogue import ARGUMENTS
from perdita._functions import loss_of, text_of
from perdita.errors import DomainError, DTypeError
from perdita.torch._composed import composed_loss
from perdita.torch._nodes import has_tangent
from perdita.torch._readable import IS_READABLE
from perdita.torch._types import NARROW

# torch's own losses, which install() may replace later.
OF_TORCH = {name: getattr(torch.nn.functional, name) for name in ARGUMENTS if hasattr(torch.nn.functional, name)}

_PLAIN = (torch.Tensor, torch.nn.Parameter)
_READ = frozenset((*NARROW, torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool))
_VECTORS = {
    "cosine_embedding_loss": 2,
    "triplet_margin_loss": 3,
    "triplet_margin_with_distance_loss": 3,
}  # how many operands hold real numbers

# Those that torch does not trace rightly: it looks at elements of two, and takes the padding of label sets for labels.
_NOT_TRACED = ("ctc_loss", "gaussian_nll_loss", "multilabel_margin_loss")


def has_options_of_torch(function, normalize_by, return_extras, options):
    """Whether torch's own loss has the options of a call."""
    smooths = "label_smoothing" in options and function != "cross_entropy"
    return normalize_by is None and not (return_extras or smooths or {"validate", "missing"} & options.keys())


def call_of_torch(function, tensors, reduction, normalize_by, return_extras, options):
    if not has_options_of_torch(function, normalize_by, return_extras, options):
        raise DomainError(
            f"{function}: normalize_by, return_extras, validate, missing and label_smoothing of labels are not options of "
            f"torch, which computes this call "
            f"(valid: outside torch_exact() and transforms, on the CPU with float32 or float64)"
        )
    if _has_weight(function, tensors):
        return _weighted_l1_loss(reduction, *tensors)
    operands = {name: tensor for name, tensor in zip(ARGUMENTS[function], tensors, strict=False) if tensor is not None}
    return OF_TORCH[function](**operands, reduction=reduction, **options)


def is_torchs(function, tensors):
    """Whether these are tensors, but not of the kind that the core computes: of integers where it takes real numbers, of
    complex numbers, sparse, in the memory of another device."""
    given = [tensor for tensor in tensors if tensor is not None]
    if tensors[0] is None or not all(isinstance(tensor, torch.Tensor) for tensor in given):
        return False
    return not _are_real(function, given) or any(
        tensor.dtype not in _READ or tensor.layout is not torch.strided or tensor.device.type != "cpu"
        for tensor in given
    )


def _are_real(function, given):
    """Whether the predictions are real numbers, not integers or complex ones."""
    return all(tensor.is_floating_point() for tensor in given[: _VECTORS.get(function, 1)])


def is_transformed(tensors):
    """Whether torch.func transforms the call, or forward-mode differentiation follows it."""
    return torch._C._are_functorch_transforms_active() or any(
        isinstance(tensor, torch.Tensor) and has_tangent(tensor) for tensor in tensors
    )


def is_observed(tensors):
    """Whether something sees the operators of the call: a trace, a mode, a tensor that wraps another."""
    return torch._C._len_torch_dispatch_stack() or torch._C._is_tracing() or any(map(_is_wrapper, tensors))


def call_elsewhere(call, function, tensors, reduction, normalize_by, return_extras, options):
    """The loss where _core.wanted_gradients() refuses. call(function, tensors, ...) is the way of plain tensors."""
    arguments = reduction, normalize_by, return_extras
    given = [tensor for tensor in tensors if tensor is not None]
    if not all(hasattr(type(tensor), "__torch_function__") for tensor in given):
        refuse_others(function, tensors, options)
    loss_of(function, reduction, normalize_by, **options)  # checks the options
    if not all(type(tensor) in _PLAIN for tensor in given) and torch.overrides.has_torch_function(given):
        is_symbolic = not all(map(_is_tensor, given))  # of torch.fx, whose graphs hold functions of torch
        if is_symbolic and has_traceable(function) and normalize_by is None and not return_extras:
            return call_of_torch(function, tensors, *arguments, options)
        return torch.overrides.handle_torch_function(loss_of_tensors, given, function, tensors, *arguments, options)
    if is_transformed(tensors) or is_observed(given):
        return call_composed(function, tensors, *arguments, options)
    # What is left are subclasses that only add methods.
    plain = tuple(tensor if tensor is None else tensor.as_subclass(torch.Tensor) for tensor in tensors)
    if not IS_READABLE:
        return _call_unread(function, plain, *arguments, options)
    return call(function, plain, *arguments, **options)


def _call_unread(function, tensors, *arguments):
    """The loss of tensors on the CPU whose memory this torch does not offer."""
    is_of_torch = function in OF_TORCH and is_torchs(function, tensors)
    return (call_of_torch if is_of_torch else call_composed)(function, tensors, *arguments)


def loss_of_tensors(function, tensors, reduction, normalize_by, return_extras, options):
    """Any loss as one function of its operands, for __torch_function__ and torch.fx."""
    from perdita.torch._call import _call

    return _call(function, tensors, reduction, normalize_by, return_extras, **options)


def call_composed(function, tensors, reduction, normalize_by, return_extras, options):
    """By torch's operators, which every transform, mode and subclass of torch looks into."""
    if options.get("validate"):
        raise DomainError(
            f"{function}: validate is not supported in transforms, traces and on other devices, where elements are not read "
            f"(valid: outside of these, on the CPU)"
        )
    if not _are_real(function, [tensor for tensor in tensors if tensor is not None]):
        if function in OF_TORCH:
            return call_of_torch(function, tensors, reduction, normalize_by, return_extras, options)
        raise DTypeError(
            f"{function}: {ARGUMENTS[function][0]} holds {str(tensors[0].dtype)[6:]} (valid: real numbers)"
        )
    try:
        return composed_loss(function, tensors, reduction, normalize_by, return_extras, text_of(options.items()))
    except RuntimeError as error:  # an operator that a wrapper of tensors does not have
        is_ours = isinstance(error, (ValueError, TypeError))
        if is_ours or all(type(t) in _PLAIN or _is_fake(t) for t in tensors if t is not None):
            raise
        kinds = ", ".join(sorted({type(t).__name__ for t in tensors if t is not None}))
        raise DTypeError(
            f"{function}: not supported for {kinds}: {str(error).splitlines()[0] if str(error) else error!r}"
        ) from error


def _is_fake(tensor):
    return isinstance(tensor, torch._subclasses.FakeTensor)


def has_traceable(function):
    """Whether torch has the loss, and traces it rightly."""
    return function in OF_TORCH and function not in _NOT_TRACED


def _has_weight(function, tensors):
    """Whether torch's function would forget the weight, as its l1_loss does under __torch_function__."""
    return function == "l1_loss" and tensors[2] is not None


def _weighted_l1_loss(reduction, input, target, weight):
    losses = weight * OF_TORCH["l1_loss"](input, target, reduction="none")
    if reduction == "none":
        return losses
    return losses.sum() / weight.sum() if reduction == "mean" else losses.sum()


def _is_tensor(tensor):
    return isinstance(tensor, torch.Tensor)


def _is_wrapper(tensor):
    return type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__


def refuse_others(function, tensors, options):
    """Raises DTypeError for operands that are not tensors and options that are not numbers."""
    for name, tensor in zip(ARGUMENTS[function], tensors, strict=False):
        if tensor is not None and not isinstance(tensor, torch.Tensor):
            raise DTypeError(f"{function}: {name} is a {type(tensor).__name__} (valid: a torch.Tensor)") from None
    for name, value in options.items():
        if not isinstance(value, (bool, int, float, tuple)):
            raise DTypeError(f"{function}: {name} is {value!r} (valid: a number)") from None
