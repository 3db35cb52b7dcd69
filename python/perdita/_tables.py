"""Columns of the tables of other packages: pandas, Polars, PyArrow, DuckDB, Hugging Face datasets, everything with the Arrow
PyCapsule interface, mappings, and structured arrays of NumPy."""

import difflib
import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from perdita.errors import DataError, DomainError, DTypeError

_INSTALL = "pip install pyarrow, or polars"


class Labels(NamedTuple):
    """A column of names."""

    codes: np.ndarray
    """Indices into `names`, int64 [N]."""
    names: list[str]
    """Sorted, or in the order of the categories of the column."""

    def used(self) -> list[str]:
        """The names that occur."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        return [name for name, count in zip(self.names, counts, strict=True) if count]

    @staticmethod
    def of_numbers(values: np.ndarray) -> "Labels":
        """Integers or booleans as names."""
        found, codes = np.unique(values, return_inverse=True)
        return Labels(codes.astype(np.int64), [str(value) for value in found.tolist()])


class Table:
    """The columns of a table, read when they are asked for. function: whose errors they are."""

    def __init__(self, function: str, source: Any, columns: Sequence[str]) -> None:
        self.function = function
        self._read, names = _reader_of(function, source, list(dict.fromkeys(columns)))
        for name in columns:
            if names.count(name) > 1:
                raise DataError(f"{function}: the table has {names.count(name)} columns {name!r} (valid: one)")
            if name not in names:
                near = difflib.get_close_matches(str(name), map(str, names), 1)
                meant = next((known for known in names if near and str(known) == near[0]), None)
                hint = f"; did you mean {meant!r}?" if near else ""
                shown = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
                raise DataError(f"{function}: the table has no column {name!r} (valid: {shown}){hint}")

    def values(self, name: str) -> np.ndarray | Labels:
        """Numbers, with NaN where a value is missing, or labels."""
        array = self._read(name)
        if isinstance(array, Labels):
            missing = np.flatnonzero(array.codes < 0)
            if missing.size:
                self._refuse_missing(name, missing[0])
            return array
        if array.dtype.kind in "OSU":
            return self._labels(name, array)
        if array.dtype.kind not in "fiub":
            raise DTypeError(f"{self.function}: column {name!r} holds {array.dtype} (valid: numbers, bool or strings)")
        return array

    def numbers(self, name: str) -> np.ndarray:
        """A column that must hold numbers."""
        values = self.values(name)
        if isinstance(values, Labels):
            raise DTypeError(f"{self.function}: column {name!r} holds strings (valid: numbers)")
        return values

    def _labels(self, name, array):
        missing = [i for i, value in enumerate(array) if value is None or value != value]
        present = np.delete(array, missing)
        if not all(isinstance(value, str) for value in present):
            if array.dtype.kind == "O" and not any(isinstance(value, str) for value in present):
                return _numbers_of_objects(self.function, name, array)
            raise DTypeError(f"{self.function}: column {name!r} holds strings and other values (valid: one kind)")
        if missing:
            self._refuse_missing(name, missing[0])
        names, codes = np.unique(array.astype(str), return_inverse=True)
        return Labels(codes.astype(np.int64), names.tolist())

    def _refuse_missing(self, name, row):
        raise DomainError(f"{self.function}: column {name!r} has no value in row {row} (valid: a label in each row)")


def _numbers_of_objects(function, name, array):
    try:
        return np.array([np.nan if value is None else float(value) for value in array])
    except (TypeError, ValueError):
        raise DTypeError(f"{function}: column {name!r} holds objects (valid: numbers, bool or strings)") from None


def _reader_of(function, source, columns):
    """(read, names): read(name) gives an array or Labels, where missing numbers are NaN and missing labels -1."""
    module = type(source).__module__.partition(".")[0]
    if module == "pandas":
        return (lambda name: _of_pandas(source[name])), list(source.columns)
    if module == "polars":
        frame = source
        if hasattr(frame, "collect"):  # a LazyFrame
            frame = frame.select([name for name in columns if name in frame.collect_schema().names()]).collect()
        return (lambda name: _of_polars(frame.get_column(name))), frame.columns
    if isinstance(source, np.ndarray) and source.dtype.names:
        return (lambda name: np.array(source[name])), list(source.dtype.names)  # aligned
    if module == "datasets" and hasattr(source, "with_format"):
        kept = source.select_columns([name for name in columns if name in source.column_names])
        return _reader_of(function, kept.with_format("arrow")[:], columns)
    if module == "pyarrow" and hasattr(source, "column"):
        return (lambda name: _of_arrow(source.column(name))), list(source.schema.names)
    if hasattr(source, "__arrow_c_stream__"):
        return _reader_of(function, _imported(function, source), columns)
    if hasattr(source, "keys") and hasattr(source, "__getitem__"):
        return (lambda name: np.asarray(source[name])), list(source.keys())
    raise DTypeError(
        f"{function}: predictions is a {type(source).__name__}, of which columns are named (valid: a table of pandas, "
        f"Polars, PyArrow, DuckDB or datasets, one with the Arrow PyCapsule interface, or a mapping of arrays)"
    )


def _imported(function, source):
    """A table of whichever package can import an Arrow stream."""
    for package, convert in (("pyarrow", "table"), ("polars", "DataFrame")):
        try:
            return getattr(importlib.import_module(package), convert)(source)
        except ImportError:
            continue
    raise DataError(f"{function}: a {type(source).__name__} is read by pyarrow or polars (valid: {_INSTALL})")


def _of_pandas(series):
    if series.dtype.name == "category":
        categories = [str(category) for category in series.cat.categories]
        return Labels(series.cat.codes.to_numpy().astype(np.int64), categories)
    is_nullable = not isinstance(series.dtype, np.dtype)
    if is_nullable and getattr(series.dtype, "kind", "O") in "fiub" and series.dtype.name != "string":
        if series.isna().any():
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        return series.to_numpy(dtype=getattr(series.dtype, "numpy_dtype", np.float64))
    return series.to_numpy(dtype=object, na_value=None) if is_nullable else series.to_numpy()


def _of_polars(series):
    if series.dtype.is_numeric() or str(series.dtype) == "Boolean":
        if not series.null_count():
            return series.to_numpy()
        return series.cast(importlib.import_module("polars").Float64).fill_null(float("nan")).to_numpy()
    if str(series.dtype).startswith("Enum"):
        names = list(series.dtype.categories)
        codes = series.to_physical().cast(importlib.import_module("polars").Int64).fill_null(-1).to_numpy()
        return Labels(codes, names)
    return np.array(series.to_list(), dtype=object)


def _of_arrow(column):
    arrow = importlib.import_module("pyarrow")
    column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    kind = column.type
    if arrow.types.is_dictionary(kind):
        return np.array(column.to_pylist(), dtype=object)
    if (
        arrow.types.is_decimal(kind)
        or column.null_count
        and (arrow.types.is_integer(kind) or arrow.types.is_boolean(kind))
    ):
        column = column.cast(arrow.float64())
    if (
        arrow.types.is_floating(kind)
        or arrow.types.is_integer(kind)
        or arrow.types.is_boolean(kind)
        or column.type != kind
    ):
        return column.to_numpy(zero_copy_only=False)
    return np.array(column.to_pylist(), dtype=object)
