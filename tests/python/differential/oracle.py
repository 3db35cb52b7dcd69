"""What a call should give: value, gradients and a second derivative, each with the scale that its rounding goes by.

A call is cut into units (an element, a row, a mask), each a formula of its own variables. The scale of a value f(x) is
|f| + sum |x_i df/dx_i|: one rounding of each operand changes f by that much times the unit roundoff, so that no program of
this precision can do better than a small multiple of it. Gradients and second derivatives likewise.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from mpmath import mp, mpf

from perdita._catalogue import ENTRIES

from . import formulas, joint, masks, rows
from .jets import INFINITE, Jet, Notes, Undefined, variable

# Compared with torch only: sums over paths. Those in MPFR are in tests/functional/ctc_test.cpp.
BY_TORCH = ("ctc_loss",)
_SMALLEST_NORMAL = mpf(2) ** -126  # of float32


@dataclass
class Unit:
    position: int  # of its loss among those of reduction none
    variables: list  # [(operand, flat index), ...]
    loss: object = None  # Jet
    weight: object = mpf(1)
    status: str = "defined"  # or "nan"; "unknown": a limit that depends on the path; "kink": the value alone is defined
    points: list = field(default_factory=list)
    value_floor: object = mpf(0)
    floor: object = mpf(0)  # what is added to the scales where the way to compute it cancels, see where it is set


@dataclass
class Entry:
    """An element of a result."""

    status: str
    right: object = mpf(0)
    scale: object = mpf(0)

    def add(self, right, scale):
        self.right += right
        self.scale += scale

    def spoil(self, status):
        if self.status != "nan":
            self.status = status


def number(x):
    if math.isnan(x):
        raise Undefined
    return INFINITE if x == math.inf else -INFINITE if x == -math.inf else mpf(float(x))


def evaluate(unit, values, formula, notes, may_be_infinite=1, least=_SMALLEST_NORMAL):
    """Fills the unit's loss: formula(notes, *variables)."""
    try:
        points = [number(values[name].flat[i]) for name, i in unit.variables]
        unit.points = points
        if any(0 < abs(a) < least for a in points):  # products with it lose digits, quotients overflow
            unit.floor += 1
            unit.floor += 1e12 if "log" in notes.cautions else 0  # t (1 / t) is 0 * inf
        unit.loss = formula(notes, *(variable(a, i) for i, a in enumerate(points)))
        if not isinstance(unit.loss, Jet):
            unit.loss = Jet(mpf(unit.loss))
    except Undefined:
        unit.status = "nan"
        return unit
    if notes.unknown or sum(abs(a) >= INFINITE for a in points) > may_be_infinite:
        unit.status = "unknown"
    elif notes.kink:
        unit.status = "kink"
    return unit


def _elements(draw):
    values = draw.values
    names = [name for name in draw.operands if name not in ("weight", "pos_weight")]
    shape = np.broadcast_shapes(*(values[name].shape for name in names))
    places = {n: np.broadcast_to(np.arange(values[n].size).reshape(values[n].shape), shape) for n in draw.operands}
    formula = formulas.ELEMENTS[draw.function]
    for position in range(math.prod(shape)):
        options = dict(draw.parameters)
        if "pos_weight" in values:
            options["pos_weight"] = mpf(float(values["pos_weight"].flat[places["pos_weight"].flat[position]]))
        unit = Unit(position, [(n, int(places[n].flat[position])) for n in names])
        evaluate(
            unit,
            values,
            lambda n, *x: formula(n, *x, **options),
            Notes(draw.tolerance, ("log",) if draw.function in ("kl_div", "js_div_loss") else ()),
        )
        if "weight" in values:
            unit.weight = mpf(float(values["weight"].flat[places["weight"].flat[position]]))
        if draw.function == "binary_cross_entropy" and unit.points:
            # the derivative of (x - t) / (x (1 - x)) is a difference of two terms of this size
            unit.floor += 1 / max(unit.points[0] * (1 - unit.points[0]), mpf(1e-12))
        if "pos_weight" in values and "target" in draw.wanted:
            unit.floor += 1 + options["pos_weight"]  # the price of each class, less the other's
        if draw.function in ("negative_binomial_nll_loss", "student_t_nll_loss"):
            unit.floor += 1  # differences of digammas, and of logarithms of the scale
        if draw.function == "negative_binomial_nll_loss" and unit.points:
            unit.floor += mp.log1p(abs(unit.points[1]))  # the digamma of t + 1
        if draw.function == "quality_focal_loss" and "target" in draw.wanted:
            unit.floor += 1  # the distance of the target from the probability cancels
        if draw.function in ("binary_focal_loss", "asymmetric_loss") and unit.points:
            unit.floor += _rounding_of_weights(draw, unit)
        yield unit


def _rounding_of_weights(draw, unit):
    """What the roundoff of a probability changes: p less the clip, and the derivative by the target, cancel."""
    clip = draw.parameters.get("clip", 0.05 if draw.function == "asymmetric_loss" else 0)
    floor = mpf("target" in draw.wanted)
    if clip and unit.status == "defined":
        gamma, p = mpf(draw.parameters.get("gamma_neg", 4.0)), 1 / (1 + mp.exp(-unit.points[0]))
        q = max(p - mpf(clip), mpf(0))
        if q:
            unit.value_floor = abs(1 - unit.points[1]) * q**gamma * (gamma / q * -mp.log1p(-q) + 1 / (1 - q))
            floor += unit.value_floor * (1 + gamma) / q
    return floor


def units_of(draw):
    if draw.function in formulas.ELEMENTS:
        return list(_elements(draw)), None
    if draw.function in masks.FUNCTIONS:
        return masks.units_of(draw, evaluate, Unit)
    if draw.function in joint.FUNCTIONS:
        return joint.units_of(draw, evaluate, Unit)
    return rows.units_of(draw, evaluate, Unit)


def denominator_of(draw, units, standard):
    """standard: torch's denominator where it is not the number of losses."""
    if draw.reduction in ("none", "sum"):
        return mpf(1)
    count = len({unit.position for unit in units})
    if draw.reduction == "batchmean":
        shape = draw.values["input"].shape
        return mpf(shape[0] if shape else 1)
    if standard is not None:
        return standard
    by_weights = ENTRIES[draw.function]["mean"] == "weight_sum" and "normalize_by" not in draw.options
    if "weight" in draw.values and (by_weights or draw.options.get("normalize_by") == "weight_sum"):
        return sum((unit.weight for unit in units), mpf(0))
    if draw.options.get("normalize_by", ENTRIES[draw.function]["mean"]) == "batch":
        shape = np.broadcast_shapes(*(draw.values[n].shape for n in draw.operands if n not in ("weight", "pos_weight")))
        return mpf(shape[0] if shape else 1)
    return mpf(count)


def expected(draw, cotangent, directions):
    """{"value": [Entry], ("gradient", name): [Entry], ("second", name): [Entry]}. cotangent: of the result, an array;
    directions: of each gradient, the cotangents of the second pass."""
    reduces, by_torch = draw.reduction != "none", draw.function in BY_TORCH
    units, standard = ([], None) if by_torch else units_of(draw)
    count = 1 if reduces else draw.loss_count(units)

    def entry():
        # A derivative of ctc_loss is a probability less another.
        return Entry("unknown", scale=mpf(16)) if by_torch else Entry("defined")

    result = {"value": [entry() for _ in range(count)]}
    for name in directions:
        for kind in ("gradient", "second"):
            result[kind, name] = [entry() for _ in range(draw.values[name].size)]
    if by_torch:
        return result
    divisor = denominator_of(draw, units, standard)
    if reduces and divisor == 0:  # the mean of nothing
        result["value"][0] = Entry("nan")
        for key in list(result)[1:] if draw.function in formulas.ELEMENTS else ():
            result[key] = [Entry("unknown") for _ in result[key]]
        return result
    for unit in units:
        place = 0 if reduces else unit.position
        total = result["value"][place]
        if unit.status in ("nan", "unknown"):
            total.spoil(unit.status)
            total.scale += unit.floor
            of_all = [(name, i) for name in directions for i in range(draw.values[name].size)]
            for name, i in of_all if draw.function in masks.FUNCTIONS else unit.variables:
                if name in directions:
                    result["gradient", name][i].spoil("unknown")
                    result["gradient", name][i].scale += unit.floor
                    result["second", name][i].spoil("unknown")
            continue
        factor = unit.weight / divisor
        loss, points = unit.loss, [abs(a) for a in unit.points]
        if unit.weight == 0 and max(points, default=0) > 1e30:  # torch's 0 * inf
            total.spoil("unknown")
            for name, i in unit.variables:
                if name in directions:
                    result["gradient", name][i].spoil("unknown")
                    result["second", name][i].spoil("unknown")
            continue
        scale = abs(loss.a) + sum(points[i] * abs(g) for i, g in loss.g.items())
        total.add(loss.a * factor, abs(factor) * (scale + unit.floor + unit.value_floor))
        factor *= mpf(float(cotangent.flat[place]))
        _differentiate(unit, factor, points, directions, result)
    return result


def _differentiate(unit, factor, points, directions, result):
    loss = unit.loss
    wanted = [(i, name, at) for i, (name, at) in enumerate(unit.variables) if name in directions]
    for i, name, at in wanted:
        first, second = result["gradient", name][at], result["second", name][at]
        slope = loss.g.get(i, mpf(0))
        curves = [loss.h.get((min(i, j), max(i, j)), mpf(0)) for j in range(len(points))]
        scale = abs(slope) + sum(abs(h) * p for h, p in zip(curves, points, strict=True))
        if unit.status == "kink":  # its own side's scale
            first.add(mpf(0), abs(factor) * (scale + unit.floor))
            first.spoil("unknown")
            second.spoil("unknown")
            continue
        first.add(factor * slope, abs(factor) * (scale + unit.floor))
        moved = [curves[j] * mpf(float(directions[n].flat[k])) for j, n, k in wanted]
        second.add(
            factor * sum(moved, mpf(0)), abs(factor) * (sum((abs(x) for x in moved), mpf(0)) + abs(slope) + unit.floor)
        )
