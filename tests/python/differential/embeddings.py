"""Losses of embeddings, over numbers of 50 digits: each loss depends on all rows of the batch."""

from mpmath import mp, mpf

from perdita._catalogue import ENTRIES

from . import jets
from .jets import Notes, value

CLASSES = ("sup_con_loss", "multi_similarity_loss", "circle_loss", "batch_triplet_loss")
PAIRS = ("nt_xent_loss", "clip_contrastive_loss", "siglip_loss")
MARGINS = ("arc_face_loss", "cos_face_loss")

PARAMETERS = {
    ("nt_xent_loss", "temperature"): (0.5, 0.125, 2.0),
    ("sup_con_loss", "temperature"): (0.125, 0.5, 2.0),
    ("multi_similarity_loss", "alpha"): (2.0, 0.5, 8.0),
    ("multi_similarity_loss", "beta"): (50.0, 4.0, 0.5),
    ("multi_similarity_loss", "base"): (0.5, 1.0, 0.0, -0.25),
    ("circle_loss", "margin"): (0.4, 0.25, 0.0),
    ("circle_loss", "gamma"): (80.0, 8.0, 1.0),
    ("batch_triplet_loss", "margin"): (1.0, 0.25, 4.0),
    ("contrastive_loss", "margin"): (1.0, 2.0, 8.0),
    ("arc_face_loss", "margin"): (0.5, 0.0, 1.5, 3.0),
    ("arc_face_loss", "scale"): (64.0, 1.0, 16.0),
    ("cos_face_loss", "margin"): (0.35, 0.0, 1.0),
    ("cos_face_loss", "scale"): (64.0, 1.0, 16.0),
    "mining": ("hard", "semi_hard", "all"),
    "distance": ("euclidean", "squared", "cosine"),
}


def logsumexp(terms):
    largest = max(value(t) for t in terms)
    return largest + jets.log(sum((jets.exp(t - largest) for t in terms), mpf(0)))


def unit_vector(x):
    norm = jets.sqrt(sum((a * a for a in x), mpf(0)))
    return [a / norm for a in x]


def _dot(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), mpf(0))


def _softplus_of_sum(terms):
    """log(1 + sum exp(terms)), of which there may be none."""
    return logsumexp([mpf(0), *terms])


def _others(labels, i):
    """The others of i's class, and those of other classes."""
    same = [j for j in range(len(labels)) if j != i and labels[j] == labels[i]]
    return same, [j for j in range(len(labels)) if labels[j] != labels[i]]


# Each function of a batch gives, for the unit i, its loss and what it adds to the standard denominator, both of the rows of
# the operands as lists of numbers.


def _nt_xent(p, i, rows, extra, notes):
    e = [unit_vector(x) for x in (*rows["query"], *rows["positive"])]
    half = len(e) // 2
    logits = {k: _dot(e[i], e[k]) / mpf(p["temperature"]) for k in range(len(e)) if k != i}
    return logsumexp(list(logits.values())) - logits[(i + half) % len(e)], 1


def _cosines(rows):
    return [unit_vector(x) for x in rows["query"]], [unit_vector(x) for x in rows["positive"]]


def _clip(p, i, rows, extra, notes):
    q, k = _cosines(rows)
    scale = extra.get("logit_scale", 1 / mpf(0.07))
    columns = range(len(q))
    of_row, of_column = ([scale * _dot(a[i], b[j]) for j in columns] for a, b in ((q, k), (k, q)))
    return (logsumexp(of_row) + logsumexp(of_column)) / 2 - of_row[i], 1


def _siglip(p, i, rows, extra, notes):
    q, k = _cosines(rows)
    scale, bias = extra.get("logit_scale", mpf(10)), extra.get("logit_bias", mpf(-10))
    logits = [scale * _dot(q[i], row) + bias for row in k]
    return sum((jets.softplus(-z if j == i else z) for j, z in enumerate(logits)), mpf(0)), 1


def _contrastive(p, i, rows, extra, notes):
    difference = [a - b for a, b in zip(rows["input1"][i], rows["input2"][i], strict=True)]
    squares, t = _dot(difference, difference), mpf(float(extra["target"][i]))
    loss = squares * t / 2
    if value(squares) == 0:  # the gradient is taken as 0 there
        notes.kink = True
        return loss + (1 - t) * mpf(p["margin"]) ** 2 / 2, 1
    apart = mpf(p["margin"]) - jets.sqrt(squares)
    if not notes.is_less(jets.sqrt(squares), mpf(p["margin"])):
        return loss, 1
    return loss + apart * apart * ((1 - t) / 2), 1


def _similarities(i, rows):
    e = [unit_vector(x) for x in rows["input"]]
    return [_dot(e[i], other) for other in e]


def _sup_con(p, i, rows, extra, notes):
    same, other = _others(extra["target"], i)
    if not same:
        return mpf(0), 0
    logits = [s / mpf(p["temperature"]) for s in _similarities(i, rows)]
    own = sum((logits[j] for j in same), mpf(0)) / len(same)
    return logsumexp([logits[j] for j in (*same, *other)]) - own, 1


def _multi_similarity(p, i, rows, extra, notes):
    same, other = _others(extra["target"], i)
    s = [c - mpf(p["base"]) for c in _similarities(i, rows)]
    alpha, beta = mpf(p["alpha"]), mpf(p["beta"])
    far, near = [s[j] * -alpha for j in same], [s[j] * beta for j in other]
    return _softplus_of_sum(far) / alpha + _softplus_of_sum(near) / beta, 1


def _circle(p, i, rows, extra, notes):
    same, other = _others(extra["target"], i)
    if not same or not other:
        return mpf(0), 0
    s, margin, gamma = _similarities(i, rows), mpf(p["margin"]), mpf(p["gamma"])
    of_same = [(s[j] - (1 - margin)) * (-gamma * max(mpf(0), 1 + margin - value(s[j]))) for j in same]
    of_other = [(s[j] - margin) * (gamma * max(mpf(0), value(s[j]) + margin)) for j in other]
    return jets.softplus(logsumexp(of_same) + logsumexp(of_other)), 1


def _triplet(p, i, rows, extra, notes):
    same, other = _others(extra["target"], i)
    if not same or not other:
        return mpf(0), 0
    d = _distances(p["distance"], i, rows["input"], notes)
    soft, margin = p.get("soft", False), mpf(p["margin"])

    def term(positive, negative):
        difference = d[positive] - d[negative]
        if soft:
            return jets.softplus(difference)
        return mpf(0) if notes.is_less(d[positive] + margin, d[negative]) else difference + margin

    def extreme(candidates, sign):
        best = candidates[0]
        for j in candidates[1:]:
            if notes.is_less(d[best] * sign, d[j] * sign):
                best = j
        return best

    if p["mining"] == "hard":
        return term(extreme(same, 1), extreme(other, -1)), 1
    if p["mining"] == "semi_hard":
        total = mpf(0)
        for a in same:
            beyond = [n for n in other if notes.is_less(d[a], d[n])]
            total = total + term(a, extreme(beyond, -1) if beyond else extreme(other, 1))
        return total, len(same)
    terms = [term(a, n) for a in same for n in other]
    return sum(terms, mpf(0)), sum(value(x) > 0 for x in terms)


def _distances(kind, i, x, notes):
    if kind == "cosine":
        e = [unit_vector(row) for row in x]
        return [1 - _dot(e[i], other) for other in e]
    squares = [_dot(d, d) for d in ([a - b for a, b in zip(x[i], row, strict=True)] for row in x)]
    if kind == "squared":
        return squares
    if any(j != i and value(s) == 0 for j, s in enumerate(squares)):  # the gradient is taken as 0 there
        notes.kink = True
    return [jets.sqrt(s) if value(s) else mpf(0) for s in squares]


def _margin(changed):
    def loss(p, i, rows, extra, notes):
        e = unit_vector(rows["input"][i])
        cosines = [_dot(e, unit_vector(w)) for w in rows["class_vectors"]]
        own, scale = int(extra["target"][i]), mpf(p["scale"])
        cosines[own] = changed(cosines[own], mpf(p["margin"]), notes)
        return logsumexp([c * scale for c in cosines]) - cosines[own] * scale, 1

    return loss


def _arc_face(c, margin, notes):
    if notes.is_less(c, -mp.cos(margin)):
        return c - margin * mp.sin(margin)
    rest = 1 - c * c
    if value(rest) < mpf("1e-11"):  # the sine is kept away from 0
        notes.unknown = True
        return c * mp.cos(margin)
    return c * mp.cos(margin) - jets.sqrt(rest) * mp.sin(margin)


LOSSES = {
    "nt_xent_loss": _nt_xent,
    "clip_contrastive_loss": _clip,
    "siglip_loss": _siglip,
    "contrastive_loss": _contrastive,
    "sup_con_loss": _sup_con,
    "multi_similarity_loss": _multi_similarity,
    "circle_loss": _circle,
    "batch_triplet_loss": _triplet,
    "arc_face_loss": _margin(_arc_face),
    "cos_face_loss": _margin(lambda c, margin, notes: c - margin),
}
_VECTORS = ("query", "positive", "input1", "input2", "input", "class_vectors")
_SCALARS = ("logit_scale", "logit_bias")


def loss_count(draw):
    first = next(iter(draw.values.values()))
    return 2 * len(first) if draw.function == "nt_xent_loss" else len(first)


def units_of(draw, evaluate, Unit):
    values, count = draw.values, loss_count(draw)
    weights = [mpf(float(w)) for w in values["weight"]] if "weight" in values else [mpf(1)] * count
    names = [name for name in values if name in _VECTORS + _SCALARS]
    places = [(name, k) for name in names for k in range(values[name].size)]
    parameters = dict(ENTRIES[draw.function]["parameters"]) | draw.parameters
    scale = _steepness(draw, parameters)
    units, counts = [], []
    for i in range(count):
        added = []

        def formula(notes, *x, i=i, added=added):
            at = dict(zip(places, x, strict=True))
            rows = {n: _rows(n, values[n].shape, at) for n in names if n in _VECTORS}
            extra = {n: at[n, 0] for n in names if n in _SCALARS} | {"target": values.get("target")}
            loss, counted = LOSSES[draw.function](parameters, i, rows, extra, notes)
            added.append(counted)
            return loss

        unit = Unit(i, places, weight=weights[i])
        evaluate(unit, values, formula, Notes(max(draw.tolerance, mpf("1e-12"))), 0)
        lengths = [
            mp.sqrt(sum((mpf(float(a)) ** 2 for a in row), mpf(0))) for n in names if n in _VECTORS for row in values[n]
        ]
        shortest = min(lengths, default=mpf(1))
        if shortest < 1e-11:  # a vector of zero has no direction
            unit.status, shortest = "unknown", mpf(1)
        unit.floor += 64 * (1 + scale / min(shortest, mpf(1))) ** 2
        unit.value_floor = 32 * scale * max(*lengths, mpf(1)) ** 2
        units.append(unit)
        counts.append(added[0] if added else 0)
    standard = sum(mpf(c) for c in counts)
    if draw.options.get("normalize_by") == "weight_sum":
        standard = sum((w * c for w, c in zip(weights, counts, strict=True)), mpf(0))
    if draw.options.get("normalize_by") == "batch":
        standard = mpf(count)
    return units, standard or mpf(1)


def _rows(name, shape, at):
    return [[at[name, r * shape[1] + k] for k in range(shape[1])] for r in range(shape[0])]


def _steepness(draw, p):
    """The largest factor of a cosine."""
    scale = draw.values.get("logit_scale")
    factors = [
        1,
        1 / p.get("temperature", 1),
        p.get("scale", 1),
        p.get("alpha", 1),
        p.get("beta", 1),
        3 * p.get("gamma", 1),
    ]
    if draw.function in ("clip_contrastive_loss", "siglip_loss"):
        factors.append(15 if scale is None else abs(float(scale.flat[0])))
    return mpf(max(factors))


def operands_of(random, function, dtype, rounded):
    """(values, names of integers): small batches of any vectors."""
    count, size = int(random.integers(1, 5)), int(random.integers(2, 4))

    def vectors(rows):
        return rounded(random.normal(size=(rows, size)), dtype)

    integers = ()
    if function in PAIRS:
        values = {"query": vectors(count), "positive": vectors(count)}
        if function != "nt_xent_loss" and random.random() < 0.5:
            values["logit_scale"] = rounded(random.uniform(0.5, 20.0, ()), dtype)
        if function == "siglip_loss" and "logit_scale" in values and random.random() < 0.5:
            values["logit_bias"] = rounded(random.normal(size=()), dtype)
    elif function == "contrastive_loss":
        values = {"input1": vectors(count), "input2": vectors(count)}
        values["target"] = rounded(random.integers(0, 2, count) * 1.0, dtype)
    else:
        values, integers = {"input": vectors(count)}, ("target",)
        if function in MARGINS:
            values["class_vectors"] = vectors(3)
        values["target"] = random.integers(0, 3 if function in MARGINS else 2, count)
    if random.random() < 0.4:
        losses = 2 * count if function == "nt_xent_loss" else count
        values["weight"] = rounded(random.integers(0, 9, losses) / 4.0, dtype)
    return values, integers
