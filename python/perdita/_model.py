"""Trained models of `perdita train`: load() and the predictions of a model for tables and arrays."""

import datetime
import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from perdita._tables import Labels, Table
from perdita.errors import DataError, DTypeError, FileError, ShapeError

_FUNCTION = "predict"
_KEY = "perdita_model"
_ROWS_AT_ONCE = 8192


def load(run: str | os.PathLike[str]) -> "Model":
    """The model of a run of `perdita train`.

    run: the folder of the run, or its model.safetensors.

    Raises FileError if the file does not exist, and DataError if it is not a model of `perdita train`.

    >>> model = perdita.load("runs/houses")                 # doctest: +SKIP
    >>> model.predict({"area": [80.0], "city": ["Oslo"]})   # doctest: +SKIP
    array([3120.5], dtype=float32)
    """
    path = os.path.join(run, "model.safetensors") if os.path.isdir(run) else os.fspath(run)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise FileError(f"load: {path}: {error.strerror} (valid: the folder of a finished run)") from None
    try:
        tensors, facts = _parse(content)
        return Model(tensors, facts)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise DataError(f"load: {path}: is not a model of perdita train ({error})") from None


class Model:
    """A model that load() has read."""

    def __init__(self, tensors: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        if facts["model"] != "mlp":
            raise ValueError(f"model is {facts['model']!r} (valid: 'mlp')")
        self._layers = _layers_of(tensors)
        self._input = _scaling_of(tensors, "input")
        self._output = _scaling_of(tensors, "output")
        self._head = _HEADS[facts["head"]]
        self._form: dict[str, Any] = facts["output"]
        if self._form["form"] not in _FORMS:
            raise ValueError(f"output.form is {self._form['form']!r} (valid: {', '.join(_FORMS)})")
        self._columns = [_Column(**{key: column[key] for key in _Column._fields if key in column})
                         for column in facts.get("columns", [])]  # fmt: skip
        self._pixels: dict[str, float] | None = facts.get("pixels")
        self.class_names: list[str] = facts.get("classes", [])
        """Names of the classes; empty if the model predicts numbers."""
        self.inputs: int = self._layers[0].weight.shape[1]
        """The number of inputs of the network."""
        width = sum(column.width for column in self._columns)
        if self._columns and width != self.inputs:
            raise ValueError(f"the columns have {width} inputs, but the network {self.inputs}")

    @property
    def columns(self) -> list[str]:
        """Names of the columns that predict() needs; empty if the model was not trained with a table."""
        return [column.name for column in self._columns]

    def predict(self, X: Any) -> np.ndarray:
        """Predictions for the rows of X.

        X: a table with the columns of the model, as perdita.evaluate takes (pandas, Polars, PyArrow, DuckDB, datasets, the
        Arrow PyCapsule interface, a mapping of arrays), in any order and with any other columns; or an array, [N, ...] if
        the model was trained with arrays, or [N, columns] if it was trained with a table without categories. Missing values
        and categories that the training samples did not have are treated as by `perdita predict`.

        Returns the names of the classes [N], or numbers: float32 [N], [N, K] if a sample has K, and [N, L] for L quantiles.

        Raises DataError for a column that X does not have, DTypeError for a column of another type, and ShapeError for an
        array with another number of inputs.
        """
        outputs = self._outputs(X)
        form = self._form["form"]
        if form in _CLASSES:
            return np.array(self.class_names)[_CLASSES[form](outputs, self._form)]
        values = _FORMS[form](outputs, self._form)
        if form == "mean_and_variance":
            values = values[:, : values.shape[1] // 2]
        return values[:, 0] if values.shape[1] == 1 else values

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, float32 [N, C] in the order of class_names.

        X: as of predict(). Raises DTypeError if the model does not predict probabilities of classes, and as predict().
        """
        form = self._form["form"]
        if form not in ("class_scores", "logit", "probability"):
            raise DTypeError(
                f"predict_proba: the outputs of the model have the form {form!r}, not probabilities of classes (valid: "
                f"predict)"
            )
        return _FORMS[form](self._outputs(X), self._form)

    def _outputs(self, X):
        inputs = self._inputs(X)
        parts = [self._forward(inputs[at : at + _ROWS_AT_ONCE]) for at in range(0, len(inputs), _ROWS_AT_ONCE)]
        return np.concatenate(parts) if parts else self._forward(inputs)

    def _forward(self, x):
        x = x if self._input is None else (x - self._input.mean) / self._input.deviation
        for layer in self._layers[:-1]:
            x = np.maximum(layer(x), 0)
        return self._head(self._layers[-1](x), self._output)

    def _inputs(self, X):
        if _is_array(X):
            return self._of_array(np.asarray(X))
        if not self._columns:
            raise DTypeError(
                f"predict: X is a {type(X).__name__}, but the model was trained with arrays (valid: an array of shape "
                f"[N, {self.inputs}])"
            )
        table = Table(_FUNCTION, X, self.columns)
        parts = [column.encode(_raw(table, column.name)) for column in self._columns]
        rows = {part.shape[0] for part in parts}
        if len(rows) > 1:
            raise ShapeError(f"predict: the columns have {sorted(rows)} values (valid: as many in each)")
        return np.concatenate(parts, axis=1)

    def _of_array(self, array):
        width = len(self._columns) or self.inputs
        if array.ndim == 0 or np.prod(array.shape[1:], dtype=int) != width or (self._columns and array.ndim != 2):
            raise ShapeError(f"predict: X has shape {list(array.shape)} (valid: [N, {width}], as in training)")
        if any(column.kind == "category" for column in self._columns):
            raise DTypeError("predict: X is an array, but the model was trained with a table that has categories "
                             "(valid: a table)")  # fmt: skip
        if array.dtype.kind not in "fiub" or (self._pixels is not None) != (array.dtype == np.uint8):
            valid = "numbers other than uint8" if self._pixels is None else "uint8 images"
            raise DTypeError(f"predict: X holds {array.dtype} (valid: {valid}, as in training)")
        if self._columns:
            encoded = [column.encode(array[:, at].astype(np.float64)) for at, column in enumerate(self._columns)]
            return np.concatenate(encoded, axis=1)
        rows = array.reshape(len(array), width)
        if self._pixels is None:
            return rows.astype(np.float32)
        return ((rows / 255 - self._pixels["mean"]) / self._pixels["deviation"]).astype(np.float32)


class _Layer(NamedTuple):
    weight: np.ndarray
    bias: np.ndarray | None
    scale: np.ndarray | None
    """Of a layer of cosines."""

    def __call__(self, x):
        if self.scale is None:
            return x @ self.weight.T + self.bias
        return _of_length_one(x) @ _of_length_one(self.weight).T * self.scale


class _Scaling(NamedTuple):
    mean: np.ndarray
    deviation: np.ndarray


class _Column(NamedTuple):
    """A column of a table and its inputs, as docs/data-files.md describes them."""

    name: str
    kind: str
    categories: list[str] = []
    rare: bool = False
    missing: bool = False
    median: float = 0.0
    offset: float = 0.0

    @property
    def width(self):
        return (len(self.categories) + self.rare if self.kind == "category" else 1) + self.missing

    def encode(self, values):
        """Inputs float32 [N, width]."""
        if self.kind == "category":
            codes, is_missing = self._codes(values)
            inputs = np.zeros((len(codes), self.width), np.float32)
            rows = np.flatnonzero(codes >= 0)
            inputs[rows, codes[rows]] = 1
        else:
            numbers = _NUMBERS[self.kind](self, values)
            is_missing = np.isnan(numbers)
            inputs = np.zeros((len(numbers), self.width), np.float32)
            inputs[:, 0] = np.where(is_missing, self.median, numbers - self.offset)
        if self.missing:
            inputs[is_missing, -1] = 1
        return inputs

    def _codes(self, values):
        """For each value its input, or -1; and whether it is missing."""
        places = {name: place for place, name in enumerate(self.categories)}
        unknown = len(places) if self.rare else -1
        texts = [_text(value) for value in values]
        codes = [-1 if text is None else places.get(text, unknown) for text in texts]
        return np.array(codes, np.int64), np.array([text is None for text in texts], bool)


def _text(value):
    """A category as a CSV file has it; None if it is missing."""
    if value is None or value != value:
        return None
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))  # an integer column of pandas with missing values
    text = str(value)
    return None if text == "" else text


def _raw(table, name):
    """The values of a column; missing ones are None or NaN."""
    values = table._read(name)
    if isinstance(values, Labels):
        names = np.array([*values.names, None], object)
        return names[values.codes]
    if isinstance(values, tuple):  # integers, and which of them are missing
        return np.where(values[1], np.nan, values[0].astype(np.float64))
    return np.asarray(values)


def _numbers(column, values):
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    try:
        return np.array([np.nan if value is None else float(value) for value in values], np.float64)
    except (TypeError, ValueError):
        raise _other_type(column, values, "numbers") from None


def _booleans(column, values):
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    words = {
        "true": 1.0,
        "yes": 1.0,
        "t": 1.0,
        "y": 1.0,
        "1": 1.0,
        "false": 0.0,
        "no": 0.0,
        "f": 0.0,
        "n": 0.0,
        "0": 0.0,
    }
    texts = [_text(value) for value in values]
    try:
        return np.array([np.nan if text is None else words[text.lower()] for text in texts], np.float64)
    except KeyError:
        raise _other_type(column, values, "true and false, or yes and no") from None


def _dates(column, values):
    """Days since 1970-01-01."""
    if values.dtype.kind == "f":  # of an array
        return values
    try:
        if values.dtype.kind not in "M":
            values = np.array([_date(value) for value in values], "datetime64[us]")
        days = values.astype("datetime64[us]").astype(np.int64) / 86_400_000_000
    except (TypeError, ValueError):
        raise _other_type(column, values, "dates, or strings such as 2020-01-31") from None
    return np.where(np.isnat(values), np.nan, days)


def _date(value):
    if value is None or value != value or (isinstance(value, str) and value == ""):
        return np.datetime64("NaT")
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, str | datetime.date | np.datetime64):
        return np.datetime64(value)
    raise TypeError


def _other_type(column, values, valid):
    return DTypeError(f"predict: column {column.name!r} holds {values.dtype} (valid: {valid}, as in training)")


_NUMBERS: dict[str, Callable[..., np.ndarray]] = {"number": _numbers, "boolean": _booleans, "date": _dates}


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _sigmoid(x):
    return np.exp(-_softplus(-x))


def _softmax(x):
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _softcap(y, form):
    cap = form.get("softcap", 0)
    return cap * np.tanh(y / cap) if cap else y


def _scaled(y, scaling):
    return y if scaling is None else y * scaling.deviation + scaling.mean


def _mean_and_variance(y, scaling):
    mean, variance = np.split(y, 2, axis=1)
    factor = 1 if scaling is None else scaling.deviation**2
    return np.concatenate([_scaled(mean, scaling), _softplus(variance) * factor], axis=1)


_HEADS: dict[str, Callable[..., np.ndarray]] = {
    "identity": _scaled,
    "sigmoid": lambda y, scaling: _sigmoid(y),
    "softplus": lambda y, scaling: _softplus(y),
    "log_softmax": lambda y, scaling: np.log(_softmax(y)),
    "mean_and_variance": _mean_and_variance,
}

# Of the outputs of the head, by the field output.form of the model file: the classes, and probabilities or numbers.
_CLASSES: dict[str, Callable[..., np.ndarray]] = {
    "class_scores": lambda y, form: y.argmax(axis=1),
    "logit": lambda y, form: (y[:, 0] > 0).astype(np.int64),
    "probability": lambda y, form: (y[:, 0] > 0.5).astype(np.int64),
    "distance": lambda y, form: (y[:, 0] < form["threshold"]).astype(np.int64),
}
_FORMS: dict[str, Callable[..., np.ndarray]] = {
    "class_scores": lambda y, form: _softmax(_softcap(y, form) * np.float32(form["scale"])),
    "logit": lambda y, form: np.concatenate([_sigmoid(-y), _sigmoid(y)], axis=1),
    "probability": lambda y, form: np.concatenate([1 - y, y], axis=1),
    "distance": lambda y, form: y,
    "value": lambda y, form: y,
    "sigmoid": lambda y, form: _sigmoid(y),
    "exp": lambda y, form: np.exp(y),
    "softmax": lambda y, form: _softmax(_softcap(y, form)),
    "quantiles": lambda y, form: y,
    "mean_and_variance": lambda y, form: y,
}


def _of_length_one(x):
    length = np.sqrt((x * x).sum(axis=1, keepdims=True))
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0)


def _is_array(X):
    if isinstance(X, np.ndarray):
        return X.dtype.names is None
    return isinstance(X, list | tuple) or (hasattr(X, "__array__") and not hasattr(X, "columns") and not hasattr(X, "keys")
                                           and not hasattr(X, "column_names"))  # fmt: skip


def _scaling_of(tensors, name):
    mean, deviation = tensors.get(f"{name}.mean"), tensors.get(f"{name}.deviation")
    if (mean is None) != (deviation is None):
        raise ValueError(f"of {name}.mean and {name}.deviation one is missing")
    return None if mean is None else _Scaling(mean, deviation)


def _layers_of(tensors):
    places = sorted(
        {int(name.split(".")[1]) for name in tensors if name.startswith("layers.") and name.endswith("weight")}
    )
    layers = [
        _Layer(*(tensors.get(f"layers.{place}.{what}") for what in ("weight", "bias", "scale"))) for place in places
    ]
    if not layers:
        raise ValueError("the tensor layers.0.weight is missing")
    for before, layer in zip([None, *layers], layers, strict=False):
        if layer.weight.ndim != 2 or (layer.bias is None) == (layer.scale is None):
            raise ValueError("a layer has neither a bias nor a scale, or its weights are not a matrix")
        if before is not None and before.weight.shape[0] != layer.weight.shape[1]:
            raise ValueError(f"layers have {before.weight.shape[0]} outputs and {layer.weight.shape[1]} inputs")
    return layers


def _parse(content):
    """Tensors float32 and facts of a safetensors file."""
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > len(content) - 8:
        raise ValueError("the header is longer than the file")
    header = json.loads(content[8 : 8 + size])
    facts = json.loads(header.pop("__metadata__")[_KEY])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if entry["dtype"] == "F32":
            data = np.frombuffer(content[8 + size + begin : 8 + size + end], "<f4")
            tensors[name] = data.reshape(entry["shape"])
    return tensors, facts
