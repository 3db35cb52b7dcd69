"""Random small tables of predictions and targets for perdita.evaluate, and the files that hold them."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Table:
    """One problem: predictions [N, ...], targets, the options of perdita.evaluate, and how they are handed over."""

    kind: str  # classes, binary, regression
    loss: str
    options: dict  # of the loss
    scale: str
    predictions: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    bins: int
    source: str

    @property
    def spec(self):
        options = ",".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.loss}:{options}" if options else self.loss


CLASS_LOSSES = [
    ("cross_entropy", lambda rng: {}),
    ("cross_entropy", lambda rng: {"label_smoothing": float(rng.choice([0.1, 0.5]))}),
    ("cross_entropy", lambda rng: {"ignore_index": int(rng.choice([-1, 0, 255]))}),
    ("focal", lambda rng: {"gamma": float(rng.choice([0, 0.5, 2]))}),
    ("poly_1", lambda rng: {"eps": float(rng.choice([-0.5, 1]))}),
    ("generalized_cross_entropy", lambda rng: {"q": float(rng.choice([0.3, 0.7, 1]))}),
    ("nll", lambda rng: {}),
]
BINARY_LOSSES = [
    ("binary_cross_entropy_with_logits", lambda rng: {}),
    ("binary_cross_entropy", lambda rng: {}),
    ("binary_focal", lambda rng: {"gamma": float(rng.choice([0, 0.5, 2]))}),
    ("soft_margin", lambda rng: {}),
]
REGRESSION_LOSSES = [
    ("mse", lambda rng: {}),
    ("l1", lambda rng: {}),
    ("huber", lambda rng: {"delta": float(rng.choice([0.5, 1, 3]))}),
    ("smooth_l1", lambda rng: {"beta": float(rng.choice([0.5, 1, 3]))}),
    ("log_cosh", lambda rng: {}),
    ("quantile", lambda rng: {"q": float(rng.choice([0.1, 0.5, 0.9]))}),
]
SOURCES = ["array", "list", "npy", "fortran", "big_endian", "npz", "packed", "csv", "semicolon", "tsv", "no_header"]
FLOAT32_SOURCES = ["array", "npy", "fortran", "big_endian", "npz", "packed"]  # text is read in double precision


def numbers(rng, shape):
    """Numbers of one of several characters: spread, tied, close together, far out."""
    style = rng.integers(5)
    if style == 0:
        return rng.integers(-3, 4, shape).astype(float)
    if style == 1:
        return 98 + rng.normal(size=shape) * 1e-3
    if style == 2:
        return rng.normal(size=shape) * 10.0 ** rng.integers(-4, 3)
    if style == 3:
        return np.round(rng.normal(size=shape), 1)
    return rng.normal(size=shape)


def shares(rng, shape):
    """Probabilities in [0, 1]: anything, or of few values with 0 and 1 among them."""
    style = rng.integers(3)
    if style == 0:
        return rng.random(shape)
    if style == 1:
        return rng.choice([0.0, 0.25, 0.5, 0.75, 1.0], shape)
    return np.round(rng.random(shape), 1)


def distributions(rng, rows, classes):
    p = shares(rng, (rows, classes)) if rng.random() < 0.5 else rng.dirichlet(np.full(classes, 0.3), rows)
    if rng.random() < 0.7:
        total = p.sum(1, keepdims=True)
        p = np.where(total > 0, p / np.where(total > 0, total, 1), p)
    return p


def spoil(rng, values, choices):
    """Puts some of `choices` in, in one table of three."""
    if rng.random() < 2 / 3:
        return values
    values = values.copy()
    hit = rng.random(values.shape) < 0.1
    values[hit] = rng.choice(choices, hit.sum())
    return values


def draw_classes(rng):
    loss, options = CLASS_LOSSES[rng.integers(len(CLASS_LOSSES))]
    options = options(rng)
    rows, classes = int(rng.integers(1, 40)), int(rng.integers(2, 7))
    scale = "log-probabilities" if loss == "nll" else str(rng.choice(["logits", "probabilities", "log-probabilities"]))
    if scale == "logits":
        predictions = spoil(rng, numbers(rng, (rows, classes)), [np.inf, -np.inf, np.nan])
    else:
        predictions = spoil(rng, distributions(rng, rows, classes), [np.nan])
        if scale == "log-probabilities":
            with np.errstate(divide="ignore"):
                predictions = np.log(predictions)
    targets = rng.integers(0, classes, rows)
    if "ignore_index" in options and rng.random() < 0.7:
        targets = np.where(rng.random(rows) < 0.2, options["ignore_index"], targets)
        targets[0] = (options["ignore_index"] + 1) % classes if targets[0] == options["ignore_index"] else targets[0]
    return Table("classes", loss, options, scale, predictions, targets, None, 15, "")


def draw_binary(rng):
    loss, options = BINARY_LOSSES[rng.integers(len(BINARY_LOSSES))]
    shape = (int(rng.integers(1, 40)),) + ((int(rng.integers(1, 4)),) if rng.random() < 0.4 else ())
    scale = str(rng.choice(["logits", "probabilities"]))
    if scale == "logits":
        predictions = spoil(rng, numbers(rng, shape), [np.inf, -np.inf, np.nan])
    else:
        predictions = spoil(rng, shares(rng, shape), [np.nan])
    targets = (rng.random(shape) < rng.choice([0.1, 0.5, 0.9])).astype(np.int64)
    return Table("binary", loss, options(rng), scale, predictions, targets, None, 15, "")


def draw_regression(rng):
    loss, options = REGRESSION_LOSSES[rng.integers(len(REGRESSION_LOSSES))]
    shape = (int(rng.integers(1, 40)),) + ((int(rng.integers(1, 4)),) if rng.random() < 0.4 else ())
    targets = numbers(rng, shape)
    if rng.random() < 0.2:
        targets = np.full(shape, targets.flat[0])
    if rng.random() < 0.1:
        targets = 1e9 + rng.integers(0, 5, shape)
    predictions = spoil(rng, targets + numbers(rng, shape), [np.inf, -np.inf, np.nan])
    return Table("regression", loss, options(rng), "", predictions, targets.astype(float), None, 15, "")


def draw(rng):
    table = [draw_classes, draw_binary, draw_regression][rng.integers(3)](rng)
    if rng.random() < 0.3:
        rows = len(table.predictions)
        table.weights = rng.choice([0.0, 0.5, 1.0, 2.0, 10.0], rows) if rng.random() < 0.5 else rng.random(rows)
        table.weights[rng.integers(rows)] = 1.0
    table.bins = int(rng.choice([1, 5, 10, 15, 100]))
    if rng.random() < 0.2 and table.kind != "regression":
        table.predictions = table.predictions.astype(np.float32)
    table.source = str(rng.choice(FLOAT32_SOURCES if table.predictions.dtype == np.float32 else SOURCES))
    if table.loss == "soft_margin":
        table.targets = 2 * table.targets - 1
    if table.kind != "regression":
        types = [np.int64, np.int32, np.float64, np.float32]
        types += [np.uint8] if table.targets.min() >= 0 else []
        types += [np.bool_] if table.kind == "binary" and table.loss != "soft_margin" else []
        table.targets = table.targets.astype(types[rng.integers(len(types))])
    return table


def write_text(path, array, separator, header):
    array = array.reshape(len(array), -1)
    with open(path, "w", newline="") as file:
        if header:
            names = [f'"column{separator} {i}\n"' for i in range(array.shape[1])]
            file.write(separator.join(names) + "\r\n")
        for row in array:
            file.write(separator.join(str(int(x)) if array.dtype == bool else repr(x.item()) for x in row) + "\n")
    return path


def hand_over(array, source, path):
    """The array, or a file that holds it: what perdita.evaluate takes."""
    if array is None or source == "array":
        return array
    if source == "list":
        return array.tolist()
    if source in ("csv", "semicolon", "tsv", "no_header"):
        separator = {"semicolon": ";", "tsv": "\t"}.get(source, ",")
        return write_text(path.with_suffix(".csv"), array, separator, source != "no_header")
    if source in ("npz", "packed"):
        (np.savez if source == "npz" else np.savez_compressed)(path.with_suffix(".npz"), a=array, other=array[:1])
        return f"{path}.npz:a"
    if source == "big_endian":
        array = array.astype(array.dtype.newbyteorder(">"))
    np.save(path.with_suffix(".npy"), np.asfortranarray(array) if source == "fortran" else array)
    return path.with_suffix(".npy")
