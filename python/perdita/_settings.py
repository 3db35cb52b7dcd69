"""Global settings of the process."""

from perdita import _checks, _core


def num_threads() -> int:
    """The number of threads used by losses of NumPy arrays."""
    return _core.num_threads()


def set_num_threads(count: int) -> None:
    """Sets the number of threads used by losses of NumPy arrays (for torch tensors, use torch.set_num_threads()). A child
    of os.fork() uses one. Raises TypeError, ValueError."""
    _core.set_num_threads(_checks.integer("set_num_threads", "count", count, 1, 1024))


def set_validation(on: bool) -> None:
    """Sets whether every loss checks that inputs and targets are in its domain, like validate=True for a single call.

        perdita.set_validation(True)
        F.hinge_embedding_loss(x, np.array([0.0, 1.0]))     # ValueError: target[0] is 0 (valid: -1 or 1)

    The default is False, because the check needs a pass over memory. Losses computed by torch (other devices,
    torch_exact()) are not checked.
    """
    _core.set_validation(_checks.flag("set_validation", "on", on))


class detect_nonfinite:
    """Raises NumericalError if a loss, or its derivative with respect to a prediction, is NaN or infinite.

        perdita.detect_nonfinite()                 # from now on
        with perdita.detect_nonfinite():           # or within a block
            criterion(model(x), target).backward()

    The error is raised by the call of the loss, before backward(). It names the loss, or the part of a sum, the first row,
    and the operand that is not finite there: "dice: the loss of row 3 is nan: input[3, 1] is nan". A sum of finite losses
    that overflows, and a mean of no losses, are errors, too. Each loss is computed three times. Losses computed by operators
    of torch (other devices, transforms, traces, formulas with parameters) are not searched.
    """

    def __init__(self, on: bool = True) -> None:
        self._before = _core.nonfinite_detection()
        _core.set_nonfinite_detection(_checks.flag("detect_nonfinite", "on", on))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        _core.set_nonfinite_detection(self._before)


def validation() -> bool:
    """Whether set_validation() is on."""
    return _core.validation()
