"""Recorder for fastai.

learner.fit_one_cycle(5, cbs=[Callback(recorder)])
"""

from typing import Any

from fastai.callback.core import Callback as _Callback
from fastai.learner import Recorder as _FastaiRecorder

from perdita._recorder import Recorder
from perdita.callbacks._epochs import Steps, check_recorder, validation_values

__all__ = ["Callback"]


class Callback(_Callback):
    """Records the loss of each batch, the learning rate and the metrics of each epoch, and finishes the run."""

    run_after = [_FastaiRecorder]

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._record = check_recorder("Callback", recorder)  # `recorder` is an attribute of fastai's learners

    def before_fit(self) -> None:
        self._steps = Steps(self._record)

    def after_loss(self) -> None:
        if self.training:
            self._steps.add(self.loss_grad, count=len(self.yb[0]))
            self._record.log(lr=self.opt.hypers[-1]["lr"])

    def after_epoch(self) -> None:
        if not self._record.has_open_epoch:  # a learning rate finder was stopped
            return
        names, values = self.recorder.metric_names[1:], self.recorder.log[1:]
        metrics: dict[str, Any] = dict(zip(names, values, strict=False))
        kept = {k: v for k, v in metrics.items() if k not in ("train_loss", "time") and v is not None}
        self._record.log(**validation_values(kept))
        self._record.epoch()

    def after_fit(self) -> None:
        if self._record.steps:
            self._record.finish()
