"""Means of the largest of given losses, for NumPy and for PyTorch: checks, and the number of losses that are averaged."""

import math

from perdita.errors import DomainError, DTypeError, ShapeError

_ROUNDING = 1e-12


def share_of(fraction, count):
    """A fraction of a number, rounded up; 0.07 of 100 is 7, although the product of the rounded numbers is a little more."""
    return min(max(math.ceil(fraction * count * (1 - _ROUNDING)), 1), count)


def check_fraction(fraction):
    if not 0 < fraction <= 1:
        raise DomainError(f"top_k_mean: fraction is {fraction} (valid: above 0, up to 1)")


def check_mining(threshold, min_kept):
    if math.isnan(threshold):
        raise DomainError("ohem_mean: threshold is nan (valid: a number)")
    if isinstance(min_kept, bool) or min_kept < 1 or min_kept != int(min_kept):
        raise DomainError(f"ohem_mean: min_kept is {min_kept} (valid: an integer, 1 or more)")


def rows_of(function, losses, per_item):
    """The losses as rows [N, losses of an item], or as one row."""
    if not hasattr(losses, "dtype") or "float" not in str(losses.dtype):
        holds = f"holds {losses.dtype}" if hasattr(losses, "dtype") else f"is a {type(losses).__name__}"
        raise DTypeError(f"{function}: losses {holds} (valid: floating numbers, as of reduction='none')")
    shape = tuple(losses.shape)
    if 0 in shape:
        raise ShapeError(f"{function}: losses has shape {list(shape)} (valid: at least one loss)")
    if per_item and len(shape) < 2:
        raise ShapeError(f"{function}: losses has shape {list(shape)} (valid with per_item: [N, ...])")
    return losses.reshape(shape[0] if per_item else 1, -1)
