"""The losses as one operator of torch's, which torch.compile takes into its graph as it is."""

import torch
from torch.fx.experimental.symbolic_shapes import guard_scalar

from perdita._catalogue import is_optional, meanings_of, roles_of, takes_class_probabilities, unit_of
from perdita._extras import LossExtras
from perdita._functions import loss_of_text
from perdita.torch._composed.checks import has_shape
from perdita.torch._types import result_type

# An operator's arguments are tensors, numbers and strings: options travel as text, as the core reads it. The schemas are
# written, since older releases of torch do not derive that of a function that returns list[Tensor].
_OPERANDS = "Tensor a, Tensor b, Tensor? c, Tensor? d, Tensor? e"
_SCHEMA = (
    f"(str function, str options, str reduction, str normalize_by, SymInt wanted, bool with_extras, {_OPERANDS})"
    " -> Tensor[]"
)
_SCHEMA_OF_GRADIENTS = (
    f"(str function, str options, str normalize_by, SymInt wanted, Tensor upstream, {_OPERANDS}) -> Tensor[]"
)


@torch.library.custom_op("perdita::loss", mutates_args=(), schema=_SCHEMA)
def _loss(
    function: str,
    options: str,
    reduction: str,
    normalize_by: str,
    wanted: int,
    with_extras: bool,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor | None,
    d: torch.Tensor | None,
    e: torch.Tensor | None,
) -> list[torch.Tensor]:
    """The loss; its extras, where asked for (see LossExtras; its numbers as float64 without dimensions); and, if it is
    reduced, the gradients of the tensors whose bit is set."""
    loss = loss_of_text(function, reduction, normalize_by, options)
    wanted = 0 if reduction == "none" else wanted
    if with_extras:
        value, (*numbers, losses, margins, hits), evaluation = loss.forward_with_extras((a, b, c, d, e), wanted)
        found = [torch.tensor(number, dtype=torch.float64) for number in numbers]
        found.append(losses.clone() if reduction == "none" else losses)  # else they are the value itself
        found += [] if margins is None else [margins, hits]
        return [value, *found, *(evaluation.backward(value.new_ones(())) if wanted else ())]
    if not wanted:
        return [loss.value((a, b, c, d, e))]
    value, gradients = loss.value_and_gradients((a, b, c, d, e), wanted)
    return [value, *gradients]


@torch.library.custom_op("perdita::loss_gradients", mutates_args=(), schema=_SCHEMA_OF_GRADIENTS)
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
    e: torch.Tensor | None,
) -> list[torch.Tensor]:
    """The gradients of losses that are not reduced."""
    _, evaluation = loss_of_text(function, "none", normalize_by, options).forward((a, b, c, d, e), wanted)
    return list(evaluation.backward(upstream))


@_loss.register_fake
def _(function, options, reduction, normalize_by, wanted, with_extras, a, b, c, d, e):
    dtype = result_type(function, (a, b, c, d, e))
    # Asked for only where it is used: the number of groups is new to torch each time.
    shape = _shape(function, options, (a, b, c, d, e)) if with_extras or reduction == "none" else ()
    found = [a.new_empty(() if reduction != "none" else shape, dtype=dtype)]
    if with_extras:
        found += [a.new_empty((), dtype=torch.float64), a.new_empty((), dtype=torch.float64)]
        found.append(a.new_empty(shape, dtype=dtype))
        if _has_margins(function, a, b):
            found += [a.new_empty(shape, dtype=dtype), a.new_empty(shape, dtype=torch.bool)]
    gradients = [] if reduction == "none" else _wanted_of((a, b, c, d, e), wanted)
    return found + [t.new_empty(t.shape) for t in gradients]


@_loss_gradients.register_fake
def _(function, options, normalize_by, wanted, upstream, a, b, c, d, e):
    return [t.new_empty(t.shape) for t in _wanted_of((a, b, c, d, e), wanted)]


def _wanted_of(tensors, wanted):
    return [tensor for i, tensor in enumerate(tensors) if wanted >> i & 1]


def _has_margins(function, a, b):
    """Whether the extras have margins and hits."""
    return takes_class_probabilities(function) and not (b.dtype.is_floating_point and a.shape == b.shape)


def _shape(function, options, tensors):
    """The shape of losses that are not reduced."""
    a, b = tensors[:2]
    unit = unit_of(function)
    if unit == "row":
        if "class indices" not in meanings_of(function):
            return a.shape[:-1]
        classes_dim = 0 if a.dim() == 1 else 1
        return b.shape if not has_shape(a, b.shape) else a.shape[:classes_dim] + a.shape[classes_dim + 1 :]
    if unit == "mask":
        chosen = options.split(",")
        has_classes = not has_shape(a, b.shape) or "multilabel=true" in chosen
        items = () if a.dim() == 1 or "batch=true" in chosen else a.shape[:1]
        return (*items, *(a.shape[1:2] if has_classes else ()))
    if unit == "sequence":
        return a.shape[:1] if a.dim() == 4 else a.shape[1:2] if a.dim() == 3 else ()
    if unit == "image":
        return a.shape[:-3]
    if unit == "event":
        return a.shape
    if unit == "group":
        return _shape_of_groups(function, tensors)
    if function == "quantile_loss" and "/" in options:
        return a.shape
    named = list(zip(tensors, roles_of(function), meanings_of(function), strict=False))  # less those not given
    if unit == "vector":
        if "boxes" in meanings_of(function):
            return a.shape[:-1]
        targets = [t for t, role, _ in named if role == "target"]
        required = zip(named, is_optional(function), strict=False)
        vectors = [t for (t, _, meaning), optional in required if meaning == "vectors" and not optional]
        return targets[0].shape if targets else torch.broadcast_shapes(*(t.shape for t in vectors))[:-1]
    if "ordered classes" in meanings_of(function):
        return a.shape
    compared = [t for t, role, _ in named if role != "weight"]
    return torch.broadcast_shapes(*(t.shape for t in compared))


def _shape_of_groups(function, tensors):
    """Rows are groups where no operand says which group a row belongs to; else only the data say how many there are."""
    groups = [t for t, meaning in zip(tensors, meanings_of(function), strict=False) if meaning == "groups"]
    if groups[0] is None:
        return tensors[0].shape[:-1]
    return (torch.library.get_ctx().new_dynamic_size(),)


def _setup(ctx, inputs, output):
    function, options, reduction, normalize_by, wanted, _, *tensors = inputs
    ctx.options = function, options, reduction, normalize_by, wanted
    ctx.set_materialize_grads(False)
    # Reduced losses have their gradients already; the others compute them when the upstream gradient is known.
    ctx.save_for_backward(*(tensors if reduction == "none" else output[len(output) - wanted.bit_count() :]))


def _backward(ctx, upstream):
    function, options, reduction, normalize_by, wanted = ctx.options
    upstream = upstream[0]
    if upstream is None:
        return (None,) * 11
    if reduction == "none":
        gradients = _loss_gradients(function, options, normalize_by, wanted, upstream, *ctx.saved_tensors)
    else:
        gradients = [gradient * upstream for gradient in ctx.saved_tensors]
    following = iter(gradients)
    return *(None,) * 6, *(next(following) if wanted >> i & 1 else None for i in range(5))


_loss.register_autograd(_backward, setup_context=_setup)


def constant_of(option):
    """An option as a constant of the graph that torch.compile makes. With dynamic=True a number that changes between calls
    is a symbol, which has no text: a graph is made for each of its values instead."""
    if isinstance(option, tuple):
        return tuple(guard_scalar(number) for number in option)
    return guard_scalar(option) if isinstance(option, (bool, int, float)) else option


def loss_operator(function, tensors, reduction, normalize_by, options, return_extras, is_recorded=False):
    """The loss of up to five tensors. options: as text. With extras their numbers are tensors. is_recorded: whether the
    call is kept in a trace, whose later operands may require gradients where these do not."""
    tensors = (*tensors, None, None, None)[:5]
    wanted = 0
    for i, tensor in enumerate(tensors):
        if tensor is None:
            continue
        if tensor.requires_grad and torch.is_grad_enabled() or is_recorded and tensor.is_floating_point():
            wanted |= 1 << i
    value, *found = _loss(function, options, reduction, normalize_by or "standard", wanted, return_extras, *tensors)
    if not return_extras:
        return value
    extras = [tensor.detach() for tensor in found[: 5 if _has_margins(function, *tensors[:2]) else 3]]
    return value, LossExtras(*extras, *(None,) * (5 - len(extras)))
