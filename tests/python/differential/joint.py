"""Losses of which each depends on many rows, over numbers of 50 digits: survival, ranking, embeddings, sequences."""

import numpy as np
from mpmath import mp, mpf

from . import by_row, embeddings, jets, ranking, sequences
from .jets import Notes


def _weights(draw, count):
    return [mpf(float(w)) for w in draw.values["weight"]] if "weight" in draw.values else [mpf(1)] * count


def _cox(draw, evaluate, Unit):
    time, event = draw.values["time"], draw.values["event"]
    count = len(time)
    strata = draw.values.get("strata", np.zeros(count))
    weights = _weights(draw, count)
    efron = draw.parameters.get("ties", "efron") == "efron"
    units = []
    for i in range(count):
        if not event[i]:
            continue
        risk = [j for j in range(count) if strata[j] == strata[i] and time[j] >= time[i] and weights[j] > 0]
        tied = [j for j in risk if time[j] == time[i] and event[j]]

        def formula(notes, *h, i=i, risk=risk, tied=tied):
            if weights[i] == 0:
                return mpf(0)
            h = dict(zip(risk, h, strict=True))
            at_risk = embeddings.logsumexp([h[j] + mp.log(weights[j]) for j in risk])
            shares = [mpf(k) / len(tied) if efron else mpf(0) for k in range(len(tied))]
            left = [mpf(0) for _ in shares]
            if efron and len(tied) > 1:
                share = jets.exp(embeddings.logsumexp([h[j] + mp.log(weights[j]) for j in tied]) - at_risk)
                left = [jets.log1p(share * -part) for part in shares]
            mean = sum(left, mpf(0)) / len(left)
            return (at_risk + mean - h[i]) * weights[i]

        unit = Unit(i, [("input", j) for j in risk])
        evaluate(unit, draw.values, formula, Notes(draw.tolerance))
        unit.floor += weights[i] * 4
        unit.value_floor = weights[i] * 2 * max((abs(x) for x in unit.points), default=mpf(0))
        units.append(unit)
    standard = mpf(int(event.sum()))
    if draw.options.get("normalize_by") == "weight_sum":
        standard = sum((w for w, e in zip(weights, event, strict=True) if e), mpf(0))
    if draw.options.get("normalize_by") == "batch":
        standard = mpf(count)
    return units, standard or mpf(1)


def _info_nce(draw, evaluate, Unit):
    values, temperature = draw.values, mpf(draw.parameters.get("temperature", 0.1))
    count, size = values["query"].shape
    weights = _weights(draw, count)
    units = []
    for i in range(count):
        vectors = [("query", i), ("positive", i)]
        if "negatives" not in values:
            vectors += [("positive", j) for j in range(count) if j != i]
        elif values["negatives"].ndim == 2:
            vectors += [("negatives", j) for j in range(len(values["negatives"]))]
        else:
            own = values["negatives"].shape[1]
            vectors += [("negatives", i * own + j) for j in range(own)]

        def formula(notes, *x, i=i):
            rows = [embeddings.unit_vector(x[k : k + size]) for k in range(0, len(x), size)]
            cosines = [
                sum((a * b for a, b in zip(rows[0], row, strict=True)), mpf(0)) / temperature for row in rows[1:]
            ]
            return (embeddings.logsumexp(cosines) - cosines[0]) * weights[i]

        unit = Unit(i, [(name, row * size + k) for name, row in vectors for k in range(size)])
        evaluate(unit, values, formula, Notes(draw.tolerance), 0)
        lengths = [mp.sqrt(sum(a * a for a in unit.points[k : k + size])) for k in range(0, len(unit.points), size)]
        shortest = min(lengths, default=mpf(1))
        if not shortest or shortest < 1e-11:  # a vector of zero has no direction
            unit.status = "unknown"
            shortest = mpf(1)
        unit.floor += weights[i] * 64 * (1 + 1 / (temperature * min(shortest, mpf(1)))) ** 2
        unit.value_floor = weights[i] * 16 / temperature
        units.append(unit)
    standard = {"weight_sum": sum(weights, mpf(0))}.get(draw.options.get("normalize_by"), mpf(count))
    return units, standard


_MAKERS = {"cox_loss": _cox, "info_nce_loss": _info_nce, **by_row.MAKERS, **sequences.MAKERS}
_MAKERS |= dict.fromkeys(ranking.LOSSES, ranking.units_of)
_MAKERS |= dict.fromkeys(embeddings.LOSSES, embeddings.units_of)
FUNCTIONS = list(_MAKERS)


def units_of(draw, evaluate, Unit):
    return _MAKERS[draw.function](draw, evaluate, Unit)


def loss_count(draw):
    if draw.function in ranking.LOSSES:
        return len(ranking.bounds(draw))
    if draw.function in by_row.MAKERS:
        return len(draw.values["input"])
    if draw.function in embeddings.LOSSES:
        return embeddings.loss_count(draw)
    if draw.function in sequences.MAKERS:
        return len(draw.values["logits"])
    return len(draw.values["time" if draw.function == "cox_loss" else "query"])


def operands_of(random, function, parameters, dtype, reals, rounded):
    """(values, dtypes, options): small batches, since each loss depends on all of it."""
    options = {}
    if function in by_row.MAKERS:
        values, integers = by_row.operands_of(random, function, parameters, dtype, reals, rounded)
    elif function in embeddings.LOSSES:
        values, integers = embeddings.operands_of(random, function, dtype, rounded)
    elif function in sequences.MAKERS:
        values, integers, options = sequences.operands_of(random, dtype, reals, rounded)
    else:
        makers = {"cox_loss": _of_survival, "info_nce_loss": _of_pairs}
        values, integers = makers.get(function, ranking.operands_of)(random, dtype, reals, rounded)
    return values, {name: "int64" if name in integers else dtype for name in values}, options


def _of_survival(random, dtype, reals, rounded):
    count = int(random.integers(1, 7))
    values = {
        "input": reals(random, (count,), False, dtype),
        "time": rounded(random.integers(0, 4, count), dtype),
        "event": random.integers(0, 2, count),
    }
    if random.random() < 0.4:
        values["strata"] = random.integers(0, 2, count)
    if random.random() < 0.4:
        values["weight"] = rounded(random.integers(0, 9, count) / 4.0, dtype)
    return values, ("event", "strata")


def _of_pairs(random, dtype, reals, rounded):
    count, size = int(random.integers(1, 4)), int(random.integers(2, 4))
    values = {name: rounded(random.normal(size=(count, size)), dtype) for name in ("query", "positive")}
    shapes = {1: (int(random.integers(1, 4)), size), 2: (count, int(random.integers(1, 3)), size)}
    shape = shapes.get(int(random.integers(4)))
    if shape is not None:
        values["negatives"] = rounded(random.normal(size=shape), dtype)
    if random.random() < 0.4:
        values["weight"] = rounded(random.integers(0, 9, count) / 4.0, dtype)
    return values, ()


PARAMETERS = (
    by_row.PARAMETERS
    | embeddings.PARAMETERS
    | ranking.PARAMETERS
    | sequences.PARAMETERS
    | {
        "ties": ("efron", "breslow"),
        "temperature": (1.0, 0.5, 0.125, 2.0),
    }
)
