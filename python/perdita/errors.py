"""Exceptions of Perdita.

Each class is a ValueError or a TypeError, and also a subclass of the exception that PyTorch raises in the same case, so that
except clauses for torch.nn.functional work.
"""


class ShapeError(ValueError, RuntimeError):
    """An argument has the wrong shape, rank or number of elements."""


class DTypeError(TypeError, NotImplementedError):  # which is a RuntimeError
    """An argument has the wrong element type."""


class DomainError(ValueError, RuntimeError):
    """An argument, option or element has a value outside its domain."""


class LabelError(ValueError, IndexError, RuntimeError):
    """A class label is out of range."""


class GraphError(RuntimeError):
    """An operation is not supported by the autograd graph."""


class NumericalError(ArithmeticError, RuntimeError):
    """A loss or a derivative is NaN or infinite, see perdita.detect_nonfinite()."""


class DataError(ValueError):
    """A file is malformed or contains invalid data."""


class FileError(OSError):
    """A file cannot be read or written."""
