"""The options of a loss as the core takes them: as text, read once."""

import functools
import operator

from perdita import _core
from perdita._catalogue import ENTRIES, FORMULAS
from perdita.errors import DomainError, DTypeError


@functools.lru_cache(maxsize=1024, typed=True)  # typed: 1 + 0j equals 1.0, but is not a number here
def loss_of(function, reduction, normalize_by, **options):
    """The core's loss for these options; checked. Cached, so that a loop pays once."""
    try:
        text = text_of(options.items())
    except DTypeError as error:
        raise DTypeError(f"{function}: {error}") from None
    return loss_of_text(function, reduction, normalize_by, text)


class Loss(_core.Loss):
    """The core's loss, and what it was made of."""

    __slots__ = ("arguments",)
    arguments: tuple[str, str, str, str | None]
    """Function, text of the options, reduction, normalize_by."""


@functools.lru_cache(maxsize=1024, typed=True)
def loss_of_text(function, reduction, normalize_by, text):
    """The same for options as a text."""
    arguments = function, text, reduction, normalize_by
    for name, value in (("reduction", reduction), ("normalize_by", normalize_by)):
        if not isinstance(value, str) and (name == "reduction" or value is not None):
            raise DTypeError(f"{function}: {name} is {value!r} (valid: a string)")
    check_has_denominator(function, reduction, normalize_by)
    loss = Loss(function, full_text(function, text), reduction, normalize_by or "standard")
    loss.arguments = arguments
    return loss


def check_has_denominator(function, reduction, normalize_by):
    """Raises an error for a denominator that would not be used."""
    if normalize_by not in (None, "standard") and reduction in ("none", "sum", "batchmean"):
        raise DomainError(
            f"{function}: normalize_by is the denominator of reduction='mean', but reduction is {reduction!r} (valid: "
            f"reduction='mean', or no normalize_by)"
        )


def full_text(function, options):
    """A loss with its options as the core reads it: "huber_loss:delta=2.0", "formula:abs(y - t)", "0.7*mse + 0.3*l1"."""
    if function == "sum":
        return options
    return ("formula" if function in FORMULAS else function) + ":" * bool(options) + options


def text_of(options):
    """Options as the core reads them: "delta=2.0,full=true"."""
    return ",".join(value if name == "formula" else f"{name}={_text_of_value(name, value)}" for name, value in options)


def options_of(text):
    """Options from their text: the inverse of text_of()."""
    pairs = (option.split("=", 1) for option in text.split(",") if option)
    return {name: _value_of_text(name, value) for name, value in pairs}


def _value_of_text(name, text):
    if text in ("true", "false"):
        return text == "true"
    if name in _NAMED:
        return text
    if "/" in text:
        return tuple(float(level) for level in text.split("/") if level)
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _text_of_value(name, value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if name in _NAMED and isinstance(value, str) and value.isidentifier():  # the core checks it
        return value
    if isinstance(value, tuple):  # q=0.1/0.9; a single one ends in a slash
        return "/".join(repr(level) for level in value) + "/" * (len(value) < 2)
    try:
        if name in _INTEGERS:
            index = operator.index(value)
            if abs(index) >= 1 << 63:
                raise ValueError
            return str(index)
        return str(value) if isinstance(value, int) else repr(float(value + 0))
    except (TypeError, ValueError):
        raise DTypeError(
            f"{name} is {value!r} (valid: {'an integer of 64 bits' if name in _INTEGERS else 'a number'})"
        ) from None


_INTEGERS = ("ignore_index", "blank")
# Options that are one of several names.
_NAMED = {"missing", *(name for entry in ENTRIES.values() for name in entry["choices"])}


def logit_options(z_loss, softcap):
    """Those of cross_entropy that differ from their defaults."""
    options = {"z_loss": z_loss} if z_loss else {}
    return options if softcap is None else {**options, "softcap": softcap}
