"""Sums of losses, for NumPy and for torch: their parts and weights. The core reads and checks them, as text."""

import numpy as np

from perdita import _core
from perdita._catalogue import ENTRIES
from perdita._formula import Formula
from perdita._loss_text import parts_of, reduction_of, text_of_part
from perdita._modules import CLASSES
from perdita._options import options_of
from perdita.errors import DomainError, DTypeError

_MODULES = {function: module for module, function in CLASSES.items() if function in ENTRIES}


class AddableLoss:
    """Operators of losses: 0.7 * a + 0.3 * b is a sum."""

    @staticmethod
    def _sum_type():
        """The class of sums of such losses."""
        raise NotImplementedError

    def __add__(self, other):
        return _sum_of(self, "+", other)

    def __radd__(self, other):
        return _sum_of(other, "+", self)

    def __sub__(self, other):
        return _sum_of(self, "-", other)

    def __rsub__(self, other):
        return _sum_of(other, "-", self)

    def __neg__(self):
        return -1 * self

    def __mul__(self, factor):
        if isinstance(factor, bool) or not isinstance(factor, (int, float)):
            return NotImplemented
        sum_type = self._sum_type()
        return sum_type.of_parts(f"{float(factor)!r}*({text_of_part(self)})", parts_of(self), learned_of(self))

    __rmul__ = __mul__


def _sum_of(a, sign, b):
    types = [one._sum_type() for one in (a, b) if isinstance(one, AddableLoss)]
    if not all(isinstance(one, (AddableLoss, Formula)) for one in (a, b)) or len(set(types)) != 1:
        return NotImplemented
    text = f"({text_of_part(a)}) {sign} ({text_of_part(b)})"
    return types[0].of_parts(text, [*parts_of(a), *parts_of(b)], [*learned_of(a), *learned_of(b)])


def learned_of(loss):
    """The parameter of the learned weight of each part; None of other parts."""
    learned = getattr(loss, "log_variances", {})
    return [learned[name] if name in learned else None for name in getattr(loss, "names", [None])]


def common_options(losses):
    """The reduction and the denominator that all losses have; of those that differ, the defaults."""
    reductions = {reduction_of(loss) for loss in losses}
    denominators = [None if isinstance(loss, Formula) else loss.bound_options()["normalize_by"] for loss in losses]
    first = denominators[0]
    return {
        "reduction": reductions.pop() if len(reductions) == 1 else "mean",
        "normalize_by": first if all(one is first or one == first for one in denominators) else None,
    }


def check_text(loss):
    """Raises DTypeError for what is not the text of a sum."""
    if not isinstance(loss, str):
        raise DTypeError(f"Sum: loss is a {type(loss).__name__} (valid: text; sums of modules are made by + and *)")


def loss_of_part(part, classes, options):
    """The module, or the formula, of a part of a text. classes: the modules by their names."""
    name, _, rest = part["text"].partition(":")
    if name == "formula":
        return Formula(rest.strip())
    if "weight" in options and not part["weight_shape"]:
        raise DomainError(f"Sum: weight is given, but {part['name']} takes none (valid: no weight)")
    return classes[_MODULES[_core.function_of_loss(part["text"])]](**options_of(rest), **options)


def check_weight(parts, weight):
    """Raises DomainError for a weight that the parts would read differently."""
    shapes = {part["weight_shape"]: part["name"] for part in parts}
    if weight is not None and len(shapes) > 1:
        (shape, name), (other_shape, other), *_ = shapes.items()
        raise DomainError(
            f"Sum: weight is given, but {name} takes a weight of shape {shape or 'none'}, and {other} of shape "
            f"{other_shape or 'none'} (valid: no weight, or modules with their own weights)"
        )


def text_in_epoch(text, epoch):
    """A sum without learned weights as a sum whose weights are those of an epoch."""
    parts = zip(_core.loss_parts(text), _core.loss_weights(text, epoch), strict=True)
    return " + ".join(f"{weight!r}*({part['text']})" for part, weight in parts)


def weighted(x, weight):
    """A loss or a gradient of NumPy times the weight of its part, in its dtype; 0 for a weight of 0, even if infinite."""
    return np.zeros_like(x)[()] if weight == 0 else x * np.asarray(x).dtype.type(weight)


def is_sum(text):
    """Whether a text is more than a single loss of weight 1."""
    parts = _core.loss_parts(text)
    return len(parts) > 1 or bool(parts[0]["weight"])
