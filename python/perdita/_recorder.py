"""Recording of training loops that are not Perdita's, as the folders that `perdita train` writes."""

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from perdita import _checks, _core, _ranks
from perdita._arrays import rows_of
from perdita._formula import Formula
from perdita._loss_text import LossLike, text_of_loss
from perdita._recorded_loss import RecordedLoss
from perdita._recorded_step import RecordedStep, is_on_cpu, number_of, numbers_of, step_of_outputs
from perdita._types import Array
from perdita.errors import DomainError, DTypeError

_STEPS_ON_DEVICE = 100
"""Steps whose tensors stay on their device before they are copied to the host together."""


class Recorder:
    """Records a training loop and writes the folder of a run: history, report, suspects and diagnosis.

        recorder = perdita.Recorder("runs/a", class_names=names)
        criterion = recorder.loss("focal:gamma=2")
        for epoch in range(10):
            for index, x, y in loader:
                loss = criterion(model(x), y, index=index)
                ...
            recorder.epoch(validation=(logits, labels))
        recorder.finish(test=(logits, labels))

    The files are config.json, history.jsonl, suspects.csv, report.html and its charts, as `perdita train` writes them.
    report.html is written again after epochs, and reloads itself in the browser until the run is finished.

    Parameters:
        folder: New or empty. Another process that writes to it is an error.
        class_names: One name per class; otherwise classes are numbered.
        data, model: What is trained on, and what is trained, for the report.
        loss: The loss that is minimized, as text ("focal:gamma=2"). `recorder.loss()` sets it.
        evaluation_loss: The loss of validation and test data. Default: `loss` if outputs and targets suffice to
            compute it, otherwise cross_entropy for classes and mse for numbers, which is then recorded under
            its own name (val_cross_entropy).
        scale: Scale of the outputs that are evaluated. Default: the input of the loss.
        num_samples: Number of training samples. `index` is in 0..num_samples-1; without it, below 2**28.
        epochs: "auto": an epoch ends when a sample comes again, unless epoch() is called. "manual": epochs end
            with calls of epoch(), as sampling with replacement requires. In several processes
            (torch.distributed) epochs are manual.
        epoch_samples: An epoch ends after so many samples.
        config: Options of the run, for config.json and the report.
        overwrite: Replace a run in the folder, as soon as the first epoch of the new one has ended.
        resume: Continue the run in the folder; `load_state_dict()` is to be called first.
        tensorboard: Also write an event file for TensorBoard.
        charts: Formats of the charts as files. PNG files need librsvg.
        loggers: Objects with log_epoch(values, epoch) and log_report(path), such as those of
            perdita.callbacks.loggers.

    Tensors on other devices than the CPU stay there for 100 steps, so that no step waits for its device. A training
    sample with an index takes 8 bytes, and 4 for its label if there are classes. With torch.distributed, every process
    makes a recorder and calls epoch(), state_dict() and finish(); process 0 writes the files, with the samples of all.

    Raises:
        OSError (FileError): If the folder contains anything that would be lost, or another process writes to
            it.
        ValueError, TypeError: For invalid options, indices and labels, with what is valid.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        class_names: Sequence[Any] | None = None,
        data: str = "",
        model: str = "",
        loss: LossLike | None = None,
        evaluation_loss: str | None = None,
        scale: str | None = None,
        num_samples: int | None = None,
        epochs: str = "auto",
        epoch_samples: int | None = None,
        config: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        resume: bool = False,
        tensorboard: bool = False,
        charts: Sequence[str] = ("svg", "png"),
        loggers: Sequence[Any] = (),
    ) -> None:
        if epochs not in ("auto", "manual"):
            raise DomainError(f"Recorder: epochs is {epochs!r} (valid: 'auto', 'manual')")
        if unknown := set(charts) - {"svg", "png"}:
            raise DomainError(f"Recorder: charts has {unknown.pop()!r} (valid: 'svg', 'png')")
        self._folder = os.fspath(folder)
        if not self._folder:
            raise DomainError("Recorder: folder is '' (valid: the path of a new or empty folder)")
        self._ranks = _ranks.ranks()
        options = {
            "data": _checks.text("Recorder", "data", data),
            "model": _checks.text("Recorder", "model", model),
            "loss": text_of_loss("Recorder", loss) if loss is not None else "",
            "evaluation_loss": _checks.text("Recorder", "evaluation_loss", evaluation_loss, may_be_none=True) or "",
            "scale": _checks.text("Recorder", "scale", scale, may_be_none=True) or "",
            "class_names": [str(name) for name in class_names or ()],
            "num_samples": _checks.integer("Recorder", "num_samples", num_samples or 0, 0),
            "manual": epochs == "manual" or (self._ranks.count > 1 and epoch_samples is None),
            "epoch_samples": _checks.integer("Recorder", "epoch_samples", epoch_samples or 0, 0),
            "config": [(str(key), str(value)) for key, value in (config or {}).items()],
            "overwrite": _checks.flag("Recorder", "overwrite", overwrite),
            "resume": _checks.flag("Recorder", "resume", resume),
            "tensorboard": _checks.flag("Recorder", "tensorboard", tensorboard),
            "svg": "svg" in charts,
            "png": "png" in charts,
        }
        self._core = self._ranks.on_first(lambda: _core.Recorder(self._folder, options))
        if self._core is None:  # another process writes the files
            self._core = _core.Recorder("", {**options, "resume": False, "overwrite": False})
        self._waiting: list[RecordedStep] = []
        self._loggers = list(loggers) if self._ranks.rank == 0 else []
        self._logged_epochs = 0
        self._has_ended = False

    @property
    def folder(self) -> str:
        """The folder of the run."""
        return self._folder

    @property
    def epochs(self) -> int:
        """Number of epochs that have ended."""
        return self._core.epochs

    @property
    def steps(self) -> int:
        """Number of steps so far."""
        return self._core.steps + len(self._waiting)

    @property
    def has_open_epoch(self) -> bool:
        """Whether steps were recorded since the last epoch ended."""
        return self._core.has_open_epoch or bool(self._waiting)

    @property
    def is_finished(self) -> bool:
        """Whether finish() was called."""
        return self._has_ended or self._core.is_finished

    @property
    def diagnosis(self) -> list[dict[str, str]]:
        """Issues of the run, each with the keys issue, text and advice; known after finish()."""
        return self._core.findings()

    def loss(self, loss: str | Formula | Callable[..., Any], **options: Any) -> RecordedLoss:
        """A loss that records each of its calls, for torch tensors and NumPy arrays.

            criterion = recorder.loss("focal:gamma=2")
            loss = criterion(logits, labels, index=index)               # torch: a tensor with a gradient
            loss, gradient = criterion(logits, labels, index=index)     # NumPy: the gradient with respect to logits

        loss: text as on the command line, a formula made by perdita.formula(), or a function of perdita.functional or
        perdita.torch.functional. options: further keywords of the loss. index: the indices of the batch among the
        training samples, [N]; None: unknown, so that margins of samples are not recorded. The other arguments are those
        of the loss.
        """
        recorded = RecordedLoss(self._record, loss, options)
        self._core.set_loss(recorded.text)
        return recorded

    def __call__(self, losses: Any, outputs: Any = None, targets: Any = None, *, index: Any = None) -> Any:
        """Records losses that were computed elsewhere, and returns their mean.

        losses: [N, ...], one row per sample, or a reduced loss. outputs: logits [N, C] or [N], and targets: class
        indices [N], for margins; may be None. index: as for loss().
        """
        losses = numbers_of("losses", losses)
        is_reduced = not losses.ndim
        mean = losses if is_reduced else losses.mean()
        self._record(step_of_outputs(mean, None if is_reduced else losses, outputs, targets, index))
        return mean

    def log(self, **values: Any) -> None:
        """Records values of the last step, for example lr and grad_norm. Values whose names begin with val_ belong to
        the epoch. Tensors on a device are read later."""
        for name, value in values.items():
            if self._waiting and not name.startswith("val_"):
                self._waiting[-1].values[name] = value.detach() if hasattr(value, "detach") else value
            else:
                if not is_on_cpu(value):
                    self._read_device()
                self._core.log(name, number_of("log", name, value))

    def epoch(self, validation: tuple[Any, Any] | None = None, **values: Any) -> None:
        """Ends an epoch.

        validation: (outputs, targets) of held-out samples, which are evaluated; or pass val_loss and val_accuracy.
        values: further values of the epoch.
        """
        self._read_device()
        numbers = [(name, number_of("epoch", name, value)) for name, value in values.items()]
        arrays = _held_out("validation", validation)
        for counts, _ in self._ranks.gather_on_first(lambda: self._core.state(False)):
            self._core.merge_epoch(counts)
        self._core.epoch(*arrays, numbers)
        self._log_epochs()

    def finish(
        self, validation: tuple[Any, Any] | None = None, test: tuple[Any, Any] | None = None
    ) -> list[dict[str, str]]:
        """Ends the run: evaluates the last outputs and writes suspects, diagnosis and report. Returns the diagnosis.

        validation, test: (outputs, targets) of samples that were not trained on. outputs: [N, C] for classes, otherwise
        of the shape of targets. The report shows the test data, or if there are none, the validation data.
        """
        self._read_device()
        arrays = *_held_out("validation", validation), *_held_out("test", test)
        for counts, samples in self._ranks.gather_on_first(lambda: self._core.state(True)):
            if self._core.has_open_epoch:
                self._core.merge_epoch(counts)
            self._core.merge_samples(samples)
        if self._ranks.rank == 0 or self._core.steps:
            self._close(*arrays)
        self._has_ended = True
        return self.diagnosis

    def _close(self, *held_out: Array | None) -> None:
        """Ends the run of this process, and writes its files."""
        self._core.finish(*(held_out or (None,) * 4))
        self._log_epochs()
        for logger in self._loggers:
            logger.log_report(os.path.join(self._folder, "report.html"))

    def samples(self) -> dict[str, Any]:
        """Statistics of each training sample: margins (mean margin: area under the margin), losses (mean loss) and
        visits, as arrays of one entry per sample; empty if no index was recorded."""
        self._read_device()
        return self._core.samples()

    def state_dict(self) -> dict[str, Any]:
        """The state, for a checkpoint of the training program: text and NumPy arrays."""
        self._read_device()
        counts, samples = self._core.state(True)
        if self._ranks.count > 1:
            everywhere = self._ranks.gather((counts, samples))
            return {"counts": [each[0] for each in everywhere], "samples": [each[1] for each in everywhere]}
        return {"counts": [counts], "samples": [samples]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues the run of a state_dict(), in a recorder made with resume=True. The history is cut back to that
        moment. The number of processes must be the same."""
        if not isinstance(state, Mapping) or not {"counts", "samples"} <= set(state):
            raise DomainError("load_state_dict: the state lacks counts or samples (valid: the result of state_dict())")
        if len(state["counts"]) != self._ranks.count:
            raise DomainError(
                f"load_state_dict: the state is of {len(state['counts'])} processes, but there are {self._ranks.count} "
                f"(valid: the same number)"
            )
        samples = {name: np.asarray(array) for name, array in state["samples"][self._ranks.rank].items()}
        self._core.load_state(state["counts"][self._ranks.rank], samples)

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Finishes the run, if finish() was not called; also if an error ends the block, so that its report exists. After an
        error the report of several processes has the steps of process 0 only: the others may not take part."""
        if self.is_finished:
            return
        if kind is None:
            if any(self._ranks.gather(self.steps)):
                self.finish()
            return
        try:
            self._read_device()
            if self.steps:
                self._close()
        except Exception as failure:  # the error of the block is the one to raise
            warnings.warn(
                f"Recorder: the run in {self._folder} could not be finished: {failure}", RuntimeWarning, stacklevel=2
            )

    def _record(self, step: RecordedStep) -> None:
        if step.is_on_cpu:
            if self._waiting:
                self._read_device()
            self._add(step)
            if self._loggers:
                self._log_epochs()
            return
        self._waiting.append(step)
        if len(self._waiting) >= _STEPS_ON_DEVICE:
            self._read_device()

    def _add(self, step: RecordedStep) -> None:
        step = step.without_uncounted()
        self._core.step(step.losses, step.margins, step.labels, step.index, step.loss)

    def _log_epochs(self) -> None:
        """Passes the last epoch to the loggers, if it has ended since the last call."""
        if self._core.epochs == self._logged_epochs:
            return
        self._logged_epochs = self._core.epochs
        for logger in self._loggers:
            logger.log_epoch(dict(self._core.last_epoch()), self._logged_epochs)

    def _read_device(self) -> None:
        """Copies the steps that wait on a device to the host."""
        waiting, self._waiting = self._waiting, []
        for step in waiting:
            step = step.on_host()
            self._add(step)
            for name, value in step.values.items():
                self._core.log(name, number_of("log", name, value))


def _held_out(name: str, pair: tuple[Any, Any] | None) -> tuple[Array | None, Array | None]:
    """Outputs and targets as arrays on the host that the core reads."""
    if pair is None:
        return None, None
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise DTypeError(f"Recorder: {name} is a {type(pair).__name__} (valid: (outputs, targets))")
    outputs, targets = (_on_host(array) for array in pair)
    return rows_of("Recorder", f"{name} outputs", outputs), rows_of("Recorder", f"{name} targets", targets)


def _on_host(array: Any) -> Any:
    torch = sys.modules.get("torch")
    return array.detach().cpu() if torch is not None and isinstance(array, torch.Tensor) else array
