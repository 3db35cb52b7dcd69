"""Evaluation of predictions, in one pass over arrays or files of any size."""

import json
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from perdita import _checks, _core
from perdita._arrays import array_of
from perdita._formula import Formula
from perdita._types import Array
from perdita.errors import DTypeError

Rows = Array | str | os.PathLike[str]


class Evaluation:
    """Result of evaluate(). Its attributes are the fields of evaluation.json (result.accuracy,
    result.calibration["ece"]); numbers that are not finite are None. str(result) is the output of the command line,
    after the warnings."""

    def __init__(self, core: Any) -> None:
        self._core, self._fields = core, json.loads(core.json())

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__.get("_fields", {})
        if name in fields:
            return fields[name]
        raise AttributeError(f"this evaluation has no {name!r} (valid: {', '.join(fields)})")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._fields]

    def __repr__(self) -> str:
        return self._core.text().rstrip("\n")

    def __reduce__(self):
        return _restored, (self._core.json(), self._core.text(), self._core.page())

    def to_dict(self) -> dict[str, Any]:
        """The result as nested dictionaries, lists and numbers (copies)."""
        return json.loads(self._core.json())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes evaluation.json and report.html to a folder, which is created if necessary. Raises OSError."""
        self._core.save(os.fspath(folder))


class _Written:
    """The texts of a result of the core, for copies and pickles."""

    def __init__(self, *texts):
        self._texts = texts

    def json(self):
        return self._texts[0]

    def text(self):
        return self._texts[1]

    def page(self):
        return self._texts[2]

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        for name, text in (("evaluation.json", self.json() + "\n"), ("report.html", self.page())):
            with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
                file.write(text)


def _restored(*texts):
    return Evaluation(_Written(*texts))


def evaluate(
    predictions: Rows,
    targets: Rows,
    loss: str | Formula = "cross_entropy",
    *,
    weights: Rows | None = None,
    scale: str | None = None,
    class_names: Sequence[Any] | None = None,
    header: bool | None = None,
    bins: int = 15,
    hardest: int = 20,
) -> Evaluation:
    """Loss, accuracy, calibration and the hardest samples of predictions, as an Evaluation.

        result = perdita.evaluate(logits, labels)
        result = perdita.evaluate("run.npz:logits", "run.npz:labels", "focal:gamma=2", class_names=["cat", "dog"])

    predictions, targets: arrays (NumPy, torch on the CPU, sequences), or paths of files of any size, which are read once,
    in chunks: FILE.npy, FILE.npz, FILE.npz:ARRAY, FILE.csv, FILE.csv:COLUMN. For multi-class losses, predictions have
    shape [N, classes] and targets are class indices [N]; for other losses the shapes are equal.
    loss: as on the command line ("huber:delta=2", "formula: ..."), or a formula made by perdita.formula().
    weights: one per row, used in the mean loss and its confidence interval. scale: scale of the predictions, "logits",
    "probabilities" or "log-probabilities"; default: the input of the loss. header: whether CSV files begin with column
    names; None: detect. bins: of the reliability diagram. hardest: number of hardest samples to report.

    Rows whose loss is infinite or NaN are excluded only from the mean loss and its quantiles: result.left_out counts
    them, result.warnings describes them, and all other results include them. A NaN in the predictions counts as wrong.
    A UserWarning is raised if the predictions appear to have another scale. Integers and floats of any width are
    accepted; narrow types are converted exactly.

    Raises ValueError (ShapeError, DomainError, LabelError, DataError) and TypeError (DTypeError) that name the file and
    the first row, and OSError (FileError). The global interpreter lock is released, and Ctrl-C interrupts.
    """
    _checks.text("evaluate", "scale", scale, may_be_none=True)
    _checks.flag("evaluate", "header", header, may_be_none=True)
    _checks.integer("evaluate", "bins", bins, -(1 << 31), (1 << 31) - 1)
    _checks.integer("evaluate", "hardest", hardest)
    named = {"predictions": predictions, "targets": targets, "weights": weights}
    rows = [_rows(name, source) for name, source in named.items()]
    text = "formula: " + loss.text if isinstance(loss, Formula) else loss
    if not isinstance(text, str):
        raise DTypeError(f"evaluate: loss is {loss!r} (valid: a string, or a formula made by perdita.formula())")
    names = [str(name) for name in class_names or ()]
    words = [repr(rows[0]) if isinstance(rows[0], str) else "predictions"]
    words += [repr(rows[1]) if isinstance(rows[1], str) else "targets", repr(text)]
    if weights is not None:
        words.append("weights=" + (repr(rows[2]) if isinstance(rows[2], str) else "weights"))
    defaults = evaluate.__kwdefaults__ or {}
    options = {"scale": scale, "class_names": names or None, "header": header, "bins": bins, "hardest": hardest}
    words += [f"{name}={value!r}" for name, value in options.items() if value != defaults[name]]
    call = f"perdita.evaluate({', '.join(words)})"
    result = Evaluation(_core.evaluate(rows[0], rows[1], rows[2], text, scale, header, bins, hardest, names, call))
    for warning in result.warnings:
        warnings.warn("evaluate: " + warning, stacklevel=2)
    return result


_VALID = "numbers: floats, integers or bool of at most 64 bits"


def _rows(name, source):
    """A path, or an array of a type that the core reads. Conversions are exact."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if str(getattr(source, "dtype", "")).startswith("torch."):
        source = _widened_torch(source)
    array = array_of("evaluate", name, source, may_require_grad=True)[0]
    return _widened(name, array) if isinstance(array, np.ndarray) else array


def _widened(name, array):
    kind = array.dtype.kind
    if kind in "SU":
        raise DTypeError(f"evaluate: {name} holds strings (valid: {_VALID}; numpy.unique(names, return_inverse=True) "
                         "converts names to class indices)")  # fmt: skip
    if kind not in "fiub" or array.dtype.itemsize > 8:
        raise DTypeError(f"evaluate: {name} holds {array.dtype} elements (valid: {_VALID})")
    if kind == "u" and array.dtype.itemsize == 8 and array.size and array.max() >= 2**63:
        raise DTypeError(f"evaluate: {name} holds {array.max()} (valid for uint64: below 2^63)")
    wanted = array.dtype.newbyteorder("=")
    if kind in "iu" and wanted not in (np.int64, np.int32, np.uint8):
        wanted = np.int64
    return np.asarray(array, wanted)


def _widened_torch(tensor):
    name = str(tensor.dtype).removeprefix("torch.")
    if name in ("bfloat16", "float16"):
        return tensor.detach().float()
    return tensor.long() if name in ("int8", "int16", "uint16", "uint32") else tensor
