"""The parts of the stubs that do not follow from the catalogue."""

NUMPY_HEADER = """from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from perdita._extras import LossExtras
from perdita._types import Array as _Array
from perdita._types import Denominator, Levels

_Weight = _Array
_Lengths = _Array
"""
TORCH_HEADER = """from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

from torch import Tensor

from perdita._extras import LossExtras
from perdita._types import Array as _Weight
from perdita._types import Denominator as _Name
from perdita._types import Levels

_Array = Tensor
_Lengths = Tensor | Sequence[int]
_Denominator = _Name | float | Tensor

# All other names are those of torch.
def __getattr__(name: str) -> Any: ...
"""
PRIVATE = """
def _call(
    function: str, operands: Any, reduction: Any, normalize_by: Any, return_extras: bool, **options: Any
) -> Any: ...
def _call_with_gradients(argnums: tuple[int, ...]) -> Callable[..., Any]: ...
def _narrowed(result: Any, dtype: Any) -> Any: ...
def _linear_cross_entropy(
    input: Any, linear_weight: Any, target: Any, *, wanted: tuple[bool, ...], linear_bias: Any = None,
    weight: Any = None, reduction: Any = "mean", ignore_index: Any = None, label_smoothing: Any = 0.0,
    normalize_by: Any = None, return_extras: bool = False, chunk_rows: int = 0,
) -> tuple[Any, tuple[Any, ...]]: ...
"""
ADDABLE = """class _Addable:
    def __add__(self, other: _Addable | Formula) -> Sum: ...
    def __radd__(self, other: _Addable | Formula) -> Sum: ...
    def __mul__(self, factor: float) -> Sum: ...
    def __rmul__(self, factor: float) -> Sum: ...

"""
NUMPY_CLASSES = """class Loss(_Addable):
    options: dict[str, Any]
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def __call__(self, *arrays: Any, **named: Any) -> Any: ...
    def bound_options(self) -> dict[str, Any]: ...

class Sum(_Addable):
    text: str
    names: tuple[str, ...]
    losses: tuple[Any, ...]
    _common: dict[str, Any]
    def __init__(
        self, loss: str, *, weight: _Weight | None = None, reduction: Literal["none", "mean", "sum"] = "mean",
        normalize_by: Denominator | None = None,
    ) -> None: ...
    @classmethod
    def of_parts(cls, text: str, losses: Any, learned: Any = ()) -> Sum: ...
    def set_epoch(self, epoch: int) -> None: ...
    @property
    def weights(self) -> dict[str, float]: ...
    @overload
    def __call__(self, *arrays: Any, return_extras: Literal[False] = False) -> Any: ...
    @overload
    def __call__(self, *arrays: Any, return_extras: Literal[True]) -> tuple[Any, SumExtras]: ...
    @overload
    def __call__(self, *arrays: Any, return_extras: bool) -> Any: ...
    def _text_for_core(self) -> str | None: ...

class LinearCrossEntropyLoss:
    linear_weight: NDArray[Any]
    linear_bias: NDArray[Any] | None
    options: dict[str, Any]
    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False,
        dtype: Any = ..., seed: int = 0, **options: Any,
    ) -> None: ...
    def __call__(self, input: _Array, target: _Array) -> Any: ...

class AdaptiveLogSoftmaxWithLoss:
    n_classes: int
    cutoffs: list[int]
    shortlist_size: int
    head: NDArray[Any]
    head_bias: NDArray[Any] | None
    tail: list[tuple[NDArray[Any], NDArray[Any]]]
    def __init__(
        self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0,
        head_bias: bool = False, dtype: Any = ..., seed: int = 0,
    ) -> None: ...
    def __call__(self, input: _Array, target: _Array) -> tuple[Any, Any]: ...
    def log_prob(self, input: _Array) -> NDArray[Any]: ...
    def predict(self, input: _Array) -> NDArray[Any]: ...

"""
TORCH_CLASSES = """class Loss(_Addable, torch.nn.modules.loss._Loss):
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def forward(self, *tensors: Any, **named: Any) -> Any: ...
    def extra_repr(self) -> str: ...
    def bound_options(self) -> dict[str, Any]: ...

class FormulaLoss(_Addable, torch.nn.Module):
    formula: Formula
    weight: Tensor | None
    @property
    def reduction(self) -> str: ...
    @reduction.setter
    def reduction(self, reduction: str) -> None: ...
    @property
    def text(self) -> str: ...
    def __init__(
        self, formula: str | Callable[..., Any] | Formula, *, weight: _Weight | None = None,
        reduction: Literal["none", "mean", "sum"] = "mean", normalize_by: Denominator | None = None,
    ) -> None: ...
    def forward(
        self, input: Tensor, target: Tensor, weight: Tensor | None = None, *, return_extras: bool = False
    ) -> Any: ...
    def extra_repr(self) -> str: ...
    def bound_options(self) -> dict[str, Any]: ...

class Sum(_Addable, torch.nn.Module):
    text: str
    names: tuple[str, ...]
    losses: torch.nn.ModuleList
    log_variances: torch.nn.ParameterDict
    weight: Tensor | None
    def __init__(
        self, loss: str, *, weight: _Weight | None = None, reduction: Literal["none", "mean", "sum"] = "mean",
        normalize_by: Denominator | None = None,
    ) -> None: ...
    @classmethod
    def of_parts(cls, text: str, losses: Any, learned: Any = ()) -> Sum: ...
    def set_epoch(self, epoch: int) -> None: ...
    @property
    def reduction(self) -> str: ...
    @reduction.setter
    def reduction(self, reduction: str) -> None: ...
    @property
    def weights(self) -> dict[str, float | Tensor]: ...
    def forward(self, *tensors: Any, return_extras: bool = False) -> Any: ...
    def extra_repr(self) -> str: ...

class AdaptiveLogSoftmaxWithLoss(torch.nn.AdaptiveLogSoftmaxWithLoss):
    def forward(self, input_: Tensor, target_: Tensor) -> Any: ...

"""
TORCH_LINEAR = """class LinearCrossEntropyLoss(torch.nn.LinearCrossEntropyLoss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor: ...

"""
