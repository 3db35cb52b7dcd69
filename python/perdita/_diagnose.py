"""Issues of training runs, found in their logs."""

import json
import os
from collections.abc import Mapping
from typing import Any

from perdita import _core
from perdita.errors import DomainError, DTypeError


def diagnose(
    path: str | os.PathLike[str],
    *,
    baseline: str | os.PathLike[str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Issues of the runs whose logs are at `path`, as `perdita diagnose` prints them.

        for run in perdita.diagnose("lightning_logs"):
            for finding in run["findings"]:
                print(run["path"], finding["issue"], finding["text"], finding["advice"])

    path: a log, the folder of a run, or a folder with runs, of Perdita or of another program (transformers, TensorBoard,
    Lightning, Keras, fastai, MLflow, XGBoost, LightGBM, CSV, JSON). baseline: a good run to compare with. columns: names of
    columns by their meanings (train_loss, val_loss, val_accuracy, lr, grad_norm, step, epoch), for those that are not
    recognized.

    Returns a list with a dictionary for each run: path, format, epochs, columns (how they were taken), ignored, undecided,
    and findings, each with issue, severity, text, advice, evidence and link.

    Raises OSError (FileError), and ValueError (DataError, DomainError) for files that are not logs, with what is valid.
    """
    choices = ",".join(_choice(meaning, column) for meaning, column in (columns or {}).items())
    return json.loads(_core.diagnose_path(os.fspath(path), "" if baseline is None else os.fspath(baseline), choices))


def _choice(meaning, column):
    """A choice of a column as the core reads it."""
    if not isinstance(meaning, str) or not isinstance(column, str):
        raise DTypeError(f"diagnose: columns has {meaning!r}: {column!r} (valid: names of columns by their meanings)")
    if "," in column or "," in meaning or "=" in meaning:
        raise DomainError(
            f"diagnose: columns has {meaning!r}: {column!r} (valid: names without commas; rename the column in the log)"
        )
    return f"{meaning}={column}"
