"""Conversion of operands (NumPy, pandas, torch, sequences) to arrays that the core reads, with errors for others."""

import numpy as np

from perdita import _core
from perdita.errors import DomainError, DTypeError

_READ = "fdlqiB?"  # characters of the dtypes that the core reads as they are


def array_of(function, name, value, *, may_require_grad=False):
    """(array, narrow): an array that the core reads, and the float16 or bfloat16 that it was, or None.

    function, name: of the operand, for errors. may_require_grad: whether a torch tensor that requires a gradient is
    read; where a loss is returned its graph would be lost."""
    if value is None or type(value) is np.ndarray and value.dtype.char in _READ:
        return value, None
    if not isinstance(value, (np.ndarray, np.generic)):
        if not may_require_grad and getattr(value, "requires_grad", False):
            _refuse_graph(function, name)
        if hasattr(value, "__dlpack__"):
            return value, None
        value = _from_others(function, name, value)
    if isinstance(value, np.ma.MaskedArray):
        value = _unmasked(function, name, value)
    if value.dtype.name in ("float16", "bfloat16"):
        return value.astype(np.float32), value.dtype
    if value.dtype.char == "O":
        _refuse_objects(function, name, value)
    return np.asarray(value), None


def numpy_of(function, name, value):
    """`value` as a NumPy array of any dtype, for computations outside of the core."""
    if getattr(value, "requires_grad", False):
        _refuse_graph(function, name)
    _core.check_readable(function, name, value)
    if isinstance(value, np.ma.MaskedArray):
        value = _unmasked(function, name, value)
    array = np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else _from_others(function, name, value)
    if array.dtype.char == "O":
        _refuse_objects(function, name, array)
    return array


def arrays_of(function, names, operands, *, may_require_grad=False):
    """(arrays, narrow) of some operands: narrow is the first dtype of that kind, in which results are returned."""
    arrays, narrow = [], None
    for i, operand in enumerate(operands):
        array, dtype = array_of(function, names[i], operand, may_require_grad=may_require_grad)
        arrays.append(array)
        narrow = narrow or dtype
    return tuple(arrays), narrow


def _from_others(function, name, value):
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise DTypeError(
            f"{function}: {name} is a {type(value).__name__} that NumPy cannot read: {reason} (valid: an array)"
        ) from None


def _refuse_graph(function, name):
    namespace = "perdita.torch.functional"
    raise DTypeError(
        f"{function}: {name} is a torch tensor that requires grad, and the result would have no gradient (valid: "
        f"{namespace} and perdita.torch.nn for gradients, or {name}.detach())"
    )


def _unmasked(function, name, value):
    masked = int(np.ma.count_masked(value))
    if masked:
        raise DomainError(
            f"{function}: {name} is a masked array with {masked} masked elements (valid: no masked elements; "
            f"select {name}[~mask] and the same elements of the other operands)"
        )
    return value.data


def _refuse_objects(function, name, array):
    """Raises DTypeError for arrays of objects (strings, missing values, rows of unequal length), naming the first element
    that is not a number."""
    for index, element in np.ndenumerate(array):
        kind = type(element).__name__
        if kind == "NAType" or element is None:
            raise DTypeError(
                f"{function}: {name}{list(index)} is missing ({element}) (valid: numbers; dropna() or fillna() first)"
            )
        if not isinstance(element, (bool, int, float, np.bool_, np.integer, np.floating)):
            break
    else:
        raise DTypeError(
            f"{function}: {name} holds Python objects (valid: an array of numbers, for example astype(float))"
        )
    hint = "numbers; pandas.factorize() converts names to class indices" if isinstance(element, str) else "numbers"
    raise DTypeError(f"{function}: {name}{list(index)} is {element!r}, a {kind} (valid: {hint})")


# ---- rows of any numbers ----

_VALID = "numbers: floats, integers or bool of at most 64 bits"


def rows_of(function, name, source):
    """An array of a type that the core reads as rows. Conversions are exact."""
    if str(getattr(source, "dtype", "")).startswith("torch."):
        source = _widened_torch(source)
    array = array_of(function, name, source, may_require_grad=True)[0]
    return _widened(function, name, array) if isinstance(array, np.ndarray) else array


def _widened(function, name, array):
    kind = array.dtype.kind
    if kind in "SU":
        raise DTypeError(f"{function}: {name} holds strings (valid: {_VALID}; numpy.unique(names, return_inverse=True) "
                         "converts names to class indices)")  # fmt: skip
    if kind not in "fiub" or array.dtype.itemsize > 8:
        raise DTypeError(f"{function}: {name} holds {array.dtype} elements (valid: {_VALID})")
    if kind == "u" and array.dtype.itemsize == 8 and array.size and array.max() >= 2**63:
        raise DTypeError(f"{function}: {name} holds {array.max()} (valid for uint64: below 2^63)")
    wanted = array.dtype.newbyteorder("=")
    if kind in "iu" and wanted not in (np.int64, np.int32, np.uint8):
        wanted = np.int64
    return np.asarray(array, wanted)


def _widened_torch(tensor):
    name = str(tensor.dtype).removeprefix("torch.")
    if name in ("bfloat16", "float16"):
        return tensor.detach().float()
    return tensor.long() if name in ("int8", "int16", "uint16", "uint32") else tensor
