"""Recorder for Lightning.

    trainer = L.Trainer(callbacks=[perdita.callbacks.lightning.Callback(perdita.Recorder("runs/a"))])

training_step computes its loss by recorder.loss(), or returns {"loss", "losses", "logits", "targets", "index"}, of which all
but the loss are optional. validation_step may return {"logits", "targets"}, which the report then evaluates.

With the environment variable PERDITA_RUN=FOLDER, every Trainer gets the callback without a change of the program.
"""

import os
from typing import Any

import torch

try:
    from lightning.pytorch import Callback as _Callback
except ImportError:
    from pytorch_lightning import Callback as _Callback  # the older name of the package

from perdita._recorder import Recorder
from perdita.callbacks._epochs import Steps, check_recorder, part_of, validation_values

__all__ = ["Callback"]


class Callback(_Callback):
    """Records the steps of training and what validation logs, ends epochs, and finishes the run. The state of the recorder
    is part of the checkpoints."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = check_recorder("Callback", recorder)
        self._steps = Steps(recorder)
        self._outputs: list[Any] = []
        self._targets: list[Any] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        loss = part_of(outputs, "loss") if isinstance(outputs, dict) else outputs
        if loss is None:  # the step was skipped
            return
        self._steps.add(
            loss * trainer.accumulate_grad_batches,  # Lightning divides it
            part_of(outputs, "losses"),
            part_of(outputs, "logits", "outputs", "preds"),
            part_of(outputs, "targets", "labels", "target", "y"),
            part_of(outputs, "index"),
        )
        if trainer.optimizers:
            self._recorder.log(lr=trainer.optimizers[0].param_groups[0]["lr"])

    def on_validation_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._outputs, self._targets = [], []

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        logits = part_of(outputs, "logits", "outputs", "preds")
        targets = part_of(outputs, "targets", "labels", "target", "y")
        if logits is None or targets is None or trainer.sanity_checking or dataloader_idx:
            return
        self._outputs.append(logits.detach().cpu())
        self._targets.append(targets.detach().cpu())

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if not self._recorder.has_open_epoch:
            return
        metrics = {k: v for k, v in trainer.callback_metrics.items() if k.startswith(("val", "eval"))}
        self._recorder.log(**validation_values(metrics))
        self._recorder.epoch(self._validation())

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        if self._recorder.steps and not self._recorder.is_finished:
            self._recorder.finish(self._validation())

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._recorder.__exit__(type(exception), exception, None)

    def state_dict(self) -> dict[str, Any]:
        return self._recorder.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._recorder.load_state_dict(state_dict)
        self._steps = Steps(self._recorder)

    def _validation(self):
        return (torch.cat(self._outputs), torch.cat(self._targets)) if self._outputs else None


def callbacks() -> list[Callback]:
    """The callbacks that Lightning adds to every Trainer: one if PERDITA_RUN is set, otherwise none."""
    folder = os.environ.get("PERDITA_RUN")
    return [Callback(Recorder(folder))] if folder else []
