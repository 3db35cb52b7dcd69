"""Losses as text, as the core reads them: text, formulas, losses of perdita.nn, and functions of perdita.functional."""

from collections.abc import Callable
from typing import Any

import numpy as np

from perdita import functional
from perdita._catalogue import BOUND_OPERANDS, ENTRIES
from perdita._formula import Formula
from perdita._modules import CLASSES, BoundCall, bound_call
from perdita._options import full_text, text_of
from perdita.errors import DomainError, DTypeError

LossLike = str | Formula | Callable[..., Any]

_DEFAULTS = {"ignore_index": -100, "label_smoothing": 0.0}


def text_of_loss(function: str, loss: LossLike) -> str:
    """The text of a loss with all of its options. Raises DTypeError for what is not a loss, and DomainError for an option
    that a text cannot hold (weights, a denominator); both name `function`."""
    if isinstance(loss, str):
        return loss
    if isinstance(loss, Formula):
        return "formula: " + loss.text
    if hasattr(loss, "bound_options") or hasattr(loss, "losses"):
        _check_options(function, parts_of(loss))
        return text_of_part(loss)
    name = getattr(loss, "__name__", "")
    if name and name in ENTRIES and getattr(functional, name, None) is loss:
        return name
    raise DTypeError(
        f"{function}: loss is {loss!r} (valid: text such as 'focal:gamma=2', a perdita.formula, a loss of perdita.nn, or "
        f"a function of perdita.functional)"
    )


def parts_of(loss):
    """The losses of the parts of a sum, or the loss itself."""
    return list(loss.losses) if hasattr(loss, "losses") else [loss]


def text_of_part(loss):
    """A loss as text, without what a text cannot hold: weights, reduction and denominator."""
    if isinstance(loss, Formula):
        return "formula: " + loss.text
    if not hasattr(loss, "_loss"):  # a sum, or the module of a formula
        return loss.text
    return text_of_call(_call_of(loss))


def text_of_call(call: BoundCall, name: str = "") -> str:
    """The text of a loss with the options that differ from their defaults. name: the loss, as the text should name it."""
    defaults = _DEFAULTS | dict(ENTRIES[call.function]["parameters"])
    options = {
        option: value
        for option, value in call.options.items()
        if option != "validate" and not _is_equal(value, defaults.get(option))
    }
    return full_text(name or call.function, text_of(options.items()))


def _is_equal(value, default):
    value = value.item() if isinstance(value, np.generic) else value  # not compared in float32
    return isinstance(value, (bool, int, float, str, tuple)) and value == default


def _call_of(loss):
    function = CLASSES[loss._loss]
    if function not in ENTRIES:
        raise DTypeError(f"{loss._loss}: cannot be a part of a sum (valid: losses of the list)")
    return bound_call(function, loss.bound_options())


def unwritten_options(loss):
    """The options of a loss that its text cannot hold, by name, without the reduction."""
    if isinstance(loss, Formula):
        return {}
    given = loss.bound_options()
    names = {"normalize_by", "validate", "alpha"} | BOUND_OPERANDS
    found = {name: given[name] for name in sorted(names & given.keys())}
    found = {name: value for name, value in found.items() if value is not None and value is not False}
    if isinstance(found.get("normalize_by"), str) and found["normalize_by"] == "standard":
        del found["normalize_by"]
    if np.ndim(found.get("alpha", 0)) == 0:  # of focal_loss: a number, or one for each class
        found.pop("alpha", None)
    return found | {name: "learned" for name in getattr(loss, "_declared", ())}


def _check_options(function, parts):
    for part in parts:
        for name in unwritten_options(part):
            raise DomainError(
                f"{function}: {part!r} has the option {name}, which cannot be used here (valid: a loss without {name})"
            )
    reductions = sorted({str(reduction_of(part)) for part in parts})
    if len(reductions) > 1:
        raise DomainError(
            f"{function}: the parts of the loss have the reductions {' and '.join(map(repr, reductions))} (valid: the same)"
        )


def reduction_of(loss):
    """The reduction of a module; of a formula, that of its calls."""
    return "mean" if isinstance(loss, Formula) else loss.bound_options()["reduction"]
