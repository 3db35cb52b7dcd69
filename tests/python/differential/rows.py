"""Losses of rows and masks over numbers of 50 digits."""

import math

import numpy as np
from mpmath import mp, mpf

from . import formulas
from .jets import (
    INFINITE,
    Notes,
    Undefined,
    absolute,
    hinge,
    maximum,
    minimum,
    power,
    sqrt,
    tanh,
    value,
)


def units_of(draw, evaluate, Unit):
    """The units and, where a mean does not divide by their number, its denominator."""
    for names, make in _MAKERS:
        if draw.function in names:
            return make(draw, evaluate, Unit)
    raise KeyError(draw.function)


def _class_rows(draw):
    """For each row of logits, the flat indices of its classes."""
    shape = draw.values["input"].shape
    places = np.arange(math.prod(shape)).reshape(shape)
    return (np.moveaxis(places, 1, -1) if len(shape) > 1 else places).reshape(-1, shape[1 if len(shape) > 1 else 0])


def _softmax(draw, evaluate, Unit):
    values, options, parameters = draw.values, draw.options, dict(draw.parameters)
    z_loss, cap = mpf(parameters.pop("z_loss", 0.0)), mpf(parameters.pop("softcap", math.inf))
    rows = _class_rows(draw)
    classes = rows.shape[1]
    smoothing = mpf(options.get("label_smoothing", 0.0))
    indexed = values["target"].dtype.kind in "iu"
    weights = [mpf(float(w)) for w in values["weight"]] if "weight" in values else [mpf(1)] * classes
    change = formulas.FREQUENCIES.get(draw.function)
    term = formulas.CLASSES["cross_entropy" if change else draw.function] if draw.function != "nll_loss" else None
    units, total_weight = [], mpf(0)
    for position, row in enumerate(rows):
        unit = Unit(position, [("input", int(i)) for i in row])
        label = int(values["target"].flat[position]) if indexed else None
        if label == options.get("ignore_index", -100):
            continue
        if draw.function == "nll_loss":
            unit.variables = [("input", int(row[label]))]
        if not indexed:
            unit.variables += [("target", int(i)) for i in row]

        def formula(notes, *x, label=label):
            logits, targets = list(x[:classes]), list(x[classes:])
            if any(value(z) >= INFINITE for z in logits) and draw.function != "nll_loss":
                raise Undefined
            if indexed:
                targets = [mpf(k == label) for k in range(classes)]
            targets = [t * (1 - smoothing) + smoothing / classes for t in targets]
            if draw.function == "nll_loss":
                notes.unknown = weights[label] == 0 and abs(value(logits[0])) > 1e30  # torch's 0 * inf
                return -logits[0] * weights[label]
            if change:
                counts = [float(c) for c in values["class_counts"]]
                logits = change(logits, label, counts, **parameters)
            if mp.isfinite(cap):
                logits = [tanh(z / cap) * cap for z in logits]
            log_p = formulas.log_softmax(logits)
            own = {} if change else parameters
            notes.unknown = any(
                w == 0 and abs(value(p)) > 1e30 for w, p in zip(weights, log_p, strict=True)
            )  # torch's 0 * inf
            log_sum = logits[0] - log_p[0] if z_loss else mpf(0)
            terms = (term(p, t, **own) * w for p, t, w in zip(log_p, targets, weights, strict=True))
            return sum(terms, mpf(0)) + log_sum * log_sum * z_loss

        units.append(evaluate(unit, values, formula, Notes(draw.tolerance), may_be_infinite=classes))
        # log(1 + others) to the roundoff of 1: only the kernel of class indices has log1p(others)
        steep = max(1, parameters.get("alpha", 0.1) + parameters.get("beta", 1) * -parameters.get("log_zero", -4.0))
        steep = steep if draw.function == "symmetric_cross_entropy" else parameters.get("scale", 30.0) if change else 5
        unit.floor += (
            steep * max(weights) * (1 if indexed else 1 + sum(abs(mpf(float(values["target"].flat[i]))) for i in row))
        )
        if z_loss and unit.points:  # the rounding of the logarithm, doubled by the square
            log_sum = abs(max(unit.points[:classes], key=abs)) + mp.log(classes)
            unit.floor += 4 * z_loss * (1 + log_sum) ** 2
        total_weight += weights[label] if indexed else 1
    return units, _rows_denominator(draw, len(units), total_weight, weights)


def _rows_denominator(draw, count, standard, weights):
    match draw.options.get("normalize_by"):
        case None:
            return standard
        case "count":
            return mpf(count)
        case "batch":
            return mpf(draw.values["input"].shape[0] if draw.values["input"].ndim > 1 else 1)
    if draw.values["target"].dtype.kind in "iu":
        return standard
    if "weight" not in draw.values:
        return mpf(count)
    places, classes = _class_rows(draw), range(len(weights))
    return sum((mpf(float(draw.values["target"].flat[row[k]])) * weights[k] for row in places for k in classes), mpf(0))


def _multi_margin(draw, evaluate, Unit):
    values, p, margin = draw.values, draw.parameters.get("p", 1), mpf(draw.parameters.get("margin", 1.0))
    shape = values["input"].shape
    rows = np.arange(math.prod(shape)).reshape(-1, shape[-1])
    units = []
    for position, row in enumerate(rows):
        label = int(values["target"].flat[position])
        weight = mpf(float(values["weight"][label])) if "weight" in values else mpf(1)

        def formula(n, *x):
            missing = [hinge(margin, x[label] - z, n) for k, z in enumerate(x) if k != label]
            n.unknown = weight == 0 and any(abs(value(z)) > 1e30 for z in x)  # torch's 0 * inf
            return sum((power(m, p) for m in missing), mpf(0)) * weight / len(x)

        units.append(_with_nan(evaluate(_row_unit(Unit, position, row), values, formula, Notes(draw.tolerance), 1)))
    return units, None


def _row_unit(Unit, position, row):
    return Unit(position, [("input", int(i)) for i in row])


def _with_nan(unit):
    """Whether a NaN matters depends on comparisons: torch decides."""
    unit.status = "unknown" if unit.status == "nan" else unit.status
    return unit


def _multilabel_margin(draw, evaluate, Unit):
    values = draw.values
    shape = values["input"].shape
    rows = np.arange(math.prod(shape)).reshape(-1, shape[-1])
    units = []
    for position, row in enumerate(rows):
        listed = [int(label) for label in values["target"].reshape(-1, shape[-1])[position]]
        listed = listed[: listed.index(-1)] if -1 in listed else listed

        def formula(n, *x):
            others = [z for k, z in enumerate(x) if k not in listed]
            missing = [hinge(mpf(1), x[j] - z, n) for j in listed for z in others]
            return sum(missing, mpf(0)) / len(x)

        units.append(_with_nan(evaluate(_row_unit(Unit, position, row), values, formula, Notes(draw.tolerance), 1)))
    return units, None


def _multilabel_soft_margin(draw, evaluate, Unit):
    values = draw.values
    shape = values["input"].shape
    rows = np.arange(math.prod(shape)).reshape(-1, shape[-1])
    units = []
    for position, row in enumerate(rows):
        for i, k in enumerate(row):
            weight = mpf(float(values["weight"][i])) if "weight" in values else mpf(1)
            unit = Unit(position, [("input", int(k)), ("target", int(k))], weight=weight / len(row))
            units.append(
                evaluate(unit, values, formulas.ELEMENTS["binary_cross_entropy_with_logits"], Notes(draw.tolerance))
            )
    return units, None


def _vectors(draw, names):
    shape = np.broadcast_shapes(*(draw.values[name].shape for name in names))
    size = shape[-1]
    places = {
        n: np.broadcast_to(np.arange(draw.values[n].size).reshape(draw.values[n].shape), shape).reshape(-1, size)
        for n in names
    }
    for position in range(math.prod(shape[:-1])):
        yield position, [(n, int(i)) for n in names for i in places[n][position]], size


def _cosine(draw, evaluate, Unit):
    margin, epsilon = mpf(draw.parameters.get("margin", 0.0)), mpf(float(np.float32(1e-12)))
    units = []
    for position, variables, size in _vectors(draw, ("input1", "input2")):
        t = float(draw.values["target"].flat[position])

        def formula(n, *x):
            a, b = x[:size], x[size:]
            dot = sum((p * q for p, q in zip(a, b, strict=True)), mpf(0))
            cosine = dot / sqrt(
                (sum((p * p for p in a), mpf(0)) + epsilon) * (sum((q * q for q in b), mpf(0)) + epsilon)
            )
            return 1 - cosine if t == 1 else hinge(cosine, margin, n) if t == -1 else cosine * 0

        unit = evaluate(Unit(position, variables), draw.values, formula, Notes(draw.tolerance), 0)
        # derivatives are differences of terms of the size of 1 / |x|
        norms = [mp.sqrt(sum(a * a for a in v) + epsilon) for v in (unit.points[:size], unit.points[size:]) if v]
        unit.floor += (1 / min(norms, default=mpf(1)) + 1) ** 2
        _mark_overflow(draw, unit)
        units.append(unit)
    return units, None


def _mark_overflow(draw, unit):
    """Vectors whose squares overflow: infinities less each other, in torch too."""
    largest = 1e38 if "float64" not in draw.dtypes.values() else 1e307
    if any(abs(a) ** max(2, min(draw.parameters.get("p", 2), 3)) > largest / 16 for a in unit.points):
        unit.status = "unknown"


def _norm(differences, p, n):
    if p == math.inf:
        largest = absolute(differences[0], n)
        for x in differences[1:]:
            largest = maximum(largest, absolute(x, n), n)
        return largest
    if p == 0:
        n.kink = True
        return mpf(sum(value(x) != 0 for x in differences))
    total = sum((power(absolute(x, n), p) if p != 2 else x * x for x in differences), mpf(0))
    if value(total) == 0:
        n.kink = True
    return power(total, 1 / mpf(p)) if p != 2 else sqrt(total)


def _triplet(draw, evaluate, Unit):
    o = {"margin": 1.0, "p": 2.0, "eps": 1e-6, "swap": False} | draw.parameters
    units = []
    for position, variables, size in _vectors(draw, ("anchor", "positive", "negative")):

        def formula(n, *x):
            a, b, c = x[:size], x[size : 2 * size], x[2 * size :]

            def norm(u, v):
                return _norm([s - t + mpf(o["eps"]) for s, t in zip(u, v, strict=True)], o["p"], n)

            near, far = norm(a, b), norm(a, c)
            if o["swap"]:
                far = minimum(far, norm(b, c), n)
            return hinge(near + mpf(o["margin"]), far, n)

        unit = evaluate(Unit(position, variables), draw.values, formula, Notes(draw.tolerance), 0)
        unit.floor += mpf(2)  # a derivative is a difference of components of two unit vectors
        unit.value_floor = 2 * sum((abs(a) for a in unit.points), mpf(0))  # the loss one of distances
        _mark_overflow(draw, unit)
        units.append(unit)
    return units, None


_MAKERS = [
    (("nll_loss", *formulas.CLASSES, *formulas.FREQUENCIES), _softmax),
    (("multi_margin_loss",), _multi_margin),
    (("multilabel_margin_loss",), _multilabel_margin),
    (("multilabel_soft_margin_loss",), _multilabel_soft_margin),
    (("cosine_embedding_loss",), _cosine),
    (("triplet_margin_loss",), _triplet),
]
FUNCTIONS = [name for names, _ in _MAKERS for name in names]
