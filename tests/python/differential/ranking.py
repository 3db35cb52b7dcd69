"""Losses of the rankings of groups of documents, over numbers of 50 digits."""

import itertools

import numpy as np
from mpmath import mp, mpf

from perdita._catalogue import ENTRIES

from . import embeddings, jets
from .jets import Notes


def _list_net(parameters, s, labels):
    temperature = mpf(parameters["temperature"])
    total = sum(labels, mpf(0))
    kind = parameters["relevance"]
    if kind == "softmax":
        exponentials = [mp.exp(r - max(labels)) for r in labels]
        targets = [e / sum(exponentials, mpf(0)) for e in exponentials]
    else:
        targets = labels if kind == "labels" else [r / total if total else mpf(0) for r in labels]
    scaled = [x / temperature for x in s]
    log_sum = embeddings.logsumexp(scaled)
    return sum(((log_sum - x) * t for x, t in zip(scaled, targets, strict=True) if t), mpf(0)), 1


def _rank_net(parameters, s, labels):
    sigma = mpf(parameters["sigma"])
    pairs = [(i, j) for i, j in itertools.permutations(range(len(s)), 2) if labels[i] > labels[j]]
    return sum((jets.softplus((s[j] - s[i]) * sigma) for i, j in pairs), mpf(0)), len(pairs)


def _gain(parameters, label):
    return label if parameters["gain"] == "linear" else mpf(2) ** label - 1


def _dcg(gains):
    return sum((gain / mp.log(2 + i, 2) for i, gain in enumerate(gains)), mpf(0))


def _lambda_rank(parameters, s, labels):
    sigma, k = mpf(parameters["sigma"]), int(parameters["k"])
    gains = [_gain(parameters, label) for label in labels]
    ideal = _dcg(sorted(gains, reverse=True)[:k])
    points = [jets.value(x) for x in s]
    order = sorted(range(len(s)), key=lambda i: -points[i])  # stable
    rank = {i: place for place, i in enumerate(order)}
    weights = {}
    for i, j in itertools.permutations(range(len(s)), 2):
        if labels[i] > labels[j] and min(rank[i], rank[j]) < k:
            discounts = abs(1 / mp.log(2 + rank[i], 2) - 1 / mp.log(2 + rank[j], 2))
            weights[i, j] = (gains[i] - gains[j]) * discounts / ideal
    if parameters["normalize"]:
        if min(points) != max(points):
            weights = {(i, j): w / (mpf("0.01") + abs(points[i] - points[j])) for (i, j), w in weights.items()}
        slopes = (sigma * w / (1 + mp.exp(sigma * (points[i] - points[j]))) for (i, j), w in weights.items())
        total = 2 * sum(slopes, mpf(0))
        factor = mp.log1p(total) / (mp.log(2) * total) if total else mpf(1)
        weights = {pair: factor * w for pair, w in weights.items()}
    return sum((jets.softplus((s[j] - s[i]) * sigma) * w for (i, j), w in weights.items()), mpf(0)), 1


def _list_mle(parameters, s, labels):
    n, k = len(s), int(parameters["k"])
    ordered = [s[i] for i in sorted(range(n), key=lambda i: -labels[i])]
    weights = [mpf(1)] * n
    if parameters["position_aware"]:
        weights = [mpf(2) ** (n - i) - 1 for i in range(1, n + 1)]
        weights = [w / sum(weights) if sum(weights) else mpf(0) for w in weights]
    terms = (
        (embeddings.logsumexp(ordered[i:]) - ordered[i]) * weights[i] for i in range(min(n - 1, k or n)) if weights[i]
    )
    return sum(terms, mpf(0)), 1


def _approx_ndcg(parameters, s, labels):
    alpha = mpf(parameters["alpha"])
    gains = [_gain(parameters, label) for label in labels]
    ideal = _dcg(sorted(gains, reverse=True))
    if not ideal:
        return mpf(0), 1
    loss = mpf(1)
    for i, gain in enumerate(gains):
        steps = (jets.sigmoid((s[j] - s[i]) * alpha) for j in range(len(s)) if j != i)
        rank = sum(steps, mpf(1))
        log_rank = jets.log(rank + 1) if gain else mpf(1)
        loss = loss - (
            jets.reciprocal(log_rank) if gain and not isinstance(log_rank, type(mpf(1))) else 1 / log_rank
        ) * (gain * mp.log(2) / ideal)
    return loss, 1


# Each gives the loss of a group and what it adds to the standard denominator.
LOSSES = {
    "list_net_loss": _list_net, "rank_net_loss": _rank_net, "lambda_rank_loss": _lambda_rank, "list_mle_loss": _list_mle,
    "approx_ndcg_loss": _approx_ndcg,
}  # fmt: skip
PARAMETERS = {
    "relevance": ("softmax", "labels", "normalized"),
    "sigma": (1.0, 0.5, 4.0),
    ("lambda_rank_loss", "k"): (30, 1, 2),
    ("list_mle_loss", "k"): (0, 1, 2),
    "gain": ("exponential", "linear"),
    "normalize": (False, True),
    "position_aware": (False, True),
    ("approx_ndcg_loss", "alpha"): (10.0, 1.0, 0.5),
}


def units_of(draw, evaluate, Unit):
    labels, places = draw.values["target"], [list(range(b, e)) for b, e in bounds(draw)]
    has_weights = "weight" in draw.values
    weights = [mpf(float(w)) for w in draw.values["weight"]] if has_weights else [mpf(1)] * len(places)
    parameters = dict(ENTRIES[draw.function]["parameters"]) | draw.parameters
    units, counts = [], []
    for g, rows in enumerate(places):
        relevance = [mpf(float(labels.flat[i])) for i in rows]
        added = []

        def formula(notes, *s, relevance=relevance, g=g, added=added):
            loss, count = LOSSES[draw.function](parameters, s, relevance) if s else (mpf(0), 1)
            added.append(count)
            return loss * weights[g] if weights[g] else mpf(0)

        unit = Unit(g, [("input", i) for i in rows])
        evaluate(unit, draw.values, formula, Notes(draw.tolerance))
        unit.floor += 4 * _steepness(parameters, relevance) * weights[g]
        unit.value_floor = (
            2 * _steepness(parameters, relevance) * weights[g] * max((abs(x) for x in unit.points), default=mpf(0))
        )
        units.append(unit)
        counts.append(added[0] if added else 0)
    standard = sum(mpf(c) for c in counts)
    if draw.options.get("normalize_by") == "weight_sum":
        standard = sum((w * c for w, c in zip(weights, counts, strict=True)), mpf(0))
    if draw.options.get("normalize_by") == "batch":
        standard = mpf(len(places))
    return units, standard or mpf(1)


def _steepness(parameters, relevance):
    """An estimate of the largest second derivative."""
    steepness = mpf(parameters.get("sigma", parameters.get("alpha", 1.0)))
    divisor = min(mpf(parameters.get("temperature", 1.0)), mpf(1))
    terms = 1 + sum(relevance, mpf(0)) + len(relevance) ** 2
    if parameters.get("normalize"):
        terms *= 100
    return terms * max(1, steepness) ** 2 / divisor**2


def bounds(draw):
    """(begin, end) of each group."""
    shape = draw.values["input"].shape
    if "groups" not in draw.values:
        ends = np.arange(shape[0] + 1) * shape[1]
    else:
        groups = draw.values["groups"]
        if len(groups) == shape[0]:
            ends = [0, *(i for i in range(1, len(groups)) if groups[i] != groups[i - 1]), len(groups)]
        else:
            ends = np.concatenate([[0], np.cumsum(groups)])
    return list(zip(ends[:-1], ends[1:], strict=True))


def operands_of(random, dtype, reals, rounded):
    if random.random() < 0.4:
        shape = (int(random.integers(1, 4)), int(random.integers(1, 4)))
        values = {"input": reals(random, shape, False, dtype), "target": random.integers(0, 4, shape)}
        groups = shape[0]
    else:
        sizes = random.integers(1, 4, random.integers(1, 4))
        count, groups = int(sizes.sum()), len(sizes)
        by_ids = random.random() < 0.5 or count == groups
        values = {
            "input": reals(random, (count,), False, dtype),
            "target": random.integers(0, 4, count),
            "groups": np.repeat(random.permutation(9)[:groups], sizes) if by_ids else sizes,
        }
    if random.random() < 0.4:
        values["weight"] = rounded(random.integers(0, 9, groups) / 4.0, dtype)
    return values, ("target", "groups")
