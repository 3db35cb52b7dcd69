"""What Perdita raises.

Each class is a ValueError or a TypeError, and besides what PyTorch raises in such a case, so that an except clause that
was written for torch.nn.functional catches it too.
"""


class ShapeError(ValueError, RuntimeError):
    """An argument has the wrong shape, rank or number of elements."""


class DTypeError(TypeError, NotImplementedError):  # which is a RuntimeError
    """An argument has the wrong element type."""


class DomainError(ValueError, RuntimeError):
    """An argument, option or element has a value outside its domain."""


class LabelError(ValueError, IndexError, RuntimeError):
    """A class label is none of the classes."""


class GraphError(RuntimeError):
    """Autograd was asked for something its graph cannot give."""


class DataError(ValueError):
    """A file is malformed, or holds data that cannot be used."""


class FileError(OSError):
    """A file cannot be read or written."""
