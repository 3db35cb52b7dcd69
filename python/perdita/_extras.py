from typing import Any, NamedTuple


class LossExtras(NamedTuple):
    """Additional results of a loss, returned with return_extras=True."""

    numerator: float
    """Of the reduced loss: the sum."""
    denominator: float
    """What the sum was divided by; 1 for 'sum' and 'none'."""
    losses: Any
    """A loss an element (a row), as reduction='none' gives; without gradients."""
    margins: Any
    """Own logit minus the best other, for losses of logits and class indices; else None. NaN where ignored."""
    hits: Any
    """Whether the own class has the largest logit; likewise."""
