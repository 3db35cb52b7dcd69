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


def validation() -> bool:
    """Whether set_validation() is on."""
    return _core.validation()
