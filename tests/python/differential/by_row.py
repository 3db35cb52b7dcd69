"""Losses of rows with an integer or a box for each, and of images, over numbers of 50 digits."""

import itertools

import numpy as np
from mpmath import mp, mpf

from . import formulas, jets, several
from .jets import Notes, value


def _units(draw, evaluate, Unit, variables_of, formula_of, floor=4):
    """A unit per row i, of variables_of(i) and the loss formula_of(i)(notes, *variables)."""
    count = len(draw.values["input"])
    weights = [mpf(float(w)) for w in draw.values["weight"]] if "weight" in draw.values else [mpf(1)] * count
    units = []
    for i in range(count):
        unit = Unit(i, variables_of(i), weight=weights[i])
        evaluate(unit, draw.values, formula_of(i), Notes(draw.tolerance), 0)
        unit.floor += floor
        units.append(unit)
    standard = {"weight_sum": sum(weights, mpf(0))}.get(draw.options.get("normalize_by"), mpf(count))
    return units, standard


def _row(draw, name="input"):
    size = draw.values[name].shape[1]
    return lambda i: [(name, i * size + k) for k in range(size)]


def _coral(draw, evaluate, Unit):
    target = draw.values["target"]

    def formula_of(i):
        return lambda n, *z: sum((jets.softplus(-x if target[i] > j else x) for j, x in enumerate(z)), mpf(0))

    return _units(draw, evaluate, Unit, _row(draw), formula_of)


def _crps_ensemble(draw, evaluate, Unit):
    size = draw.values["input"].shape[1]
    pairs = size * (size - 1 if draw.parameters.get("fair", False) else size)

    def formula_of(i):
        def formula(n, *x):
            members, t = x[:-1], x[-1]
            error = sum((jets.absolute(m - t, n) for m in members), mpf(0)) / size
            spread = sum((jets.absolute(a - b, n) for a, b in itertools.combinations(members, 2)), mpf(0))
            return error - spread / pairs

        return formula

    return _units(draw, evaluate, Unit, lambda i: [*_row(draw)(i), ("target", i)], formula_of)


def _logistic_hazard(draw, evaluate, Unit):
    interval, event = draw.values["interval"], draw.values["event"]

    def formula_of(i):
        last = int(interval[i])
        return lambda n, *z: (
            sum((jets.softplus(x) for x in z[:last]), mpf(0)) + jets.softplus(-z[last] if event[i] else z[last])
        )

    return _units(draw, evaluate, Unit, _row(draw), formula_of)


def _distribution_focal(draw, evaluate, Unit):
    target, bins = draw.values["target"], draw.values["input"].shape[1]

    def formula_of(i):
        below = min(int(target[i]), bins - 2)
        share = mpf(float(target[i])) - below

        def formula(n, *z):
            log_p = formulas.log_softmax(list(z))
            return -log_p[below] * (1 - share) - log_p[below + 1] * share

        return formula

    return _units(draw, evaluate, Unit, _row(draw), formula_of)


def _distillation(draw, evaluate, Unit):
    target, teacher = draw.values["target"], draw.values["teacher"]
    alpha, t = mpf(draw.parameters.get("alpha", 0.9)), mpf(draw.parameters.get("temperature", 2.0))

    def formula_of(i):
        scaled = [mpf(float(x)) / t for x in teacher[i]]
        log_total = mp.log(sum(mp.exp(x - max(scaled)) for x in scaled)) + max(scaled)
        log_p = [x - log_total for x in scaled]

        def formula(n, *z):
            log_q = formulas.log_softmax([x / t for x in z])
            divergence = sum((mp.exp(a) * (a - b) for a, b in zip(log_p, log_q, strict=True)), mpf(0))
            return divergence * (alpha * t * t) - formulas.log_softmax(list(z))[int(target[i])] * (1 - alpha)

        return formula

    return _units(draw, evaluate, Unit, _row(draw), formula_of, floor=64)


def _cumulative_link(draw, evaluate, Unit):
    target, count = draw.values["target"], len(draw.values["thresholds"])
    is_probit = draw.parameters.get("link", "logit") == "probit"

    def ends_of(i):
        label = int(target[i])
        return [("thresholds", k) for k in (label - 1, label) if 0 <= k < count]

    def formula_of(i):
        label = int(target[i])

        def formula(n, y, *ends):
            cumulative = several.log_ndtr if is_probit else lambda z: -jets.softplus(-z)
            if label == 0:
                return -cumulative(ends[0] - y)
            if label == count:
                return -cumulative(y - ends[0])
            low, high = ends[0] - y, ends[1] - y
            if value(low) > 0:
                low, high = -high, -low
            upper, lower = cumulative(high), cumulative(low)
            return -(upper + several.log1m_exp(lower - upper))

        return formula

    return _units(draw, evaluate, Unit, lambda i: [("input", i), *ends_of(i)], formula_of, floor=64)


def _corners(form, a, b, c, d):
    if form == "xyxy":
        return a, b, c, d
    if form == "xywh":
        return a, b, a + c, b + d
    return a - c / mpf(2), b - d / mpf(2), a + c / mpf(2), b + d / mpf(2)


def _box(draw, evaluate, Unit):
    form, eps = draw.parameters.get("format", "xyxy"), mpf(draw.parameters.get("eps", 1e-7))

    def formula(n, *x):
        p, t = _corners(form, *x[:4]), _corners(form, *x[4:])
        overlap = [jets.minimum(p[k + 2], t[k + 2], n) - jets.maximum(p[k], t[k], n) for k in (0, 1)]
        enclosing = [jets.maximum(p[k + 2], t[k + 2], n) - jets.minimum(p[k], t[k], n) for k in (0, 1)]
        intersection = mpf(1)
        for side in overlap:
            intersection = intersection * (mpf(0) if n.is_less(side, 0) else side)
        areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (p, t)]
        union = areas[0] + areas[1] - intersection
        iou = intersection / (union + eps)
        if draw.function == "box_iou_loss":
            mode = draw.parameters.get("mode", "linear")
            if mode == "log":
                return -jets.log(jets.maximum(iou, mpf(1e-6), n))
            return 1 - (iou * iou if mode == "square" else iou)
        if draw.function == "box_giou_loss":
            whole = enclosing[0] * enclosing[1]
            return 1 - iou + (whole - union) / (whole + eps)
        distance = [(p[k] + p[k + 2] - t[k] - t[k + 2]) / mpf(2) for k in (0, 1)]
        diagonal = enclosing[0] * enclosing[0] + enclosing[1] * enclosing[1]
        diou = 1 - iou + (distance[0] * distance[0] + distance[1] * distance[1]) / (diagonal + eps)
        if draw.function == "box_diou_loss":
            return diou
        angles = [_atan((b[2] - b[0]) / (b[3] - b[1])) for b in (t, p)]
        v = (angles[0] - angles[1]) * (angles[0] - angles[1]) * (4 / mp.pi**2)
        alpha = value(v) / (1 - value(iou) + value(v) + eps)  # a constant for the gradient
        return diou + v * alpha

    def variables_of(i):
        return [(name, 4 * i + k) for name in ("input", "target") for k in range(4)]

    return _units(draw, evaluate, Unit, variables_of, lambda i: formula, floor=64)


def _atan(x):
    a = value(x)
    return jets.unary(x, mp.atan(a), 1 / (1 + a * a), -2 * a / (1 + a * a) ** 2)


class _Similarity:
    """The factors of the similarity of planes [height, width] in windows, as lists of the positions."""

    def __init__(self, parameters):
        self.is_valid, self.radius = parameters.get("padding", "valid") == "valid", parameters["window"] // 2
        sigma, radius = mpf(parameters.get("sigma", 1.5)), self.radius
        self.c1, self.c2 = (
            (mpf(parameters.get(name, usual)) * mpf(parameters.get("data_range", 1.0))) ** 2
            for name, usual in (("k1", 0.01), ("k2", 0.03))
        )
        self.offsets = list(itertools.product(range(-radius, radius + 1), repeat=2))
        weights = [mp.exp(-mpf(i * i + j * j) / (2 * sigma * sigma)) for i, j in self.offsets]
        self.weights = [w / sum(weights) for w in weights]

    def _moments(self, terms):
        return sum((term * w for term, w in zip(terms, self.weights, strict=True)), mpf(0))

    def _factors(self, x, y):
        mx, my = self._moments(x), self._moments(y)
        x, y = [a - mx for a in x], [a - my for a in y]
        vx, vy = self._moments([a * a for a in x]), self._moments([a * a for a in y])
        covariance = self._moments([a * b for a, b in zip(x, y, strict=True)])
        of_means = (mx * my * 2 + self.c1) / (mx * mx + my * my + self.c1)
        return of_means, (covariance * 2 + self.c2) / (vx + vy + self.c2)

    def of_plane(self, x, y):
        """x, y: rows of pixels."""
        height, width, edge = len(x), len(x[0]), self.radius if self.is_valid else 0

        def reflected(i, count):
            return min(abs(i), 2 * (count - 1) - abs(i))

        found = []
        for i, j in itertools.product(range(edge, height - edge), range(edge, width - edge)):
            at = [(reflected(i + di, height), reflected(j + dj, width)) for di, dj in self.offsets]
            found.append(self._factors([x[r][c] for r, c in at], [y[r][c] for r, c in at]))
        return found


def _planes(pixels, shape):
    """The planes [channel][row][column] of an image."""
    pixels = iter(pixels)
    return [[[next(pixels) for _ in range(shape[3])] for _ in range(shape[2])] for _ in range(shape[1])]


def _of_images(draw, evaluate, Unit, loss_of_plane):
    shape = draw.values["input"].shape
    count = shape[1] * shape[2] * shape[3]

    def formula(n, *pixels):
        planes = zip(_planes(pixels[:count], shape), _planes(pixels[count:], shape), strict=True)
        return sum((loss_of_plane(n, x, y) for x, y in planes), mpf(0)) * (mpf(1) / shape[1])

    def variables_of(i):
        return [(name, i * count + k) for name in ("input", "target") for k in range(count)]

    return _units(draw, evaluate, Unit, variables_of, lambda i: formula)


def _ssim(draw, evaluate, Unit):
    similarity = _Similarity(draw.parameters)

    def loss_of_plane(n, x, y):
        losses = [1 - of_means * structure for of_means, structure in similarity.of_plane(x, y)]
        return sum(losses, mpf(0)) * (mpf(1) / len(losses))

    return _of_images(draw, evaluate, Unit, loss_of_plane)


def _ms_ssim(draw, evaluate, Unit):
    similarity, scales = _Similarity(draw.parameters), draw.parameters["scales"]
    is_uniform = draw.parameters.get("weights", "standard") == "uniform"
    exponents = [mpf(1) / scales] * scales if is_uniform else [mpf(x) for x in (0.0448, 0.2856, 0.3001)]

    def halved(x):
        rows = [*x, x[-1]] if len(x) % 2 else x
        rows = [[*row, row[-1]] if len(row) % 2 else row for row in rows]
        return [
            [
                (rows[i][j] + rows[i][j + 1] + rows[i + 1][j] + rows[i + 1][j + 1]) / mpf(4)
                for j in range(0, len(rows[0]), 2)
            ]
            for i in range(0, len(rows), 2)
        ]

    def loss_of_plane(n, x, y):
        product = mpf(1)
        for scale in range(scales):
            factors = similarity.of_plane(x, y)
            terms = [a * b if scale + 1 == scales else b for a, b in factors]
            mean = sum(terms, mpf(0)) * (mpf(1) / len(terms))
            n.unknown = n.unknown or abs(value(mean)) < 1e-2  # the power of a number near 0 magnifies rounding
            if value(mean) <= 0:
                return mpf(1)
            product = product * jets.power(mean, exponents[scale])
            x, y = halved(x), halved(y)
        return 1 - product

    return _of_images(draw, evaluate, Unit, loss_of_plane)


def _total_variation(draw, evaluate, Unit):
    shape, norm = draw.values["input"].shape, draw.parameters.get("norm", "l1")
    eps = mpf(draw.parameters.get("eps", 1e-8))
    count = shape[1] * shape[2] * shape[3]

    def formula(n, *pixels):
        total = mpf(0)
        for c, i, j in itertools.product(*map(range, shape[1:])):
            k = (c * shape[2] + i) * shape[3] + j
            right = pixels[k + 1] - pixels[k] if j + 1 < shape[3] else mpf(0)
            below = pixels[k + shape[3]] - pixels[k] if i + 1 < shape[2] else mpf(0)
            if norm == "l1":
                # At the edges the differences are 0, which is no kink.
                total = total + sum((jets.absolute(d, n) for d in (right, below) if isinstance(d, jets.Jet)), mpf(0))
                continue
            square = right * right + below * below
            total = total + (square if norm == "squared" else jets.sqrt(square + eps))
        return total

    return _units(draw, evaluate, Unit, lambda i: [("input", i * count + k) for k in range(count)], lambda i: formula)


BOXES = ("box_iou_loss", "box_giou_loss", "box_diou_loss", "box_ciou_loss")
MAKERS = {
    "coral_loss": _coral,
    "crps_ensemble_loss": _crps_ensemble,
    "logistic_hazard_loss": _logistic_hazard,
    "distillation_loss": _distillation,
    "distribution_focal_loss": _distribution_focal,
    "cumulative_link_loss": _cumulative_link,
    "ms_ssim_loss": _ms_ssim,
    "ssim_loss": _ssim,
    "total_variation_loss": _total_variation,
    **dict.fromkeys(BOXES, _box),
}


def operands_of(random, function, parameters, dtype, reals, rounded):
    """(values, names of integers)"""
    rows, size = int(random.integers(1, 5)), int(random.integers(2, 5))
    if function in BOXES:
        return _boxes(random, rows, parameters.get("format", "xyxy"), dtype, rounded), ()
    if function in ("ms_ssim_loss", "ssim_loss", "total_variation_loss"):
        least = 1 if function == "total_variation_loss" else parameters.setdefault("window", 3)
        if function == "ms_ssim_loss":  # as few pixels as scales allow
            parameters |= {"window": 3, "padding": "reflect", "scales": int(random.integers(1, 3))}
        values = _pictures(random, least, parameters, dtype, rounded)
        if function == "total_variation_loss":
            del values["target"]
        return values, ()
    values, integers = {"input": reals(random, (rows, size), False, dtype)}, ("target", "interval", "event")
    if function == "coral_loss":
        values["target"] = random.integers(0, size + 1, rows)
    elif function == "logistic_hazard_loss":
        values |= {"interval": random.integers(0, size, rows), "event": random.integers(0, 2, rows)}
    elif function == "distillation_loss":
        values |= {"target": random.integers(0, size, rows), "teacher": reals(random, (rows, size), False, dtype)}
    elif function == "crps_ensemble_loss":
        values["target"] = reals(random, (rows,), False, dtype)
        integers = ()
    elif function == "distribution_focal_loss":
        values["target"] = rounded(random.random(rows) * (size - 1), dtype)
        integers = ()
    else:
        steps = 0.25 + random.random(size)
        values = {
            "input": rounded(random.normal(size=rows) * 2, dtype),
            "target": random.integers(0, size + 1, rows),
            "thresholds": rounded(np.cumsum(steps) - steps.sum() / 2, dtype),
        }
    if random.random() < 0.4:
        values["weight"] = rounded(random.integers(0, 9, rows) / 4.0, dtype)
    return values, integers


def _pictures(random, least, parameters, dtype, rounded):
    """Images of few pixels, at times nearly equal ones."""
    count = int(random.integers(1, 3))
    shape = (count, int(random.integers(1, 3)), *(int(random.integers(least, 5)) for _ in range(2)))
    scale = parameters.get("data_range", 1.0) * float(random.choice([1.0, 1.0, 0.125, 8.0]))
    input = scale * random.random(shape)
    target = input + scale * float(random.choice([1.0, 2**-10])) * random.normal(size=shape)
    values = {"input": rounded(input, dtype), "target": rounded(target, dtype)}
    if random.random() < 0.4:
        values["weight"] = rounded(random.integers(0, 9, count) / 4.0, dtype)
    return values


def _boxes(random, rows, form, dtype, rounded):
    values = {}
    for name in ("input", "target"):
        corners, sides = random.normal(size=(rows, 2)), 0.5 + 2 * random.random((rows, 2))
        first = corners if form != "cxcywh" else corners + sides / 2
        values[name] = rounded(np.concatenate([first, first + sides if form == "xyxy" else sides], 1), dtype)
    return values


PARAMETERS = {
    ("crps_ensemble_loss", "fair"): (False, True),
    ("distillation_loss", "alpha"): (0.875, 0.0, 1.0, 0.5),
    ("distillation_loss", "temperature"): (2.0, 1.0, 4.0),
    ("ssim_loss", "window"): (3, 1),
    ("ms_ssim_loss", "window"): (3,),
    "scales": (1, 2),
    "weights": ("standard", "uniform"),
    "sigma": (1.5, 0.5, 20.0),
    "data_range": (1.0, 255.0, 0.125),
    "norm": ("l1", "squared", "isotropic"),
    ("total_variation_loss", "eps"): (1e-8, 0.25),
    "k1": (0.01, 0.25),
    "k2": (0.03, 0.5),
    "padding": ("valid", "reflect"),
    "link": ("logit", "probit"),
    "format": ("xyxy", "xywh", "cxcywh"),
    "mode": ("linear", "log", "square"),
    **{(function, "eps"): (2**-23, 2**-7) for function in BOXES},
}
