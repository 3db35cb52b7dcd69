"""Recorder for Keras 3, with any backend.

model.fit(x, y, validation_data=(x_val, y_val), callbacks=[Callback(recorder, validation=(x_val, y_val))])
"""

from typing import Any

import keras

from perdita._recorder import Recorder
from perdita.callbacks._epochs import check_recorder, validation_values

__all__ = ["Callback"]


class Callback(keras.callbacks.Callback):
    """Records the losses and metrics of each epoch, and finishes the run.

    validation: (inputs, targets); the model's predictions for the inputs are evaluated at the end. Their scale is that of
    Recorder(scale=...): a model that ends in a softmax needs scale="probabilities".
    """

    def __init__(self, recorder: Recorder, validation: tuple[Any, Any] | None = None) -> None:
        super().__init__()
        self._recorder, self._validation = check_recorder("Callback", recorder), validation

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = dict(logs or {})
        self._recorder(float(logs.pop("loss")))
        rate = logs.pop("learning_rate", None)
        if rate is None:
            rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is not None:
            self._recorder.log(lr=float(rate))
        self._recorder.log(**validation_values({k: v for k, v in logs.items() if k.startswith("val_")}))
        others: dict[str, Any] = {f"train_{k}": float(v) for k, v in logs.items() if not k.startswith("val_")}
        self._recorder.epoch(**others)

    def on_train_end(self, logs: Any = None) -> None:
        if not self._recorder.steps:
            return
        if self._validation is None:
            self._recorder.finish()
            return
        inputs, targets = self._validation
        self._recorder.finish((self.model.predict(inputs, verbose=0), targets))
