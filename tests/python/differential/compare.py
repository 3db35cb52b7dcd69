"""Runs a draw and says what is wrong with it.

Where the exact result is defined it decides; where it is not (a kink, inf - inf), torch does, if it has the loss. Bounds, in
units of the scale of oracle.py times the unit roundoff u of the result's dtype:

    value     16     Perdita's functions are within 4 u (docs/accuracy.md); a formula has up to five in a row
    gradient  64     the derivative of a product of two such formulas
    second    2^14   recorded operators: derivatives of derivatives, each a sum of up to ten terms that are rounded
                     separately, and its scale leaves out third derivatives

A power x^gamma multiplies the error of x by gamma: above 8 so is the bound, by gamma / 8.

A float32 result that the exact one would have below the normal range, 2^-126, may lose what lies below it.
"""

import math
import warnings

import numpy as np
import torch
from mpmath import mpf

import perdita
import perdita.functional
import perdita.torch.functional
from perdita._catalogue import ENTRIES

from .draws import EPSILON, TORCH
from .oracle import BY_TORCH, expected
from .rules import rule_of

BOUNDS = {"value": 16, "gradient": 64, "second": 2**14}
# Factors of the bounds of derivatives in float64, which are exact to nine digits there.
LESS_EXACT = {
    ("aft_loss", "gradient"): 2.0**20,  # of the tails of the normal distribution
    ("aft_loss", "second"): 2.0**12,
    ("student_t_nll_loss", "second"): 2.0**12,  # of ratios of gamma functions
    ("negative_binomial_nll_loss", "second"): 2.0**12,
}
NAMES = {dtype: name for name, dtype in TORCH.items()}
LEAST = {"float16": 2.0**-14, "bfloat16": 2.0**-126, "float32": 2.0**-126, "float64": 2.0**-1022}
LARGEST = {"float16": 65504.0, "bfloat16": 3.3895e38, "float32": 3.4028234e38, "float64": 1.7976931348623157e308}


def run_torch(draw, functional, cotangent=None, directions=None, twice=True):
    """{"value": tensor, ("gradient", name): ..., ("recorded", name): the gradient of a pass that records,
    ("second", name): ...}"""
    arrays = draw.arrays()
    leaves = {n: arrays[n].detach().requires_grad_() for n in draw.wanted}
    given = {**arrays, **leaves}
    if draw.function in BY_TORCH:  # torch's gradient of ctc_loss is right only behind a log_softmax
        given["log_probs"] = given["log_probs"].log_softmax(-1)
    value = getattr(functional, draw.function)(**given, **draw.keywords())
    found = {"value": value.detach()}
    if not leaves or cotangent is None or not value.requires_grad:
        return found
    inputs, upstream = list(leaves.values()), torch.tensor(cotangent, dtype=value.dtype).reshape(value.shape)
    once = torch.autograd.grad(value, inputs, upstream, retain_graph=twice, allow_unused=True)
    found |= {("gradient", n): g for n, g in zip(leaves, once, strict=True)}
    if not twice:
        return found
    recorded = torch.autograd.grad(value, inputs, upstream, create_graph=True, allow_unused=True)
    found |= {("recorded", n): g.detach() for n, g in zip(leaves, recorded, strict=True) if g is not None}
    some = [(g, n) for g, n in zip(recorded, leaves, strict=True) if g is not None and g.requires_grad]
    if some:
        ways = [torch.tensor(directions[n], dtype=g.dtype).reshape(g.shape) for g, n in some]
        second = torch.autograd.grad([g for g, _ in some], inputs, ways, allow_unused=True)
        found |= {
            ("second", n): torch.zeros_like(x) if g is None else g
            for n, x, g in zip(leaves, inputs, second, strict=True)
        }
    return found


def run_numpy(draw):
    arrays = draw.arrays()
    names = [n for n in arrays if n in draw.wanted]
    function = getattr(perdita.functional, draw.function)
    value = function(**arrays, **draw.keywords())
    found = {"value": torch.tensor(np.asarray(value))}
    if draw.reduction != "none" and names == ["input"]:
        both, gradient = perdita.value_and_grad(function)(**arrays, **draw.keywords())
        # Their kernels may contract a * b + c differently.
        same = np.isclose(both, value, rtol=8 * EPSILON[str(value.dtype)], equal_nan=True)
        assert same, f"value_and_grad gives {both}, the function {value}"
        found["gradient", "input"] = torch.tensor(np.ascontiguousarray(gradient))
    return found


def _close(got, entry, dtype, bound):
    right, scale = entry.right, entry.scale
    if entry.status == "nan":
        return math.isnan(got)
    largest = LARGEST[dtype]
    if abs(right) > largest * 0.999 or scale > largest / 64:
        # an infinite result, or terms that overflow on the way
        return got == math.copysign(math.inf, right) or abs(got) >= 0.99 * min(largest, LARGEST["float32"]) or (
            scale > largest / 64 and (not math.isfinite(got) or abs(right) < largest)
        )  # fmt: skip
    if not math.isfinite(got):
        return False
    error = abs(mpf(got) - right)
    return error <= bound * EPSILON[dtype] * scale + 64 * LEAST[dtype]


def check(draw):
    """A list of what is wrong, empty where nothing is."""
    random = np.random.default_rng([draw.seed, draw.number, 1])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _check(draw, random)


def _run(draw, cotangent, directions, twice):
    try:
        if draw.interface == "numpy":
            return run_numpy(draw), None
        return run_torch(draw, perdita.torch.functional, cotangent, directions, twice), None
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        return None, error


def _check(draw, random):
    directions = {n: random.integers(-8, 9, draw.values[n].shape) / 4.0 for n in draw.wanted}
    count = 1 if draw.reduction != "none" else draw.loss_count(None)
    cotangent = random.integers(1, 9, count) / 4.0
    narrow = any(dtype in ("float16", "bfloat16") for dtype in draw.dtypes.values())
    twice = not narrow and draw.function not in BY_TORCH
    ours, error = _run(draw, cotangent, directions, twice)
    theirs = _torchs(draw, cotangent)
    if error is not None:
        if theirs is None and ENTRIES[draw.function]["function"] in dir(torch.nn.functional):
            return []  # torch refuses it too
        return [] if rule_of(draw, "error", None, str(error)) else [f"raises {type(error).__name__}: {error}"]
    truth = expected(draw, np.ones(count) if draw.interface == "numpy" else cotangent, directions)
    wrong = []
    for key, got in ours.items():
        if got is None:
            continue
        kind, name = (key, None) if key == "value" else key
        entries = truth[("gradient" if kind == "recorded" else kind, name)] if name else truth["value"]
        other = theirs.get(("gradient" if kind == "recorded" else kind, name) if name else "value") if theirs else None
        if other is not None and kind != "second" and (got.shape != other.shape or got.dtype != other.dtype):
            if rule_of(draw, "kind", name, None) is None:
                wrong.append(f"{key}: {got.dtype} {tuple(got.shape)}, torch {other.dtype} {tuple(other.shape)}")
                continue
            other = None
        wrong += _compare(draw, key, kind, name, got, entries, other, NAMES[ours["value"].dtype])
    return wrong


def _torchs(draw, cotangent):
    if draw.interface != "torch" or not hasattr(torch.nn.functional, draw.function):
        return None
    try:
        return run_torch(draw, torch.nn.functional, cotangent, twice=False)
    except (ValueError, TypeError, IndexError, RuntimeError, NotImplementedError):
        return None


def _is_old_kink(draw, name):
    """Whether torch's derivative at a kink is that of its clamp before version 2.14, which passed it at its limit."""
    is_old = tuple(map(int, torch.__version__.split(".")[:2])) < (2, 14)
    return is_old and name is not None and draw.function in _CLAMPED


_CLAMPED = ("hinge_embedding_loss", "margin_ranking_loss", "cosine_embedding_loss", "triplet_margin_loss")


def _compare(draw, key, kind, name, got, entries, other, computed):
    flat, dtype = got.detach().double().flatten().tolist(), NAMES[got.dtype]
    if name:  # a gradient passes the result's dtype, and that of the computation
        dtype = max((dtype, draw.dtypes[name], computed), key=EPSILON.get)
    assert len(flat) == len(entries), (key, len(flat), len(entries))
    order = "gradient" if kind == "recorded" else kind
    bound = BOUNDS[order] * max(1.0, draw.parameters.get("gamma", 0.0) / 8)
    if dtype == "float64":
        bound *= LESS_EXACT.get((draw.function, order), 1.0)
    wrong = []
    for i, (mine, entry) in enumerate(zip(flat, entries, strict=True)):
        if entry.status == "unknown":
            reference = None if other is None or kind == "second" else other.double().flatten()[i].item()
            if reference is None or math.isnan(reference) or _is_old_kink(draw, name):
                continue
            coarsest = max((dtype, *draw.dtypes.values()), key=lambda d: EPSILON.get(d, 0))
            if _alike(mine, reference, coarsest, bound * EPSILON[coarsest] * entry.scale):
                continue
            if math.isinf(reference) and coarsest in ("float16", "bfloat16"):  # torch computes in it
                continue
            shown = f"torch {reference!r}"
        elif _close(mine, entry, dtype, bound):
            continue
        else:
            shown = "nan" if entry.status == "nan" else f"{float(entry.right)!r} (scale {float(entry.scale):.3g})"
        if not rule_of(draw, kind, name, (i, mine)):
            wrong.append(f"{key}[{i}]: {mine!r}, right is {shown}")
    return wrong


def _alike(a, b, dtype, tolerance):
    near = math.isclose(a, b, rel_tol=2**12 * EPSILON[dtype], abs_tol=64 * LEAST[dtype] + min(float(tolerance), 1e300))
    return a == b or near or math.isnan(a + b)
