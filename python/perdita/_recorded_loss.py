"""Losses that record each of their calls."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from perdita import _core
from perdita import functional as _functional
from perdita._arrays import arrays_of
from perdita._catalogue import ARGUMENTS, ENTRIES, meanings_of, unit_of
from perdita._extras import LossExtras
from perdita._formula import Formula
from perdita._functions import functions
from perdita._loss_text import text_of_call
from perdita._modules import bound_call
from perdita._options import options_of
from perdita._recorded_step import RecordedStep, array_like, indices_of, is_tensor, loss_of_extras, margins_of_two
from perdita.errors import DTypeError

_numpy: Any = _functional  # with the names that its stub leaves out


class RecordedLoss:
    """A loss made by Recorder.loss(). Call it as criterion(input, target, index=index)."""

    def __init__(self, record: Callable[[RecordedStep], None], loss: Any, options: dict[str, Any]) -> None:
        _refuse_extras(options)
        self._record, self._options = record, dict(options)
        self._formula = loss if isinstance(loss, Formula) else None
        if self._formula is not None:
            self._name, self.text = self._formula._function, "formula: " + self._formula.text
        elif isinstance(loss, str):
            self._name, self.text = _core.function_of_loss(loss), loss
            name, _, rest = loss.partition(":")
            if name.strip() == "formula":
                self._formula = Formula(rest.strip())
                self._name = self._formula._function
            else:
                self._options = {**options_of(rest), **options}
                if options:
                    self.text = self._text_of_options(name.strip())
        else:
            self._name = getattr(loss, "__name__", "")
            if self._name not in ENTRIES or not callable(loss):
                raise DTypeError(
                    f"Recorder.loss: got {loss!r} (valid: a string, a formula made by perdita.formula(), or a function of "
                    f"perdita.functional or perdita.torch.functional)"
                )
            self.text = self._text_of_options(self._name)
        # Losses of one logit or probability per sample, whose margins the core does not have.
        meanings = meanings_of(self._name)
        is_of_two = unit_of(self._name) == "element" and meanings[1].startswith("labels")
        self._scores = meanings[0] if is_of_two and meanings[0] in ("logits", "probabilities", "scores") else None
        self._torch_function: Callable[..., Any] | None = None
        self._array_function: Callable[..., Any] | None = None
        self._found: list[LossExtras] = []  # of the call in progress

    def _text_of_options(self, name):
        """The text of the loss, whose name is given. Arrays, such as weights, cannot be part of it."""
        try:
            return text_of_call(bound_call(self._name, self._options), name)
        except TypeError as error:
            raise DTypeError(f"Recorder.loss: {name}: {error} (valid: the options of the loss)") from None

    def __repr__(self) -> str:
        return f"recorder.loss({self.text!r})"

    def __call__(self, input: Any, *operands: Any, index: Any = None, **options: Any) -> Any:
        """input, operands, options: as for the loss; index: [N], or None. Returns the loss of torch tensors, and (loss,
        gradient) of other arrays."""
        _refuse_extras(options)
        if is_tensor(input):
            return self._of_tensors(input, operands, index, options)
        return self._of_arrays(input, operands, index, options)

    def _of_tensors(self, input, operands, index, options):
        if self._torch_function is None:
            self._torch_function = self._find_torch_function()
        loss, extras = self._torch_function(input, *operands, return_extras=True, **options)
        target = operands[0] if operands else options.get("target")
        on_cpu = loss.device.type == "cpu"
        value = loss_of_extras(extras) if on_cpu else loss.detach()
        if not on_cpu and loss.dim():
            value = loss.detach().mean()
        self._record(self._step(value, extras, input, target, index, on_cpu))
        return loss

    def _find_torch_function(self):
        if self._formula is not None:
            return functools.partial(self._formula, **self._options)
        import perdita.torch.functional

        return functools.partial(getattr(perdita.torch.functional, self._name), **self._options)

    def _of_arrays(self, input, operands, index, options):
        if self._array_function is None:
            self._array_function = self._find_array_function()
        result = self._array_function(input, *operands, **options)
        extras = self._found.pop()
        target = operands[0] if operands else options.get("target")
        input, target = np.asarray(input), array_like(None, "target", target)
        self._record(self._step(loss_of_extras(extras), extras, input, target, index, True))
        return result

    def _find_array_function(self):
        call = functools.partial(_value_and_gradient, self._found)
        if self._formula is not None:
            return functools.partial(self._formula.call_with, call, **self._options)
        return functools.partial(functions(call, np)[self._name], **self._options)

    def _step(self, value, extras, input, target, index, on_cpu):
        margins, labels = extras.margins, None
        if margins is not None:
            labels = target
        elif (
            self._scores is not None
            and extras.losses.ndim
            and input.ndim
            and input.shape[0] == _size(input) == _size(target)
        ):
            scores = input
            if self._scores == "probabilities":  # bounded as the logarithms of binary_cross_entropy are
                scores = _logits(input)
            margins, labels = margins_of_two(scores, target)
            margins = margins.reshape(extras.losses.shape)
            labels = labels.reshape(extras.losses.shape)
        return RecordedStep(value, extras.losses, margins, labels, indices_of(index), on_cpu)


def _refuse_extras(options):
    if "return_extras" in options:
        raise DTypeError(
            "Recorder.loss: got return_extras (valid: a call of the loss itself, recorded by recorder(losses))"
        )


def _size(array):
    return array.numel() if is_tensor(array) else np.asarray(array).size


def _logits(probabilities):
    if is_tensor(probabilities):
        p = probabilities.detach()
        return p.log().clamp(min=-100) - (-p).log1p().clamp(min=-100)
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(probabilities), -100) - np.maximum(np.log1p(-np.asarray(probabilities)), -100)


def _value_and_gradient(found, function, operands, reduction, normalize_by, return_extras, **options):
    """(loss, gradient with respect to the input) of arrays, in one pass; the extras are appended to `found`."""
    loss = _numpy._loss_of(function, reduction, normalize_by, options)
    arrays, narrow = arrays_of(function, ARGUMENTS[function], operands)
    value, extras, evaluation = loss.forward_with_extras(arrays, 1)
    found.append(LossExtras(*extras))
    gradient = evaluation.backward(None)[0]
    return _numpy._narrowed(value, narrow), _numpy._narrowed(gradient, narrow)
