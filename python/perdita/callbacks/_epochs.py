"""Helpers of the callbacks: values under the names that the report reads, steps that may be recorded already."""

from typing import Any

from perdita._recorded_step import number_of
from perdita._recorder import Recorder
from perdita.errors import DTypeError

_PREFIXES = ("val_", "valid_", "validation_", "eval_", "test_")


def check_recorder(name: str, recorder: Any) -> Recorder:
    if not isinstance(recorder, Recorder):
        raise DTypeError(f"{name}: recorder is {recorder!r} (valid: a perdita.Recorder)")
    return recorder


def validation_values(metrics: Any) -> dict[str, float]:
    """Numbers of validation metrics as val_loss, val_accuracy, val_NAME; "eval_loss" and "loss" are val_loss."""
    values = {}
    for name, value in dict(metrics).items():
        for prefix in _PREFIXES:
            if name.startswith(prefix):
                name = name[len(prefix) :]
                break
        name = {"acc": "accuracy", "nll": "loss"}.get(name) or name
        try:
            values["val_" + name.replace("/", "_")] = number_of("epoch", name, value)
        except DTypeError:  # a table, a text
            continue
    return values


class Steps:
    """Notices whether a step was recorded by the loss, and records it otherwise."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self._steps = recorder, recorder.steps

    def add(
        self,
        loss: Any,
        losses: Any = None,
        outputs: Any = None,
        targets: Any = None,
        index: Any = None,
        count: int | None = None,
    ) -> None:
        """A step, unless the training loop recorded it itself since the last call. count: the number of samples of a loss
        that is already reduced, by which it counts in the mean of the epoch."""
        if self.recorder.steps == self._steps:
            if losses is not None:
                self.recorder(losses, outputs, targets, index=index)
            else:
                loss = loss.detach() if hasattr(loss, "detach") else loss
                self.recorder(loss if count is None else loss.reshape(1).expand(count))
        self._steps = self.recorder.steps


def part_of(output: Any, *names: str) -> Any:
    """The first of these entries of a dictionary, or None."""
    if isinstance(output, dict):
        for name in names:
            if name in output:
                return output[name]
    return None
