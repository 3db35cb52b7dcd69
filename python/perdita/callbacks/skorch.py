"""Recorder for skorch.

NeuralNetClassifier(module, criterion=torch.nn.CrossEntropyLoss, callbacks=[Callback(recorder)]).fit(X, y)
"""

from typing import Any

from skorch.callbacks import Callback as _Callback

from perdita._recorder import Recorder
from perdita.callbacks._epochs import Steps, check_recorder, validation_values

__all__ = ["Callback"]


class Callback(_Callback):
    """Records the loss of each batch and the values of each epoch, and finishes the run."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def initialize(self) -> "Callback":
        self._steps = Steps(check_recorder("Callback", self.recorder))
        return self

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        if training:
            self._steps.add(kwargs["loss"], count=len(kwargs["y_pred"]))

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        last = net.history[-1]
        values = {k: v for k, v in last.items() if k.startswith("valid_") and not k.endswith(("_best", "batch_count"))}
        self.recorder.log(**validation_values(values), lr=net.optimizer_.param_groups[0]["lr"])
        self.recorder.epoch()

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        if self.recorder.steps:
            self.recorder.finish()
