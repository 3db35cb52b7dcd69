"""Training histories as pandas DataFrames."""

import json
import os
from typing import Any


def history(run: str | os.PathLike[str]) -> Any:
    """The history of a training run as a pandas DataFrame, with one row per step and epoch and one for the test.

    run: the folder of the run, or its history.jsonl. Columns: kind ('step', 'epoch', 'test', or 'resume' if options
    changed), epoch, step, and the metrics (train_loss, val_loss, val_accuracy, lr, seconds; loss, accuracy, mse, ... of
    the test); missing values are NaN. An incomplete last line, written by a process that was killed, is ignored.
    Raises FileNotFoundError, ImportError without pandas, and ValueError that names an invalid line.
    """
    import pandas

    path = os.path.join(run, "history.jsonl") if os.path.isdir(run) else run
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    return pandas.DataFrame([_record(path, number, line) for number, line in enumerate(lines[:-1], 1)])


def _record(path, number, line):
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {number}: {error} (valid: a JSON object)") from None
    # JSON has no NaN: "train_loss=nan val_loss=inf".
    for text in record.pop("nonfinite", "").split():
        key, value = text.split("=")
        record[key] = float(value)
    return record
