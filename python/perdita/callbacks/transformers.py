"""Recorder for the Trainer of transformers.

    recorder = perdita.Recorder("runs/a", class_names=names)
    trainer = Trainer(
        model, args, train_dataset=indexed(train), eval_dataset=test,
        compute_loss_func=loss("focal:gamma=2", recorder, indexed=True), callbacks=[Callback(recorder)],
    )

Without compute_loss_func, the callback records the loss that the Trainer logs.
"""

import os
from collections.abc import Callable
from typing import Any

import torch
import transformers

from perdita._recorded_step import RecordedStep
from perdita._recorder import Recorder
from perdita.callbacks._epochs import check_recorder, validation_values
from perdita.errors import DomainError

__all__ = ["Callback", "indexed", "loss"]

_STATE = "perdita_recorder.pt"


def loss(
    loss: Any, recorder: Recorder, *, indexed: bool = False, shift: bool | None = None, **options: Any
) -> Callable[..., torch.Tensor]:
    """A loss for `Trainer(compute_loss_func=...)` that records each training step.

    loss, options: as for Recorder.loss(). indexed: whether the training data are indexed(), so that margins of samples are
    known. shift: of logits [N, T, C], whether position t predicts label t + 1 (causal language models); they have to be
    given for such logits. Losses are divided by num_items_in_batch, as those of the Trainer. In evaluation nothing is
    recorded.
    """
    check_recorder("loss", recorder)
    steps: list[RecordedStep] = []
    recorded = recorder.loss(loss, **options)
    recorded._record = steps.append

    def compute(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        logits = outputs["logits"] if isinstance(outputs, dict) else outputs.logits
        index = None
        if indexed and labels.ndim == 2 and labels.shape[1] == 2 and logits.requires_grad:
            labels, index = labels[:, 0], labels[:, 1]
        logits, labels = _aligned(logits, labels, shift)
        value = recorded(logits, labels, index=index, normalize_by=num_items_in_batch)
        step = steps.pop()
        if logits.requires_grad:
            _record(recorder, step, labels)
        return value

    return compute


def _aligned(logits, labels, shift):
    """Rows of logits and their labels."""
    if logits.ndim == 3:
        if shift is None:
            raise DomainError(
                f"loss: logits have shape {list(logits.shape)} (valid: with shift=True for causal language models, or "
                f"shift=False, for example for token classification)"
            )
        if shift:
            logits, labels = logits[:, :-1], labels[:, 1:]
        return logits.flatten(0, 1), labels.flatten()
    if logits.ndim == 2 and logits.shape[1] == 1:
        logits = logits[:, 0]
    return logits, labels


def _record(recorder, step, labels):
    """With the mean of the batch as its loss: what the Trainer minimizes is divided by the items of all micro-batches."""
    losses = step.losses
    used = (labels != -100).sum().clamp(min=1) if losses.shape == labels.shape else losses.numel()
    step.loss = losses.sum() / used
    if step.is_on_cpu:
        step.loss = float(step.loss)
    recorder._record(step)


class _Indexed(torch.utils.data.Dataset):
    def __init__(self, dataset, label):
        self._dataset, self._label = dataset, label

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, index):
        item = dict(self._dataset[index])
        item["labels"] = torch.tensor([int(item.pop(self._label)), index])
        return item


def indexed(dataset: Any, label: str = "labels") -> torch.utils.data.Dataset:
    """A dataset whose labels are [class, index of the sample], for loss(indexed=True). label: the key of the class."""
    return _Indexed(dataset, label)


class Callback(transformers.TrainerCallback):
    """Ends epochs, records learning rate, gradient norm and evaluations, and finishes the run. The state of the recorder
    is saved in each checkpoint, and read when the Trainer resumes, with Recorder(..., resume=True)."""

    def __init__(self, recorder: Recorder, *, finish: bool = True) -> None:
        self._recorder, self._finish = check_recorder("Callback", recorder), finish
        self._records_losses = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        path = os.path.join(args.output_dir, f"checkpoint-{state.global_step}", _STATE)
        if state.global_step and os.path.exists(path):
            self._recorder.load_state_dict(torch.load(path, weights_only=False))

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        # Evaluations come after on_epoch_end.
        if self._recorder.has_open_epoch:
            self._recorder.epoch()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        logs = logs or {}
        if "loss" in logs and (self._records_losses or self._recorder.steps == 0):
            self._records_losses = True
            self._recorder(float(logs["loss"]))
        names = {"learning_rate": "lr", "grad_norm": "grad_norm"}
        self._recorder.log(**{new: logs[name] for name, new in names.items() if name in logs})

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        speed = ("runtime", "per_second", "epoch")
        self._recorder.log(**validation_values({k: v for k, v in (metrics or {}).items() if not k.endswith(speed)}))

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        folder = os.path.join(args.output_dir, f"checkpoint-{state.global_step}")
        found = self._recorder.state_dict()
        if state.is_world_process_zero and os.path.isdir(folder):
            torch.save(found, os.path.join(folder, _STATE))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._finish and self._recorder.steps:
            self._recorder.finish()
