"""What predictions are worth: one pass over arrays or files of any size."""
import json
import os
import pathlib
import re
import tempfile
import warnings

from perdita import _checks, _core
from perdita._arrays import array_of
from perdita._formula import Formula
from perdita.errors import DTypeError


class Evaluation:
    """What evaluate() found. Its fields are those of evaluation.json, as attributes (result.accuracy,
    result.calibration["ece"]); a number that is not finite is None. Printed, it is the command line's text."""

    def __init__(self, core):
        self._core, self._fields = core, json.loads(core.json())

    def __reduce__(self):
        with tempfile.TemporaryDirectory() as folder:
            self._core.save(folder)
            files = {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}
        return Evaluation, (_Saved(self._core.json(), self._core.text(), files),)

    def __copy__(self):
        return Evaluation(self._core)

    def __deepcopy__(self, memo):
        return Evaluation(self._core)

    def __getattr__(self, name):
        fields = self.__dict__.get("_fields", {})
        if name in fields:
            return fields[name]
        raise AttributeError(f"this evaluation has no {name!r} (valid: {', '.join(fields)})")

    def __dir__(self):
        return [*super().__dir__(), *self._fields]

    def __repr__(self):
        return self._core.text().rstrip("\n")

    def to_dict(self):
        """All of it, in dictionaries, lists and numbers of its own."""
        return json.loads(self._core.json())

    def save(self, folder):
        """Writes evaluation.json and report.html into a folder, which is made if it is not there. Raises OSError."""
        self._core.save(os.fspath(folder))


class _Saved:
    """What a pickled Evaluation keeps of the core's: its texts, and the files that save() writes."""

    def __init__(self, json, text, files):
        self._json, self._text, self._files = json, text, files

    def json(self):
        return self._json

    def text(self):
        return self._text

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        for name, content in self._files.items():
            pathlib.Path(folder, name).write_bytes(content)


def evaluate(predictions, targets, loss="cross_entropy", *, weights=None, scale=None, class_names=None, header=None,
             bins=15, hardest=20):  # fmt: skip
    """Loss, accuracy, calibration and the hardest samples of predictions, as an Evaluation.

        result = perdita.evaluate(logits, labels)
        result = perdita.evaluate("run.npz:logits", "run.npz:labels", "focal:gamma=2", class_names=["cat", "dog"])

    predictions, targets: arrays (NumPy's, torch's on the CPU, sequences), or paths of files of any size, which are read
    once, piece by piece: FILE.npy, FILE.npz, FILE.npz:ARRAY, FILE.csv, FILE.csv:COLUMN. Predictions are [N, classes] and
    targets class indices [N] for losses of classes, else of equal shape.
    loss: as the command line takes it ("huber:delta=2", "formula: ..."), or what perdita.formula() makes.
    weights: one a row, for the mean loss and its interval. scale: "logits", "probabilities" or "log-probabilities",
    where predictions are not what the loss takes. header: whether text begins with names of columns; None looks.
    bins: of the reliability diagram. hardest: how many of the hardest samples are kept.

    Raises ValueError (ShapeError, DomainError, LabelError, DataError) and TypeError (DTypeError) that name the file and
    the first row, OSError (FileError). Other threads of Python run meanwhile, and Ctrl-C ends it.
    """
    _check(scale, header, bins, hardest)
    named = {"predictions": predictions, "targets": targets, "weights": weights}
    rows = tuple(_rows(name, source) for name, source in named.items())
    loss = "formula: " + loss.text if isinstance(loss, Formula) else loss
    names = [str(name) for name in class_names or ()]
    words = [repr(rows[0]) if isinstance(rows[0], str) else "predictions"]
    words += [repr(rows[1]) if isinstance(rows[1], str) else "targets", repr(loss)]
    if weights is not None:
        words.append("weights=" + (repr(rows[2]) if isinstance(rows[2], str) else "weights"))
    options = {"scale": scale, "class_names": names or None, "header": header, "bins": bins, "hardest": hardest}
    words += [f"{name}={value!r}" for name, value in options.items() if value != evaluate.__kwdefaults__[name]]
    call = f"perdita.evaluate({', '.join(words)})"
    if not isinstance(loss, str):
        raise DTypeError(f"evaluate: loss is {loss!r} (valid: a name, a text, or what perdita.formula() makes)")
    result = Evaluation(_core.evaluate(*rows, loss, scale, header, bins, hardest, names, call))
    for warning in result.warnings:
        text = re.sub(r"say --from ([\w-]+) if it is", r'pass scale="\1" if it is', warning)
        warnings.warn(re.sub(r"--from ([\w-]+)", r'scale="\1"', text), stacklevel=2)
    return result


def _check(scale, header, bins, hardest):
    _checks.text("evaluate", "scale", scale, may_be_none=True)
    _checks.flag("evaluate", "header", header, may_be_none=True)
    _checks.integer("evaluate", "bins", bins, -(1 << 31), (1 << 31) - 1)
    _checks.integer("evaluate", "hardest", hardest)


def _rows(name, source):
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return array_of("evaluate", name, source, may_require_grad=True)[0]
