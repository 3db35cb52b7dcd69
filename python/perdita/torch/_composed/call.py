"""A call of a loss as the compositions read it: operands of one dtype, options, and what all losses do with them."""

import math
import re

import torch

from perdita._catalogue import ARGUMENTS, ENTRIES, FORMULAS
from perdita._options import full_text, options_of, text_of
from perdita.torch._types import computing_dtype, result_type


class Call:
    """A loss and its operands.

    function : its name. tensors : its operands by the order of the signature. options : as text (see text_of()).
    """

    def __init__(self, function, tensors, reduction, normalize_by, return_extras, options):
        self.function, self.reduction = function, reduction
        self.normalize_by, self.return_extras = normalize_by, return_extras
        if function in FORMULAS:
            self.text, self.options = full_text(function, options), {}
        else:
            own = {name: value for name, value in options_of(options).items() if name != "validate"}
            self.text = full_text(function, text_of(own.items()))
            self.options = dict(ENTRIES[function]["parameters"]) | own
        self.result_dtype = result_type(function, tensors)
        self.dtype = self._dtype_of_computation()
        self._operands = dict(zip(ARGUMENTS[function], tensors, strict=False))

    def _dtype_of_computation(self):
        dtype = computing_dtype(self.result_dtype)
        if self.function in FORMULAS and re.search(r";\s*compute\s*=\s*float64\s*($|;)", self.text):
            return torch.float64
        if dtype == torch.float32 and any(map(_is_beyond_float, self.options.values())):
            return torch.float64
        return dtype

    def given(self, name):
        """The operand as it is; None where it is not given."""
        return self._operands.get(name)

    def operand(self, name):
        """The operand, real numbers in the dtype of the computation; None where it is not given."""
        tensor = self._operands.get(name)
        if tensor is None or not tensor.is_floating_point():
            return tensor
        return tensor.to(self.dtype)

    def number(self, name):
        """The operand as real numbers, also where it holds integers."""
        tensor = self._operands.get(name)
        return None if tensor is None else tensor.to(self.dtype)

    def option(self, name, default=None):
        return self.options.get(name, default)

    def finished(self, result):
        """The loss in its dtype, or the loss with its extras."""
        if not self.return_extras:
            return result.to(self.result_dtype)
        value, extras = result
        return value.to(self.result_dtype), extras._replace(losses=extras.losses.to(self.result_dtype))


def _is_beyond_float(option):
    """Whether a number needs double precision, as huber with a delta of 1e-50 does."""
    return isinstance(option, float) and 0 < abs(option) < math.inf and not 1e-18 <= abs(option) <= 1e18
