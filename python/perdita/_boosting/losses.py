"""Losses as the core names them: from text, functions of perdita.functional and formulas."""

from collections.abc import Callable
from typing import Any

from perdita import _core, functional, nn
from perdita._formula import Formula
from perdita.errors import DTypeError

LossLike = str | Formula | nn.Sum | Callable[..., Any]


def text_of_loss(function: str, loss: LossLike) -> str:
    """The text of a loss. Raises DTypeError that names `function`."""
    if isinstance(loss, str):
        return loss
    if isinstance(loss, Formula):
        return "formula: " + loss.text
    if isinstance(loss, nn.Sum):
        return loss.text
    name = getattr(loss, "__name__", "")
    if name and getattr(functional, name, None) is loss:
        return name
    raise DTypeError(
        f"{function}: loss is {loss!r} (valid: text such as 'focal:gamma=2', a perdita.formula, a perdita.nn.Sum, or "
        f"a function of perdita.functional)"
    )


def entry_of(function: str, loss: LossLike) -> dict[str, Any]:
    """What the core knows of a loss of raw scores: its text, kind, link and policies for the Hessian. Raises DTypeError, and
    DomainError for a loss that is not a function of raw scores."""
    return _core.boosting_entry(text_of_loss(function, loss))
