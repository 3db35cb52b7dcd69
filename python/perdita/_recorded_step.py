"""One step of a recorded training loop: losses, margins and labels of a batch, of NumPy or torch, on any device."""

import sys
from typing import Any

import numpy as np

from perdita.errors import DTypeError, LabelError, ShapeError


class RecordedStep:
    """Losses [N, ...], margins and labels of the same shape or None, index [N] or None, and the loss as a number (or, on
    a device, a tensor)."""

    __slots__ = ("index", "is_on_cpu", "labels", "loss", "losses", "margins", "values")

    def __init__(self, loss: Any, losses: Any, margins: Any, labels: Any, index: Any, is_on_cpu: bool) -> None:
        self.loss, self.losses, self.margins, self.labels = loss, losses, margins, labels
        self.index, self.is_on_cpu = index, is_on_cpu
        self.values: dict[str, Any] = {}

    def on_host(self):
        """The same with tensors on the CPU; waits for the device."""
        losses, margins, labels = _on_host(self.losses), _on_host(self.margins), _on_host(self.labels)
        step = RecordedStep(float(self.loss), losses, margins, labels, _on_host(self.index), True)
        step.values = self.values
        return step

    def without_uncounted(self):
        """The step; if none of its rows counts, as of labels that are all ignored, without them, so that the mean of the
        epoch does not change. The mean of such losses is 0 / 0, and each of them is 0."""
        if self.loss == self.loss or self.losses is None or not self.losses.ndim or (self.losses != 0).any():
            return self
        losses, margins, labels, index = (
            None if part is None else part[:0] for part in (self.losses, self.margins, self.labels, self.index)
        )
        step = RecordedStep(0.0, losses, margins, labels, index, self.is_on_cpu)
        step.values = self.values
        return step


def _on_host(tensor):
    return tensor.cpu() if hasattr(tensor, "cpu") else tensor


def is_tensor(value: Any) -> bool:
    """Whether the value is a torch tensor; torch is not imported for that."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_on_cpu(value: Any) -> bool:
    return not is_tensor(value) or value.device.type == "cpu"


def number_of(function: str, name: str, value: Any) -> float:
    """A number, or an array or tensor of one element, as a float."""
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError):
        raise DTypeError(f"Recorder.{function}: {name} is {value!r} (valid: a number)") from None


def numbers_of(name: str, value: Any) -> Any:
    """An array or tensor of floating-point numbers, from such, from integers, or from nested lists."""
    if is_tensor(value):
        if value.dtype.is_complex:
            raise DTypeError(f"Recorder: {name} holds {value.dtype} (valid: real numbers)")
        return value if value.dtype.is_floating_point else value.float()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise DTypeError(
            f"Recorder: {name} is a {type(value).__name__} that NumPy cannot read: {error} (valid: an array)"
        ) from None
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        return array
    if array.dtype.kind not in "iub":
        raise DTypeError(f"Recorder: {name} is a {type(value).__name__} of {array.dtype} (valid: real numbers)")
    return array.astype(np.float64)


def loss_of_extras(extras: Any) -> float:
    """The loss of a call as a number; NaN where no sample is counted."""
    denominator = float(extras.denominator)
    return float(extras.numerator) / denominator if denominator else float("nan")


def indices_of(index: Any) -> Any:
    """Indices of samples as an array or tensor of int64, on any device."""
    if index is None:
        return None
    if is_tensor(index):
        if index.dtype.is_floating_point or index.dtype.is_complex:
            raise DTypeError(f"Recorder: index holds {index.dtype} (valid: integers)")
        return index.long() if str(index.dtype) != "torch.int64" else index
    array = np.asarray(index)
    if array.dtype.kind not in "iu" and array.size:
        raise DTypeError(f"Recorder: index holds {array.dtype} (valid: integers)")
    return array.astype(np.int64, copy=False)


def step_of_outputs(mean: Any, losses: Any, outputs: Any, targets: Any, index: Any) -> RecordedStep:
    """The step of losses that were computed elsewhere."""
    margins = labels = None
    if outputs is not None and targets is not None and losses is not None:
        margins, labels = margins_of_outputs(outputs, targets)
    if is_tensor(mean):
        losses, margins, labels = (None if part is None else part.detach() for part in (losses, margins, labels))
        on_cpu = mean.device.type == "cpu"
        value = mean.item() if on_cpu else mean.detach()
        return RecordedStep(value, losses, margins, labels, indices_of(index), on_cpu)
    losses, margins, labels = (None if part is None else np.asarray(part) for part in (losses, margins, labels))
    return RecordedStep(float(mean), losses, margins, labels, indices_of(index), True)


def margins_of_outputs(outputs: Any, targets: Any) -> tuple[Any, Any]:
    """(margins, labels) of logits [N, C] with class indices [N], or of logits [N] or [N, 1] with labels of two classes;
    (None, None) for other outputs and targets, which have none."""
    outputs = numbers_of("outputs", outputs)
    targets = array_like(outputs, "targets", targets)
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        return margins_of_classes(outputs, targets)
    has_one = outputs.ndim == 1 or outputs.ndim == 2 and outputs.shape[1] == 1
    return margins_of_two(outputs, targets) if has_one and _are_labels(targets) else (None, None)


def array_like(outputs: Any, name: str, value: Any) -> Any:
    """A tensor on the device of outputs, if these are a tensor, and otherwise an array."""
    try:
        if is_tensor(outputs):
            return sys.modules["torch"].as_tensor(value, device=outputs.device)
        return np.asarray(value.detach().cpu() if is_tensor(value) else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DTypeError(
            f"Recorder: {name} is a {type(value).__name__} that cannot be read: {error} (valid: an array)"
        ) from None


def _are_labels(targets):
    """Whether targets are of an integer type. Numbers are not taken for classes."""
    if is_tensor(targets):
        return not (targets.dtype.is_floating_point or targets.dtype.is_complex)
    return targets.dtype.kind in "iub"


def margins_of_classes(logits, labels):
    """Logit of the label minus the largest other one; NaN for labels below 0, which are ignored."""
    if labels.ndim != 1 or len(labels) != len(logits):
        if labels.ndim == 1 or not _are_labels(labels):
            raise ShapeError(
                f"Recorder: outputs has shape {list(logits.shape)}, but targets {list(labels.shape)} (valid: [N, C] and "
                f"[N])"
            )
        return None, None
    if not _are_labels(labels):
        return None, None
    if is_tensor(logits):
        torch, on_cpu = sys.modules["torch"], is_on_cpu(logits)
        with torch.no_grad():
            labels = labels.long()
            if on_cpu:
                _check_labels(labels.numpy(), logits.shape[1])
            place = labels.clamp(min=0)[:, None]
            own = logits.gather(1, place)[:, 0]
            others = logits.scatter(1, place, -torch.inf).amax(1)
            return torch.where(labels < 0, torch.nan, own - others), labels
    labels = labels.astype(np.int64)
    _check_labels(labels, logits.shape[1])
    place = np.maximum(labels, 0)[:, None]
    own = np.take_along_axis(logits, place, 1)[:, 0]
    others = np.array(logits, copy=True)
    np.put_along_axis(others, place, -np.inf, 1)
    return np.where(labels < 0, np.nan, own - others.max(1)), labels


def _check_labels(labels, classes):
    if labels.size and labels.max() >= classes:
        i = int(np.argmax(labels >= classes))
        raise LabelError(
            f"Recorder: targets[{i}] is {labels[i]}, but outputs has {classes} classes (valid: 0..{classes - 1})"
        )


def margins_of_two(scores, targets):
    """Of one score per sample: the score with the sign of the label. Targets above 0.5 are of the second class."""
    if scores.shape != targets.shape:
        scores, targets = scores.reshape(-1), targets.reshape(-1)
    if scores.shape != targets.shape:
        raise ShapeError(
            f"Recorder: outputs has shape {list(scores.shape)}, but targets {list(targets.shape)} (valid: the same)"
        )
    is_second = targets > 0.5
    if is_tensor(scores):
        torch = sys.modules["torch"]
        scores = scores.detach()
        return torch.where(is_second, scores, -scores), is_second
    return np.where(is_second, scores, -scores), is_second
