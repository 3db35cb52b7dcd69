"""Audit of labels by out-of-sample predictions: which of them are probably wrong."""

import copy
import html
import json
import os
import warnings
from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita import _checks, _core
from perdita._arrays import rows_of
from perdita._types import Array
from perdita.errors import DomainError

_ARRAYS = ("rows", "scores", "is_issue", "suggested")
_COLUMNS = ("row", "given", "suggested", "given_probability", "suggested_probability", "score", "issue")


class LabelAudit:
    """Result of audit(). str(result) is the output of the command line, after the warnings.

    rows: int64 [M], the rows to check: those in the set in the order of their scores, or, with top=M, also the rows with
    the lowest scores of the others. scores: float64 [N], of every row; the lower, the more likely is the label wrong.
    is_issue: bool [N], whether a row is in the set. suggested: int64 [N], the class of the largest probability.

    The other attributes are the keys of to_dict(): issues (number of rows in the set), noise_rate and noise_rate_interval
    (95 %), estimated_errors, confident_rows, classes (name, rows, issues, threshold, noise_rate of each), overlaps,
    confident_joint, calibrated_joint and noise_matrix (lists [label][class], up to 512 classes), warnings."""

    def __init__(self, core: Any) -> None:
        self._core, self._fields = core, json.loads(core.summary())
        self.rows: NDArray[np.int64] = core.rows()
        self.scores: NDArray[np.float64] = core.scores()
        self.is_issue: NDArray[np.bool_] = core.is_issue()
        self.suggested: NDArray[np.int64] = core.suggested()

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__.get("_fields", {})
        if name in fields:
            return fields[name]
        raise AttributeError(f"this audit has no {name!r} (valid: {', '.join(fields)}, ranking)")

    @property
    def ranking(self) -> list[dict[str, Any]]:
        """One dictionary per row of rows: row, given, suggested (classes), given_probability, suggested_probability,
        score, issue."""
        return json.loads(self._core.json())["ranking"]

    def __reduce__(self):
        texts = {name: getattr(self._core, name)() for name in ("summary", "json", "text", "csv")}
        return _restored, (texts, {name: getattr(self, name) for name in _ARRAYS})

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._fields]

    def __repr__(self) -> str:
        return self._core.text().rstrip("\n")

    def _repr_html_(self) -> str:
        """A table of the first rows for notebooks."""
        low, high = self._fields["noise_rate_interval"]
        names = [entry["name"] for entry in self._fields["classes"]]
        head = "".join(
            f"<th>{name}</th>" for name in ("row", "label", "suggested", "P(label)", "P(suggested)", "score")
        )
        body = ""
        for row in self.ranking[:10]:
            shown = [str(row["row"]), names[row["given"]], names[row["suggested"]]]
            shown += [f"{row[key]:.4g}" for key in ("given_probability", "suggested_probability", "score")]
            body += "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in shown) + "</tr>"
        warned = "".join(f"<p>{html.escape(warning)}</p>" for warning in self._fields["warnings"])
        rate = f"noise rate {self.noise_rate:.2%} ({low:.2%} .. {high:.2%}), {self.issues} issues"
        return f"{warned}<p>{rate}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_dict(self, orient: str = "dict") -> Any:
        """The result as nested dictionaries, lists and numbers (copies). As in pandas, orient="list" returns the columns of
        the ranking as {column: list}, and orient="records" a list with one dictionary per row."""
        if orient not in ("dict", "list", "records"):
            raise DomainError(f"audit: orient is {orient!r} (valid: dict, list, records)")
        fields = json.loads(self._core.json())
        if orient == "dict":
            return fields
        records = fields["ranking"]
        return records if orient == "records" else {name: [record[name] for record in records] for name in _COLUMNS}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the rows to check as CSV for annotators: row, given, suggested, given_probability,
        suggested_probability, score, issue (1 for rows in the set). Raises OSError."""
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(self._core.csv())


def _restored(texts, arrays):
    """A LabelAudit of a pickle: the results of the core are functions of no argument."""
    return LabelAudit(SimpleNamespace(**{name: partial(copy.copy, value) for name, value in (texts | arrays).items()}))


def audit(
    probabilities: Array | str | os.PathLike[str],
    labels: Array | str | os.PathLike[str],
    *,
    scale: str = "probabilities",
    filter: str = "prune_by_noise_rate",
    score: str = "self_confidence",
    top: int | None = None,
    class_names: Sequence[Any] | None = None,
    header: bool | None = None,
) -> LabelAudit:
    """Labels that are probably wrong, by confident learning, as a LabelAudit.

        result = perdita.audit(probabilities, labels)        # of a model that was not trained on these rows
        result.rows[:10]                                     # the rows to check first
        result.noise_rate, result.noise_rate_interval
        result.save("suspects.csv")

    probabilities: array [N, C] of float32, float64 or another number type, C at least 2 and at most 4096, of NumPy or of
    torch on the CPU, or a path (FILE.npy, FILE.npz:ARRAY, FILE.csv). They must be out-of-sample, as those of
    cross_val_predict. labels: array [N] of integers 0..C-1, or a path.
    scale: of the predictions: "probabilities", "logits" or "log-probabilities".
    filter: the rule that selects the set, with the names of cleanlab's find_label_issues: "prune_by_noise_rate",
    "prune_by_class", "both", "confident_learning", "low_self_confidence" or "low_normalized_margin".
    score: the score by which rows are ranked: "self_confidence" (the probability p of the label), "normalized_margin"
    ((p - the largest other probability + 1) / 2) or "confidence_weighted_entropy".
    top: the number of rows in result.rows and in the file; None: those in the set. class_names: in the order of the
    classes. header: whether CSV files begin with column names; None: detect.

    The thresholds of classes, the confident joint and its calibration are those of Northcutt, Jiang and Chuang,
    "Confident learning: estimating uncertainty in dataset labels", JAIR 70 (2021). The interval of the noise rate covers
    the choice of rows, but not errors of the model. A UserWarning names classes without rows.

    Raises ValueError (ShapeError, DomainError, LabelError, DataError) and TypeError (DTypeError) that name the argument or
    file and the first row, and OSError (FileError): the sum of a row is not 1, a number is NaN or not in [0, 1], a label is
    out of range. The global interpreter lock is released.
    """
    for name, value in (("scale", scale), ("filter", filter), ("score", score)):
        _checks.text("audit", name, value)
    _checks.flag("audit", "header", header, may_be_none=True)
    if top is not None:
        _checks.integer("audit", "top", top)
    names = [str(name) for name in class_names or ()]
    operands = [
        os.fspath(source) if isinstance(source, (str, os.PathLike)) else rows_of("audit", name, source)
        for name, source in (("probabilities", probabilities), ("labels", labels))
    ]
    result = LabelAudit(_core.audit(operands[0], operands[1], scale, filter, score, top, header, names))
    for warning in result.warnings:
        warnings.warn("audit: " + warning, stacklevel=2)
    return result
