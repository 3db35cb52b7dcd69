"""Losses of raw scores, as the core describes them."""

from typing import Any

from perdita import _core
from perdita._loss_text import LossLike, text_of_loss

__all__ = ["LossLike", "entry_of"]


def entry_of(function: str, loss: LossLike) -> dict[str, Any]:
    """Properties of a loss of raw scores: its text, kind, link and policies for the Hessian. Raises DTypeError, and
    DomainError for a loss that is not a function of raw scores or has options that cannot be used; they name `function`."""
    return _core.boosting_entry(text_of_loss(function, loss))
