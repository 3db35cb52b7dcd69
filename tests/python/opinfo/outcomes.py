"""The outcome of one sample in one category."""

import warnings

import torch

from opinfo.categories import NotApplicable

SAME = "same"
OF_PLAIN = "as torch's plain calls, torch differs from them"
BEYOND = "as torch's plain calls, torch refuses"
UNCOMPARED = "torch refuses, nothing to compare with"
BOTH_REFUSE = "both refuse"
REFUSED = "refused by us"
DIFFERS = "differs"
CRASHED = "crashed"
NONE = "not applicable"
OUTCOMES = (SAME, BEYOND, OF_PLAIN, UNCOMPARED, BOTH_REFUSE, REFUSED, DIFFERS, CRASHED, NONE)


def _attempt(run, sample, function):
    torch.manual_seed(0)
    try:
        return run(sample, function)
    except NotApplicable:
        raise
    except Exception as error:
        return error


def _difference(found, expected, rtol, atol, check_dtype=True):
    """None where both are the same, else how they differ."""
    try:
        torch.testing.assert_close(
            _comparable(found),
            _comparable(expected),
            rtol=rtol,
            atol=atol,
            equal_nan=True,
            check_dtype=check_dtype,
        )
    except AssertionError as error:
        return " ".join(str(error).split())
    return None


def _comparable(result):
    """Texts as they are differ in no tolerance."""
    if isinstance(result, (tuple, list)):
        return [_comparable(item) for item in result]
    if isinstance(result, str):
        return list(result.encode())
    return result.detach() if isinstance(result, torch.Tensor) else result


def outcome(category, sample):
    """(outcome, details)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _outcome(category, sample)
        except NotApplicable:
            return NONE, ""


def _outcome(category, sample):
    found = _attempt(category.run, sample, sample.ours)
    if isinstance(found, Exception):
        text = f"{type(found).__name__}: {' '.join(str(found).split())[:600]}"
        if "INTERNAL ASSERT" in text or "gloo" in text:  # another process may have ended
            return CRASHED, text
        theirs = _attempt(category.run, sample, sample.theirs)
        return (BOTH_REFUSE if isinstance(theirs, Exception) else REFUSED), text
    if category.is_slow and _is_same(category.plain, category, sample, found):
        return SAME, ""
    expected = _attempt(category.run, sample, sample.theirs)
    if not isinstance(expected, Exception):
        difference = _difference(found, expected, category.rtol, category.atol)
        if difference is None:
            return SAME, ""
        is_as_plain = category.plain and _is_same(category.plain, category, sample, found)
        return (OF_PLAIN if is_as_plain else DIFFERS), difference
    return _outcome_without_torch(category, sample, found)


def _outcome_without_torch(category, sample, found):
    """Where torch's function does not support the transform."""
    difference = None
    for run, rtol, atol, check_dtype in (
        (category.plain, category.rtol, category.atol, True),
        (category.approximately, category.accuracy, 0.1 * category.accuracy, False),
    ):
        expected = run and _attempt(run, sample, sample.plain)
        if expected is None or isinstance(expected, Exception):
            continue
        difference = _difference(found, expected, rtol, atol, check_dtype)
        if difference is None:
            return BEYOND, ""
    return (UNCOMPARED, "") if difference is None else (DIFFERS, difference)


def _is_same(run, category, sample, found):
    expected = _attempt(run, sample, sample.plain)
    return not isinstance(expected, Exception) and not _difference(found, expected, category.rtol, category.atol)
