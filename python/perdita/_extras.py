from typing import Any, NamedTuple


class PartExtras(NamedTuple):
    """The contribution of a part to a sum of losses."""

    weight: Any
    """The product of its factors: a number, or a tensor if it is learned."""
    value: Any
    """The loss of the part, reduced, without its weight and without gradients."""
    extras: "LossExtras"
    """Those of the part."""


class SumExtras(NamedTuple):
    """Additional results of a sum of losses, returned with return_extras=True."""

    parts: dict[str, PartExtras]
    """By the name of the part."""


class LossExtras(NamedTuple):
    """Additional results of a loss, returned with return_extras=True."""

    numerator: float
    """Numerator of the reduced loss: the sum of the losses."""
    denominator: float
    """Denominator of the reduced loss; 1 for 'sum' and 'none'."""
    losses: Any
    """One loss per element (row), the result of reduction='none'; without gradients."""
    margins: Any
    """Logit of the true class minus the largest other, for losses of logits and class indices; else None. NaN if ignored."""
    hits: Any
    """Whether the true class has the largest logit, for the same losses."""
