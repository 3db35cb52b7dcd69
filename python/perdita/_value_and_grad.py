import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from perdita import functional
from perdita._formula import Formula
from perdita._functions import functions


def value_and_grad(
    function: Callable[..., Any] | Formula, argnums: int | tuple[int, ...] | list[int] = 0
) -> Callable[..., tuple[Any, Any]]:
    """Returns a function that computes a loss and its gradient in one pass.

        loss, gradient = perdita.value_and_grad(F.mse_loss)(output, target)
        loss, (by_input, by_target) = perdita.value_and_grad(F.mse_loss, argnums=(0, 1))(output, target)

    function: a function of perdita.functional, or a perdita.formula. argnums: positions of the array arguments with
    respect to which to differentiate; an int returns one gradient, a tuple returns a tuple. The loss must be reduced
    ('mean' or 'sum') or have one element. Raises TypeError for other functions, ValueError for arguments that are not
    arrays.
    """
    name = "" if isinstance(function, Formula) else getattr(function, "__name__", "")
    if not isinstance(function, Formula) and getattr(functional, name, None) is not function:
        raise TypeError(f"value_and_grad: got {function!r} (valid: a function of perdita.functional)")
    wanted = (argnums,) if isinstance(argnums, int) else argnums
    is_valid = isinstance(wanted, (tuple, list)) and wanted and all(isinstance(i, int) and 0 <= i < 8 for i in wanted)
    if not is_valid or list(wanted) != sorted(set(wanted)):
        raise ValueError(
            f"value_and_grad: argnums is {argnums!r} (valid: 0, 1, ... or an ascending tuple of such integers)"
        )
    if isinstance(function, Formula):
        differentiated = functools.partial(function.call_with, functional._call_with_gradients(tuple(wanted)))
    else:
        differentiated = _differentiated(name, tuple(wanted))

    signed: Callable[..., Any] = function.__call__ if isinstance(function, Formula) else function

    @functools.wraps(signed)
    def value_and_gradient(*args, **kwargs):
        value, gradients = differentiated(*args, **kwargs)
        return value, gradients[0] if isinstance(argnums, int) else gradients

    return value_and_gradient


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
