"""Evaluation of predictions, in one pass over arrays or files of any size."""

import html
import json
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from perdita import _checks, _core
from perdita._arrays import rows_of
from perdita._loss_text import LossLike, text_of_loss
from perdita._tables import Labels, Table, operands_of_table
from perdita._types import Array
from perdita.errors import DataError, DomainError, DTypeError, ShapeError

Rows = Array | str | os.PathLike[str]
Columns = Any  # a name, or a list of names


class Evaluation:
    """Result of evaluate(). Its attributes are the fields of evaluation.json (result.accuracy,
    result.calibration["ece"]); numbers that are not finite are None. str(result) is the output of the command line,
    after the warnings. groups: the evaluation of each group by its name, if groups were given."""

    def __init__(self, core: Any, groups: "dict[str, Evaluation] | None" = None) -> None:
        self._core, self._fields, self.groups = core, json.loads(core.json()), groups or {}

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__.get("_fields", {})
        if name in fields:
            return fields[name]
        raise AttributeError(f"this evaluation has no {name!r} (valid: {', '.join(fields)})")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._fields]

    def __repr__(self) -> str:
        text = self._core.text().rstrip("\n")
        return text + "\n\n" + _text_of_groups(self.groups) if self.groups else text

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        named = {"": self, **self.groups} if self.groups else {"": self}
        rows = [(name, _figures(result)) for name, result in named.items()]
        columns = list(dict.fromkeys(key for _, figures in rows for key in figures))
        head = "".join(f"<th>{html.escape(column)}</th>" for column in ["group"] * bool(self.groups) + columns)
        body = ""
        for name, figures in rows:
            cells = [html.escape(name or "all")] * bool(self.groups)
            cells += [_shown(figures[column]) if column in figures else "" for column in columns]
            body += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        warned = "".join(f"<p>{html.escape(warning)}</p>" for warning in self._fields["warnings"])
        return f"{warned}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __reduce__(self):
        return _restored, (self.groups, self._core.json(), self._core.text(), self._core.page())

    def to_dict(self) -> dict[str, Any]:
        """The result as nested dictionaries, lists and numbers (copies)."""
        fields = json.loads(self._core.json())
        if self.groups:
            fields["groups"] = {name: group.to_dict() for name, group in self.groups.items()}
        return fields

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes evaluation.json, with the groups, and report.html, of all rows, to a folder, which is created if
        necessary. Raises OSError."""
        self._core.save(os.fspath(folder))
        if self.groups:
            with open(os.path.join(folder, "evaluation.json"), "w", encoding="utf-8", newline="") as file:
                file.write(json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False) + "\n")


def _figures(result):
    """The first numbers that are looked at."""
    fields = result.to_dict()
    found = {"rows": fields["rows"], "mean loss": fields["losses"]["mean"]}
    if None not in fields["losses"]["interval"]:
        found["95 % interval"] = fields["losses"]["interval"]
    named = {"accuracy": fields.get("accuracy"), "ROC area": fields.get("roc_auc"),
             "R²": fields.get("regression", {}).get("r2")}  # fmt: skip
    found |= {name: value for name, value in named.items() if value is not None}
    if fields.get("calibration"):
        found["ECE"] = fields["calibration"]["ece"]
    return found


def _shown(value):
    if isinstance(value, list):
        return " .. ".join(map(_shown, value))
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _text_of_groups(groups):
    """A line for each group."""
    rows = [{"group": name, **_figures(result)} for name, result in groups.items()]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, *([_shown(row.get(column)) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
             for row in cells)  # fmt: skip
    return "\n".join(line.rstrip() for line in lines)


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


def _restored(groups, *texts):
    return Evaluation(_Written(*texts), groups)


def evaluate(
    predictions: Any,
    targets: Rows | None = None,
    loss: LossLike = "cross_entropy",
    *,
    prediction: Columns | None = None,
    target: Columns | None = None,
    weights: Rows | None = None,
    groups: str | Array | None = None,
    scale: str | None = None,
    class_names: Sequence[Any] | None = None,
    header: bool | None = None,
    bins: int = 15,
    hardest: int = 20,
) -> Evaluation:
    """Loss, accuracy, calibration and the hardest samples of predictions, as an Evaluation.

        result = perdita.evaluate(logits, labels)
        result = perdita.evaluate("run.npz:logits", "run.npz:labels", "focal:gamma=2", class_names=["cat", "dog"])
        result = perdita.evaluate(frame, target="animal", prediction=["p_cat", "p_dog"], scale="probabilities",
                                  groups="country")
        result.groups["Chile"].accuracy

    predictions, targets: arrays (NumPy, torch on the CPU, sequences), or paths of files of any size, which are read once,
    in chunks: FILE.npy, FILE.npz, FILE.npz:ARRAY, FILE.csv, FILE.csv:COLUMN. For multi-class losses, predictions have
    shape [N, classes] and targets are class indices [N]; for other losses the shapes are equal.
    With target and prediction, a name of a column or a list of them, predictions is a table: of pandas, Polars, PyArrow,
    DuckDB, Hugging Face datasets, any package with the Arrow PyCapsule interface, or a mapping of arrays. A target may hold
    names of classes: those that the prediction columns end in (integers and booleans, too), those of class_names, or, with a
    UserWarning, the sorted ones. Missing numbers are NaN.
    loss: as on the command line ("huber:delta=2", "formula: ..."), a formula made by perdita.formula(), a loss of
    perdita.nn, or a function of perdita.functional.
    weights: one per row, used in the mean loss and its confidence interval; of a table, the name of a column or an array.
    groups: names or numbers, one per row, or the name of a column: each group is evaluated on its own, too, in
    result.groups. scale: scale of the predictions, "logits", "probabilities" or "log-probabilities"; default: the input of
    the loss. class_names: in the order of the classes. header: whether CSV files begin with column names; None: detect.
    bins: of the reliability diagram. hardest: number of hardest samples to report.

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
    names = [str(name) for name in class_names or ()]
    if (prediction is None) != (target is None):
        raise DTypeError("evaluate: prediction and target name columns of a table (valid: both, or neither)")
    if prediction is not None:
        if targets is not None:
            raise DTypeError("evaluate: targets is given, but target names a column (valid: one of them)")
        columns = operands_of_table(predictions, prediction, target, weights, groups, names)
        predictions, targets, weights, groups, names = columns
    if targets is None:
        raise DTypeError("evaluate: targets is None (valid: an array or a file; for a table, target and prediction)")
    named = {"predictions": predictions, "targets": targets, "weights": weights}
    rows = [_rows(name, source) for name, source in named.items()]
    text = text_of_loss("evaluate", loss)
    words = [repr(rows[0]) if isinstance(rows[0], str) else "predictions"]
    words += [repr(rows[1]) if isinstance(rows[1], str) else "targets", repr(text)]
    if weights is not None:
        words.append("weights=" + (repr(rows[2]) if isinstance(rows[2], str) else "weights"))
    defaults = evaluate.__kwdefaults__ or {}
    options = {"scale": scale, "class_names": names or None, "header": header, "bins": bins, "hardest": hardest}
    words += [f"{name}={value!r}" for name, value in options.items() if value != defaults[name]]
    call = f"perdita.evaluate({', '.join(words)})"

    def core_of(predicted: Any, true: Any, weighing: Any) -> Any:
        return _core.evaluate(predicted, true, weighing, text, scale, header, bins, hardest, names, call)

    # All rows first, so that an error names the row of the table, and not that of a group.
    whole = core_of(*rows)
    result = Evaluation(whole, {} if groups is None else _of_groups(core_of, rows, groups))
    for warning in result.warnings:
        warnings.warn("evaluate: " + warning, stacklevel=2)
    return result


def _on_host(source):
    return np.asarray(source.detach() if hasattr(source, "detach") else source)


def _of_groups(core_of, rows, groups):
    """The evaluation of the rows of each group, by its name, in the order of the names."""
    if any(isinstance(source, str) for source in rows):
        raise DTypeError("evaluate: groups is given, but rows are read from files (valid: arrays or a table)")
    arrays: list[Any] = [None if source is None else _on_host(source) for source in rows]
    if not isinstance(groups, Labels):
        shape = np.shape(groups)
        if len(shape) != 1:
            raise ShapeError(f"evaluate: groups has shape {list(shape)} (valid: [{len(arrays[0])}], one per row)")
        groups = Table("evaluate", {"groups": groups}, ["groups"]).values("groups")
    if not isinstance(groups, Labels):
        missing = np.flatnonzero(groups != groups)
        if missing.size:
            raise DomainError(f"evaluate: groups has no value in row {missing[0]} (valid: a group for each row)")
        groups = Labels.of_numbers(groups)
    codes, names = groups
    if codes.shape != (len(arrays[0]),):
        raise ShapeError(f"evaluate: groups has shape {list(codes.shape)} (valid: [{len(arrays[0])}], one per row)")
    found = {}
    for code, name in enumerate(names):
        members = np.flatnonzero(codes == code)
        if not members.size:
            continue
        try:
            found[name] = Evaluation(core_of(*(None if array is None else array[members] for array in arrays)))
        except (DataError, DomainError) as error:
            # Its rows are all ignored, or have the weight 0: the other groups have results.
            reason = str(error).removeprefix("evaluate: ")
            warnings.warn(f"evaluate: the group {name!r} is left out: {reason}", stacklevel=3)
    return found


def _rows(name, source):
    """A path, or an array of a type that the core reads."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return rows_of("evaluate", name, source)
