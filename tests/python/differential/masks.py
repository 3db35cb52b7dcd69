"""Losses of masks over numbers of 50 digits: from the papers' sums, and Berman et al.'s algorithm 1."""

import itertools

import numpy as np
from mpmath import mpf

from .formulas import log_softmax
from .jets import Notes, exp, maximum, power, sigmoid, value

OF_SUMS = {
    "dice_loss": {"smooth": 1.0, "squared": False},
    "jaccard_loss": {"smooth": 1.0, "squared": False},
    "tversky_loss": {"alpha": 0.5, "beta": 0.5, "smooth": 1.0},
    "focal_tversky_loss": {"alpha": 0.3, "beta": 0.7, "gamma": 4 / 3, "smooth": 1.0},
}
FUNCTIONS = (*OF_SUMS, "lovasz_loss", "generalized_dice_loss")


def of_sums(function, pixels, options):
    """pixels: [(p, q, t), ...], q = 1 - p."""
    o = {**OF_SUMS[function], **options}
    tp = fp = fn = mpf(0)
    for p, q, t in pixels:
        excess, miss = p * (1 - t), q * t
        if o.get("squared"):
            square = (excess - miss) * (excess - miss)
            excess, miss = square * (1 - t), square * t
        tp, fp, fn = tp + p * t, fp + excess, fn + miss
    hits = tp * 2 if function == "dice_loss" else tp
    errors = fp * mpf(o.get("alpha", 1)) + fn * mpf(o.get("beta", 1))
    everything = hits + errors + mpf(o["smooth"])
    if value(everything) == 0:
        return mpf(0) + tp * 0
    share = errors / everything
    if function != "focal_tversky_loss":
        return share
    return power(share, 1 / mpf(o["gamma"])) if value(share) else share * 0


def generalized_dice(classes, options, present_only):
    """classes: the pixels [(p, q, t), ...] of each class."""
    power_of = {"square": 2, "simple": 1, "uniform": 0}[options.get("weighting", "square")]
    sizes = [sum((t for _, _, t in pixels), mpf(0)) for pixels in classes]
    weights = [1 / mpf(size) ** power_of if size else mpf(0) for size in sizes]
    if not present_only:
        largest = max(weights) or mpf(1)
        weights = [weight if size else largest for weight, size in zip(weights, sizes, strict=True)]
    hits = errors = mpf(0)
    for weight, pixels in zip(weights, classes, strict=True):
        for p, q, t in pixels:
            hits, errors = hits + p * t * 2 * weight, errors + (p * (1 - t) + q * t) * weight
    everything = hits + errors + mpf(options.get("smooth", 1e-5))
    return errors / everything if value(everything) else mpf(0)


def lovasz(errors, targets, notes):
    order = sorted(range(len(errors)), key=lambda i: -value(errors[i]))
    for i, j in itertools.pairwise(order):
        notes.is_less(errors[j], errors[i])  # a tie is a kink
    total = sum(targets)
    loss, before, missed, excess = mpf(0), mpf(0), 0, 0
    for i in order:
        missed, excess = missed + targets[i], excess + 1 - targets[i]
        jaccard = 1 - mpf(total - missed) / (total + excess)
        loss, before = loss + errors[i] * (jaccard - before), jaccard
    return loss


def units_of(draw, evaluate, Unit):
    options = dict(draw.parameters)
    batch, multilabel = options.pop("batch", False), options.pop("multilabel", False)
    present_only = options.pop("present_only", draw.function == "lovasz_loss")
    ignored = options.pop("ignore_index", -100)
    logits, target = draw.values["input"], draw.values["target"]
    indexed = target.dtype.kind in "iu"
    has_classes = indexed or multilabel
    shape = logits.shape
    items = shape[0] if len(shape) > 1 else 1
    classes = shape[1] if has_classes else 1
    places = np.arange(logits.size).reshape(items, classes, -1)
    inner = places.shape[2]
    labels = target.reshape(items, inner) if indexed else target.reshape(items, classes, inner)
    if draw.function == "generalized_dice_loss":
        units = []
        for position in range(1 if batch else items):
            chosen = range(items) if batch else [position]
            pixels = [[(i, j) for i in chosen for j in range(inner)] for _ in range(classes)]
            units.append(_of_all_classes(draw, evaluate, Unit, position, pixels, places, labels, options, present_only))
        return units, None
    units, present_count = [], 0
    for position in range((1 if batch else items) * classes):
        item, k = divmod(position, classes)
        chosen = range(items) if batch else [item]
        pixels = [
            (i, j) for i in chosen for j in range(inner) if (labels[i, j] if indexed else labels[i, k, j]) != ignored
        ]
        t = [int(labels[i, j] == k) if indexed else mpf(float(labels[i, k, j])) for i, j in pixels]
        columns = range(classes) if indexed else [k]
        unit = Unit(position, [("input", int(places[i, c, j])) for i, j in pixels for c in columns])

        def formula(notes, *x):
            rows = [x[n : n + len(columns)] for n in range(0, len(x), len(columns))]
            if draw.function == "lovasz_loss" and not indexed:
                errors = [
                    maximum(1 - row[0] * (2 * label - 1), mpf(0), notes) for row, label in zip(rows, t, strict=True)
                ]
                return lovasz(errors, t, notes)
            if indexed:
                logs = [log_softmax(list(row)) for row in rows]
                p = [exp(row[k]) for row in logs]
                q = [sum((exp(z) for c, z in enumerate(row) if c != k), mpf(0)) for row in logs]
            else:
                p, q = [sigmoid(row[0]) for row in rows], [sigmoid(-row[0]) for row in rows]
            if draw.function == "lovasz_loss":
                return lovasz([b if label else a for a, b, label in zip(p, q, t, strict=True)], t, notes)
            return of_sums(draw.function, list(zip(p, q, t, strict=True)), options)

        evaluate(unit, draw.values, formula, Notes(draw.tolerance), may_be_infinite=0)
        if not unit.variables and unit.status != "nan":
            unit.status = "defined"
        if unit.status == "nan":
            unit.status = "unknown"
        present = has_classes and present_only and any(t)
        present_count += present
        if has_classes and "weight" in draw.values:
            unit.weight = mpf(float(draw.values["weight"][k]))
        if has_classes and present_only and not present:
            unit.weight = mpf(0)
        # sums of probabilities, and a quotient of two of them
        unit.floor += mpf(1)
        units.append(unit)
    return units, mpf(present_count) if has_classes and present_only else None


def _of_all_classes(draw, evaluate, Unit, position, pixels, places, labels, options, present_only):
    """A unit of all classes of an item; pixels: (item, place) of each class."""
    indexed, ignored = draw.values["target"].dtype.kind in "iu", draw.parameters.get("ignore_index", -100)
    classes = places.shape[1]
    used = [[at for at in pixels[k] if labels[at if indexed else (at[0], k, at[1])] != ignored] for k in range(classes)]
    variables = sorted({int(places[i, k, j]) for k in range(classes) for i, j in used[k]})
    unit = Unit(position, [("input", flat) for flat in variables])

    def formula(notes, *x):
        logits = dict(zip(variables, x, strict=True))
        of_classes = [[] for _ in range(classes)]
        for k in range(classes):
            for i, j in used[k]:
                if indexed:
                    row = log_softmax([logits[int(places[i, c, j])] for c in range(classes)])
                    t = int(labels[i, j] == k)
                    rest = sum((exp(z) for c, z in enumerate(row) if c != k), mpf(0))
                    of_classes[k].append((exp(row[k]), rest, t))
                else:
                    z, t = logits[int(places[i, k, j])], mpf(float(labels[i, k, j]))
                    of_classes[k].append((sigmoid(z), sigmoid(-z), t))
        return generalized_dice(of_classes, options, present_only)

    evaluate(unit, draw.values, formula, Notes(draw.tolerance), may_be_infinite=0)
    if not unit.variables and unit.status != "nan":
        unit.status = "defined"
    if unit.status == "nan":
        unit.status = "unknown"
    if "weight" in draw.values:
        unit.weight = mpf(float(draw.values["weight"][position]))
    unit.floor += mpf(1)
    return unit
