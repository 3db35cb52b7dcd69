"""What holds for all losses of the process."""

from perdita import _checks, _core


def num_threads() -> int:
    """How many threads the losses on NumPy arrays use."""
    return _core.num_threads()


def set_num_threads(count: int) -> None:
    """How many threads the losses on NumPy arrays use (those on torch tensors: torch.set_num_threads()). A child of
    os.fork() uses one. Raises TypeError, ValueError."""
    _core.set_num_threads(_checks.integer("set_num_threads", "count", count, 1, 1024))


def set_validation(on: bool) -> None:
    """Whether every loss checks that inputs and targets lie where it is defined, as validate=True does for one call.

        perdita.set_validation(True)
        F.hinge_embedding_loss(x, np.array([0.0, 1.0]))     # ValueError: target[0] is 0 (valid: -1 or 1)

    False at first: it costs a pass over memory. Losses that torch computes (other devices, torch_exact()) are not
    checked.
    """
    _core.set_validation(_checks.flag("set_validation", "on", on))


def validation() -> bool:
    """Whether set_validation() is on."""
    return _core.validation()
