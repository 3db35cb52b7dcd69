"""Evaluation of predictions, in one pass over arrays or files of any size."""

import html
import json
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from perdita import _checks, _core
from perdita._arrays import array_of
from perdita._formula import Formula
from perdita._tables import Labels, Table
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
    loss: str | Formula = "cross_entropy",
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
    loss: as on the command line ("huber:delta=2", "formula: ..."), or a formula made by perdita.formula().
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
        columns = _of_table(predictions, prediction, target, weights, groups, names)
        predictions, targets, weights, groups, names = columns
    if targets is None:
        raise DTypeError("evaluate: targets is None (valid: an array or a file; for a table, target and prediction)")
    named = {"predictions": predictions, "targets": targets, "weights": weights}
    rows = [_rows(name, source) for name, source in named.items()]
    text = "formula: " + loss.text if isinstance(loss, Formula) else loss
    if not isinstance(text, str):
        raise DTypeError(f"evaluate: loss is {loss!r} (valid: a string, or a formula made by perdita.formula())")
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

    found = {} if groups is None else _of_groups(core_of, rows, groups)
    result = Evaluation(core_of(*rows), found)
    for warning in result.warnings:
        warnings.warn("evaluate: " + warning, stacklevel=2)
    return result


def _of_groups(core_of, rows, groups):
    """The evaluation of the rows of each group, by its name, in the order of the names."""
    if any(isinstance(source, str) for source in rows):
        raise DTypeError("evaluate: groups is given, but rows are read from files (valid: arrays or a table)")
    arrays: list[Any] = [None if source is None else np.asarray(source) for source in rows]
    if not isinstance(groups, Labels):
        given = np.asarray(groups)
        if given.ndim != 1:
            raise ShapeError(f"evaluate: groups has shape {list(given.shape)} (valid: [{len(arrays[0])}], one per row)")
        groups = Table("evaluate", {"groups": given}, ["groups"]).values("groups")
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


def _of_table(source, prediction, target, weights, groups, class_names):
    """predictions, targets, weights, groups and names of classes from columns."""
    is_matrix = isinstance(prediction, list)  # a tuple is a name of a table with several levels of names
    predicted = prediction if is_matrix else [prediction]
    wanted = target if isinstance(target, list) else [target]
    others = [name for name in (weights, groups) if isinstance(name, str)]
    if not predicted or not wanted:
        raise DTypeError("evaluate: prediction and target name no column (valid: at least one)")
    table = Table("evaluate", source, [*predicted, *wanted, *others])
    columns = [table.numbers(name) for name in predicted]
    predictions = np.column_stack(columns) if is_matrix else columns[0]
    if len(wanted) > 1:
        targets: Any = np.column_stack([table.numbers(name) for name in wanted])
    else:
        targets = table.values(wanted[0])
        targets, class_names = _class_indices(wanted[0], targets, [str(name) for name in predicted], class_names)
    weights = table.numbers(weights) if isinstance(weights, str) else weights
    return predictions, targets, weights, table.values(groups) if isinstance(groups, str) else groups, class_names


def _class_indices(column, target, predicted, class_names):
    """Class indices [N] of a target of names, and the names of the classes; other targets as they are."""
    if isinstance(target, Labels):
        labels = target
    elif target.dtype.kind in "iub" and len(predicted) > 1:
        labels = Labels.of_numbers(target)  # p_2, p_0, p_1: the columns say which class they are of
        if class_names or not _named_by_columns(labels.names, predicted):
            return target, class_names
    else:
        return target, class_names
    classes, used = max(2, len(predicted)), labels.used()
    by_columns = _named_by_columns(used, predicted)
    order = class_names or by_columns
    if not order:
        order = labels.names if len(labels.names) == classes else used
        if len(order) != classes:
            raise DomainError(
                f"evaluate: column {column!r} has {len(used)} different names, but there are {classes} classes "
                f"(valid: class_names in the order of the classes, or prediction columns that end in the names)"
            )
        warnings.warn(
            f"evaluate: the classes are taken to be {', '.join(order)}, in this order (class_names states it)",
            stacklevel=4,
        )
    if len(order) != classes:
        raise DomainError(f"evaluate: class_names has {len(order)} names, but there are {classes} classes")
    if by_columns and by_columns != order:
        raise DomainError(
            f"evaluate: class_names is {', '.join(order)}, but by the names of the prediction columns the classes are "
            f"{', '.join(by_columns)} (valid: one of them)"
        )
    places = {name: place for place, name in enumerate(order)}
    for name in used:
        if name not in places:
            row = int(np.flatnonzero(labels.codes == labels.names.index(name))[0])
            raise DomainError(f"evaluate: {column}[{row}] is {name!r} (valid: {', '.join(order)})")
    return np.array([places.get(name, -1) for name in labels.names], dtype=np.int64)[labels.codes], order


def _named_by_columns(names, predicted):
    """The names of the classes in the order of prediction columns such as p_cat, p_dog; of one column that ends in a name,
    the other one and this. None if the columns have other names."""
    if len(predicted) == 1:
        (column,) = predicted
        ends = [name for name in names if column == name or column.endswith("_" + name)]
        return [*(name for name in names if name != ends[0]), ends[0]] if len(ends) == 1 and len(names) == 2 else []
    start = os.path.commonprefix(predicted)
    for prefix in (start, start.rpartition("_")[0] + "_" if "_" in start else "", ""):
        order = [column.removeprefix(prefix) for column in predicted]
        if set(names) <= set(order):
            return order
    return []


_VALID = "numbers: floats, integers or bool of at most 64 bits"


def _rows(name, source):
    """A path, or an array of a type that the core reads."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return rows_of("evaluate", name, source)


def rows_of(function, name, source):
    """An array of a type that the core reads as rows. Conversions are exact."""
    if str(getattr(source, "dtype", "")).startswith("torch."):
        source = _widened_torch(source)
    array = array_of(function, name, source, may_require_grad=True)[0]
    return _widened(function, name, array) if isinstance(array, np.ndarray) else array


def _widened(function, name, array):
    kind = array.dtype.kind
    if kind in "SU":
        raise DTypeError(f"{function}: {name} holds strings (valid: {_VALID}; numpy.unique(names, return_inverse=True) "
                         "converts names to class indices)")  # fmt: skip
    if kind not in "fiub" or array.dtype.itemsize > 8:
        raise DTypeError(f"{function}: {name} holds {array.dtype} elements (valid: {_VALID})")
    if kind == "u" and array.dtype.itemsize == 8 and array.size and array.max() >= 2**63:
        raise DTypeError(f"{function}: {name} holds {array.max()} (valid for uint64: below 2^63)")
    wanted = array.dtype.newbyteorder("=")
    if kind in "iu" and wanted not in (np.int64, np.int32, np.uint8):
        wanted = np.int64
    return np.asarray(array, wanted)


def _widened_torch(tensor):
    name = str(tensor.dtype).removeprefix("torch.")
    if name in ("bfloat16", "float16"):
        return tensor.detach().float()
    return tensor.long() if name in ("int8", "int16", "uint16", "uint32") else tensor
