"""The losses of torch.nn.functional on NumPy arrays, by the same names, argument order and defaults.

    import perdita.functional as F
    loss = F.cross_entropy(logits, labels, label_smoothing=0.1)

Arrays are what NumPy knows, or whatever has __dlpack__; they are not copied, whatever their strides. float32 and
float64 are computed as they are; float16 and bfloat16 (ml_dtypes) in float32, and returned in their own type. See
perdita.value_and_grad for gradients.
"""
import numpy as np

from perdita._extras import LossExtras
from perdita._functions import functions, loss_of


def _array(value):
    """An array that the core reads, and the narrow dtype it had, or None."""
    if value is None or type(value) is np.ndarray and value.dtype.char in "fdlqiB?":
        return value, None
    if not isinstance(value, (np.ndarray, np.generic)):
        if hasattr(value, "__dlpack__"):
            return value, None
        value = np.asarray(value)
    if value.dtype.name in ("float16", "bfloat16"):
        return value.astype(np.float32), value.dtype
    return np.asarray(value), None


def _prepared(operands):
    """The arrays as the core reads them, and the dtype in which results are returned where it is a narrow one."""
    arrays, narrow = [], None
    for operand in operands:
        array, dtype = _array(operand)
        arrays.append(array)
        narrow = narrow or dtype
    return tuple(arrays), narrow


def _narrowed(result, dtype):
    return result if dtype is None else np.asarray(result).astype(dtype)[()]


def _call(function, operands, reduction, normalize_by, return_extras, **options):
    loss = loss_of(function, reduction, normalize_by, tuple(options.items()))
    arrays, narrow = _prepared(operands)
    if return_extras:
        value, extras = loss.value_and_extras(arrays)
        return _narrowed(value, narrow), LossExtras(*extras)
    return _narrowed(loss.value(arrays), narrow)


def _call_with_gradients(argnums):
    """A call that returns (loss, gradients by these operands)."""
    wanted = sum(1 << i for i in argnums)

    def call(function, operands, reduction, normalize_by, return_extras, **options):
        loss = loss_of(function, reduction, normalize_by, tuple(options.items()))
        arrays, narrow = _prepared(operands)
        value, gradients = loss.value_and_gradients(arrays, wanted)
        return _narrowed(value, narrow), tuple(_narrowed(gradient, narrow) for gradient in gradients)

    return call


globals().update(functions(_call))
__all__ = sorted(functions(_call))
