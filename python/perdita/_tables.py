"""Columns of the tables of other packages: pandas, Polars, PyArrow, DuckDB, Hugging Face datasets, everything with the Arrow
PyCapsule interface, mappings, and structured arrays of NumPy; and the operands of an evaluation from such columns."""

import difflib
import importlib
import os
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from perdita._arrays import numpy_of, rows_of
from perdita.errors import DataError, DomainError, DTypeError, ShapeError

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
        if isinstance(array, _WithMissing):
            array = self._with_nan(name, *array)
        if isinstance(array, Labels):
            missing = np.flatnonzero(array.codes < 0)
            if missing.size:
                self._refuse_missing(name, missing[0])
            self._check_names(name, array.names)
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

    def matrix(self, names: Sequence[str]) -> np.ndarray:
        """Columns of numbers as [N, len(names)]."""
        columns = [self.numbers(name) for name in names]
        for name, column in zip(names, columns, strict=True):
            if column.shape != columns[0].shape[:1]:
                raise ShapeError(
                    f"{self.function}: column {name!r} has shape {list(column.shape)}, but {names[0]!r} has "
                    f"{list(columns[0].shape)} (valid: [N] for each)"
                )
        return np.column_stack(columns)

    def _labels(self, name, array):
        missing = [i for i, value in enumerate(array) if _is_missing(value)]
        present = np.delete(array, missing)
        if array.dtype.kind == "O" and not any(isinstance(value, str) for value in present):
            return _numbers_of_objects(self.function, name, array)
        if not all(isinstance(value, str) for value in present):
            raise DTypeError(f"{self.function}: column {name!r} holds strings and other values (valid: one kind)")
        if missing:
            self._refuse_missing(name, missing[0])
        names, codes = np.unique(array.astype(str), return_inverse=True)
        return Labels(codes.astype(np.int64), names.tolist())

    def _with_nan(self, name, integers, missing):
        """Integers as float64, with NaN where they are missing."""
        if not missing.any():
            return integers
        beyond = np.flatnonzero(~missing & ((integers > 2**53) | (integers < -(2**53))))
        if beyond.size:
            raise DTypeError(
                f"{self.function}: column {name!r} holds {integers[beyond[0]]} in row {beyond[0]} and has missing values, "
                f"which are NaN in float64 (valid: integers of at most 2^53, or no missing values)"
            )
        return np.where(missing, np.nan, integers.astype(np.float64))

    def _check_names(self, name, names):
        known = {}
        for one in names:
            if one in known:
                raise DataError(
                    f"{self.function}: column {name!r} has two categories whose names are {one!r} (valid: different names)"
                )
            known[one] = True

    def _refuse_missing(self, name, row):
        raise DomainError(f"{self.function}: column {name!r} has no value in row {row} (valid: a label in each row)")


class _WithMissing(NamedTuple):
    """Integers, of which some are missing; these hold any number."""

    integers: np.ndarray
    missing: np.ndarray


def _is_missing(value):
    """Whether an object stands for a missing value: None, NaN, NaT, pandas.NA."""
    if value is None or type(value).__name__ == "NAType":
        return True
    return isinstance(value, (float, np.generic)) and bool(value != value) or type(value).__name__ == "NaTType"


def _numbers_of_objects(function, name, array):
    try:
        return np.array([np.nan if _is_missing(value) else float(value) for value in array], np.float64)
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
        return (lambda name: column_of(function, name, source[name])), list(source.dtype.names)
    if module == "datasets" and hasattr(source, "with_format"):
        kept = source.select_columns([name for name in columns if name in source.column_names])
        return _reader_of(function, kept.with_format("arrow")[:], columns)
    if module == "pyarrow" and hasattr(source, "column"):
        return (lambda name: _of_arrow(source.column(name))), list(source.schema.names)
    if hasattr(source, "__arrow_c_stream__"):
        return _reader_of(function, _imported(function, source), columns)
    if hasattr(source, "keys") and hasattr(source, "__getitem__"):
        return (lambda name: column_of(function, name, source[name])), list(source.keys())
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


def column_of(function: str, name: str, values: Any) -> Any:
    """An array, tensor, series or sequence as a column: an array, Labels or _WithMissing."""
    module = type(values).__module__.partition(".")[0]
    if module == "pandas" and hasattr(values, "to_numpy"):
        return _of_pandas(values.to_series() if hasattr(values, "to_series") else values)
    if module == "polars" and hasattr(values, "null_count"):
        return _of_polars(values)
    if module == "torch":
        return np.asarray(numpy_of(function, name, rows_of(function, name, values.detach())))
    if isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        if values.dtype.kind in "iub":
            return _WithMissing(np.where(mask, values.dtype.type(0), values.data), mask)
        absent: Any = np.nan if values.dtype.kind == "f" else None
        return np.where(mask, absent, values.data)
    array = np.asarray(values)
    if array.dtype.kind == "U" and isinstance(values, (list, tuple)):
        array = np.asarray(values, dtype=object)  # a NaN among names would be the name "nan"
    return np.require(array, requirements="A")


def _of_pandas(series):
    if series.dtype.name == "category":
        categories = [str(category) for category in series.cat.categories]
        return Labels(series.cat.codes.to_numpy().astype(np.int64), categories)
    is_nullable = not isinstance(series.dtype, np.dtype)
    if is_nullable and getattr(series.dtype, "kind", "O") in "fiub" and series.dtype.name != "string":
        missing = series.isna().to_numpy(dtype=bool)
        kind = getattr(series.dtype, "numpy_dtype", np.dtype(np.float64))
        if not missing.any():
            return series.to_numpy(dtype=kind)
        if series.dtype.kind in "iu":
            return _WithMissing(series.to_numpy(dtype=kind, na_value=0), missing)
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return series.to_numpy(dtype=object, na_value=None) if is_nullable else series.to_numpy()


def _of_polars(series):
    if series.dtype.is_numeric() or str(series.dtype) == "Boolean":
        if not series.null_count():
            return series.to_numpy()
        if series.dtype.is_integer():
            return _WithMissing(series.fill_null(0).to_numpy(), series.is_null().to_numpy())
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
    if column.null_count and arrow.types.is_integer(kind):
        missing = column.is_null().to_numpy(zero_copy_only=False)
        return _WithMissing(column.fill_null(0).to_numpy(zero_copy_only=False), missing)
    if arrow.types.is_decimal(kind) or column.null_count and arrow.types.is_boolean(kind):
        column = column.cast(arrow.float64())
    if (
        arrow.types.is_floating(kind)
        or arrow.types.is_integer(kind)
        or arrow.types.is_boolean(kind)
        or column.type != kind
    ):
        return column.to_numpy(zero_copy_only=False)
    return np.array(column.to_pylist(), dtype=object)


# ---- operands of an evaluation ----


def operands_of_table(source, prediction, target, weights, groups, class_names):
    """predictions, targets, weights, groups and names of classes from columns."""
    is_matrix = isinstance(prediction, list)  # a tuple is a name of a table with several levels of names
    predicted = prediction if is_matrix else [prediction]
    wanted = target if isinstance(target, list) else [target]
    others = [name for name in (weights, groups) if isinstance(name, str)]
    if not predicted or not wanted:
        raise DTypeError("evaluate: prediction and target name no column (valid: at least one)")
    table = Table("evaluate", source, [*predicted, *wanted, *others])
    predictions = table.matrix(predicted) if is_matrix else table.numbers(prediction)
    if len(wanted) > 1:
        targets: Any = table.matrix(wanted)
    else:
        targets = table.values(wanted[0])
        targets, class_names = _class_indices(wanted[0], targets, [str(name) for name in predicted], class_names)
    for name, given in (("weights", weights), ("groups", groups)):
        _check_index(source, name, given)
    weights = table.numbers(weights) if isinstance(weights, str) else weights
    return predictions, targets, weights, table.values(groups) if isinstance(groups, str) else groups, class_names


def _check_index(table, name, given):
    """Raises DataError for a series of pandas whose rows have other labels than those of the table."""
    index: Any = getattr(table, "index", None)
    own: Any = getattr(given, "index", None)
    is_pandas = all(type(one).__module__.partition(".")[0] == "pandas" for one in (table, given, index, own))
    if not is_pandas or len(index) != len(own) or index.equals(own):
        return
    rows = (i for i, (a, b) in enumerate(zip(index, own, strict=True)) if a is not b and not a == b)
    row = next(rows, None)
    if row is not None:
        raise DataError(
            f"evaluate: the index of {name} differs from that of the table: row {row} is {own.tolist()[row]!r}, but "
            f"{index.tolist()[row]!r} in the table (valid: {name}.reindex(table.index), or {name}.to_numpy() to take it by "
            f"position)"
        )


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
    if len(set(order)) < len(order):
        raise DomainError(f"evaluate: class_names is {', '.join(order)} (valid: different names)")
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
        if set(names) <= set(order) and len(set(order)) == len(order):
            return order
    return []
