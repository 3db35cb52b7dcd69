"""Types of arguments, for annotations."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from numpy.typing import ArrayLike


class SupportsDLPack(Protocol):
    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...


Array = ArrayLike | SupportsDLPack
Reduction = Literal["none", "mean", "sum"]
Denominator = Literal["count", "weight_sum", "batch"]
Levels = float | Sequence[float]
