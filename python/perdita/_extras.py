from typing import Any, NamedTuple


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
