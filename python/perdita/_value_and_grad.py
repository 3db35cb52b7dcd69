import functools

import numpy as np

from perdita import functional
from perdita._functions import functions


def value_and_grad(function, argnums=0):
    """A function that gives a loss and its gradient in one pass.

        loss, gradient = perdita.value_and_grad(F.mse_loss)(output, target)
        loss, (by_input, by_target) = perdita.value_and_grad(F.mse_loss, argnums=(0, 1))(output, target)

    function: one of perdita.functional. argnums: the array arguments to differentiate by, counted as in its signature;
    an int gives one gradient, a tuple a tuple. The loss must be reduced ('mean' or 'sum'), or have one element.
    Raises TypeError for other functions, ValueError for arguments that are no arrays.
    """
    name = getattr(function, "__name__", "")
    if getattr(functional, name, None) is not function:
        raise TypeError(f"value_and_grad: {function!r} is not a function of perdita.functional")
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not wanted or any(not isinstance(i, int) or not 0 <= i < 8 for i in wanted) or list(wanted) != sorted(set(wanted)):
        raise ValueError(f"value_and_grad: argnums is {argnums!r} (valid: 0, 1, ... or an ascending tuple of them)")
    differentiated = functions(functional._call_with_gradients(wanted), np)[name]

    @functools.wraps(function)
    def value_and_gradient(*args, **kwargs):
        value, gradients = differentiated(*args, **kwargs)
        return value, gradients[0] if isinstance(argnums, int) else gradients

    return value_and_gradient
