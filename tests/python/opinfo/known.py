"""Outcomes that are not those of torch, with the reason."""

from opinfo.outcomes import BEYOND, BOTH_REFUSE, NONE, SAME

_FINE = (SAME, BEYOND, BOTH_REFUSE, NONE)


def reason_of(category, operator, outcome):
    """Why a sample may have the outcome; "" where it may not."""
    return "fine" if outcome in _FINE else ""
