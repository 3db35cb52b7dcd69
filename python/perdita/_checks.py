"""Checks of arguments that are not arrays, so that messages contain their names; the core knows only their positions."""

import operator

from perdita.errors import DomainError, DTypeError


def integer(function, name, value, low=-(1 << 63), high=(1 << 63) - 1, may_be_none=False):
    """The value as an int in low..high, or None. Raises DTypeError, DomainError."""
    if value is None and may_be_none:
        return None
    try:
        number = operator.index(value)
    except TypeError:
        raise DTypeError(f"{function}: {name} is {value!r} (valid: an integer{' or None' * may_be_none})") from None
    if not low <= number <= high:
        raise DomainError(f"{function}: {name} is {value!r} (valid: {low}..{high})")
    return number


def seed(function, value):
    return integer(function, "seed", value, 0, (1 << 64) - 1)


def number(function, name, value):
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DTypeError(f"{function}: {name} is {value!r} (valid: a number)") from None


def flag(function, name, value, may_be_none=False):
    if value is None and may_be_none:
        return None
    if value not in (True, False):
        raise DTypeError(f"{function}: {name} is {value!r} (valid: True or False{', or None' * may_be_none})")
    return bool(value)


def text(function, name, value, may_be_none=False):
    if value is None and may_be_none:
        return None
    if not isinstance(value, str):
        raise DTypeError(f"{function}: {name} is {value!r} (valid: a string{' or None' * may_be_none})")
    return value
