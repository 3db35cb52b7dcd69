import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from perdita import _core, functional, nn
from perdita._arrays import arrays_of
from perdita._catalogue import ARGUMENTS, FORMULAS
from perdita._formula import Formula
from perdita._functions import functions
from perdita._loss_sum import is_sum, weighted
from perdita._modules import CLASSES
from perdita._options import loss_of_text, options_of


def value_and_grad(
    function: Callable[..., Any] | Formula | nn.Sum | str, argnums: int | tuple[int, ...] | list[int] = 0
) -> Callable[..., tuple[Any, Any]]:
    """Returns a function that computes a loss and its gradient in one pass.

        loss, gradient = perdita.value_and_grad(F.mse_loss)(output, target)
        loss, (by_input, by_target) = perdita.value_and_grad(F.mse_loss, argnums=(0, 1))(output, target)
        loss, gradient = perdita.value_and_grad("huber:delta=2")(output, target)

    function: a function of perdita.functional, a perdita.formula, a perdita.nn.Sum, or text, whose options are defaults of
    keywords; a sum as text, "0.7*mse + 0.3*l1". argnums:
    positions of the array arguments with respect to which to differentiate; an int returns one gradient, a tuple returns a
    tuple. The loss must be reduced ('mean' or 'sum') or have one element. Raises TypeError for other functions, ValueError
    for unknown losses and for arguments that are not arrays.
    """
    options: dict[str, Any] = {}
    if isinstance(function, str) and is_sum(function):
        function = nn.Sum(function)
    elif isinstance(function, str):
        function, options = _of_text(function)
    is_callable = isinstance(function, (Formula, nn.Sum))
    name = "" if is_callable else getattr(function, "__name__", "")
    if not is_callable and getattr(functional, name, None) is not function:
        raise TypeError(f"value_and_grad: got {function!r} (valid: a function of perdita.functional)")
    wanted = (argnums,) if isinstance(argnums, int) else argnums
    is_valid = isinstance(wanted, (tuple, list)) and wanted and all(type(i) is int and 0 <= i < 8 for i in wanted)
    if not is_valid or list(wanted) != sorted(set(wanted)):
        raise ValueError(
            f"value_and_grad: argnums is {argnums!r} (valid: 0, 1, ... or an ascending tuple of such integers)"
        )
    names = _arguments_of(function, name)
    if names and wanted[-1] >= len(names):
        raise ValueError(
            f"value_and_grad: argnums is {argnums!r}, but the loss takes {len(names)} arrays (valid: 0..{len(names) - 1}: "
            f"{', '.join(names)})"
        )
    if isinstance(function, Formula):
        differentiated = functools.partial(function.call_with, functional._call_with_gradients(tuple(wanted)))
    elif isinstance(function, nn.Sum):
        differentiated = functools.partial(_differentiated_sum, function, tuple(wanted))
    else:
        differentiated = functools.partial(_differentiated(name, tuple(wanted)), **options)

    signed: Any = function.__call__ if isinstance(function, (Formula, nn.Sum)) else function

    @functools.wraps(signed)
    def value_and_gradient(*args, **kwargs):
        value, gradients = differentiated(*args, **kwargs)
        return value, gradients[0] if isinstance(argnums, int) else gradients

    return value_and_gradient


def _differentiated_sum(loss, wanted, *operands, reduction=None, normalize_by=None):
    """(sum, gradients) by the core, which adds the gradients of the parts."""
    plain = loss._text_for_core()
    if plain is None:
        given = {"reduction": reduction, "normalize_by": normalize_by}
        return _of_parts(loss, wanted, operands, {name: value for name, value in given.items() if value is not None})
    text, common = plain
    options = reduction or common["reduction"], normalize_by or common["normalize_by"]
    core = loss_of_text("sum", *options, text)
    names = ARGUMENTS[_function_of_part(loss.losses[0])]
    arrays, narrow = arrays_of("sum", names, operands)
    value, gradients = core.value_and_gradients(arrays, sum(1 << i for i in wanted))
    return functional._narrowed(value, narrow), tuple(functional._narrowed(gradient, narrow) for gradient in gradients)


def _arguments_of(function, name):
    """The names of the arrays that the loss takes; of a sum, of the part with the fewest. None if they are not listed."""
    if isinstance(function, nn.Sum):
        return min((_arguments_of(None, _function_of_part(part)) for part in function.losses), key=len)
    if isinstance(function, Formula) or name in FORMULAS:
        return ARGUMENTS["formula"]
    parameters = inspect.signature(getattr(functional, name)).parameters
    return [operand for operand in ARGUMENTS[name] if operand in parameters] if name in ARGUMENTS else None


def _of_parts(loss, wanted, operands, options):
    """The same, part by part: for parts with weights, or with different reductions."""
    total, sums = 0, [0] * len(wanted)
    for part, weight in zip(loss.losses, loss.weights.values(), strict=True):
        named = dict(zip(ARGUMENTS[_function_of_part(part)], operands, strict=False))
        value, gradients = _differentiated_part(part, wanted)(**{**part.bound_options(), **named, **options})
        results = [weighted(x, weight) for x in (value, *gradients)]
        total, sums = total + results[0], [a + b for a, b in zip(sums, results[1:], strict=True)]
    return total, tuple(sums)


def _differentiated_part(part, wanted):
    if hasattr(part, "formula"):
        return functools.partial(part.call_with, functional._call_with_gradients(wanted))
    return _differentiated(CLASSES[part._loss], wanted)


def _function_of_part(loss):
    return loss.formula._function if hasattr(loss, "formula") else CLASSES[loss._loss]


def _of_text(text):
    """The function or formula of a text such as "huber:delta=2", and the options in it. Raises DomainError for an unknown
    loss."""
    name, _, rest = text.partition(":")
    if name.strip() == "formula":
        return Formula(rest.strip()), {}
    function = _core.function_of_loss(text)
    return getattr(functional, function), options_of(rest)


def _differentiated(name, wanted):
    """The function of that name as one that gives (loss, gradients by the operands at these places)."""
    if name != "linear_cross_entropy":
        return functions(functional._call_with_gradients(wanted), np)[name]
    places = 0, 1, 3  # input, linear_weight, linear_bias
    if not set(wanted) <= set(places):
        raise ValueError(
            f"value_and_grad: argnums is {wanted} (valid for linear_cross_entropy: 0 input, 1 linear_weight, 3 linear_bias)"
        )

    def call(input, linear_weight, target, **options):
        value, gradients = functional._linear_cross_entropy(
            input, linear_weight, target, wanted=tuple(place in wanted for place in places), **options
        )
        return value, tuple(gradient for gradient, place in zip(gradients, places, strict=True) if place in wanted)

    return call
