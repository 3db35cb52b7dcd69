"""Losses of one's own: formulas as text, or as functions that are called once with symbols."""
import sys

from perdita import _core
from perdita._symbols import Symbol, text_of
from perdita.errors import DomainError, DTypeError


class Formula:
    """What perdita.formula() makes. Called as a loss: criterion(input, target).

    Keywords: weight (multiplies the losses; class weights for a formula of classes), reduction, normalize_by and
    return_extras as for every loss of perdita.functional; ignore_index of classes is -100.
    """

    def __init__(self, text):
        self.text = text
        self._function = "class_formula" if _core.is_class_formula(text) else "formula"
        _core.Loss(self._function, "formula: " + text, ["input", "target", "weight"], [], "mean", "standard")

    def __call__(self, input, target, weight=None, reduction="mean", *, normalize_by=None, return_extras=False):
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(type(input), "__torch_function__"):  # a tensor, or a symbol of torch.fx
            from perdita.torch._call import _call
        else:
            from perdita.functional import _call
        return self.call_with(_call, input, target, weight, reduction, normalize_by, return_extras)

    def call_with(self, call, input, target, weight=None, reduction="mean", normalize_by=None, return_extras=False):
        """As call(function, operands, reduction, normalize_by, return_extras, **options) computes it."""
        return call(self._function, (input, target, weight), reduction, normalize_by, return_extras, formula=self.text)

    def __repr__(self):
        return f"perdita.formula({self.text!r})"

    def __reduce__(self):
        return Formula, (self.text,)


def formula(loss):
    """A loss from a formula of an input element y and a target element t, for NumPy arrays and torch tensors alike.

        huber = perdita.formula("select(r < d, r^2 / 2, d * (r - d / 2)) where r = abs(y - t); d = 1.5")
        focal = perdita.formula(lambda y, t: 0.25 * (1 - np.exp(-(b := ops.softplus(y) - t * y)))**2 * b)
        focal = perdita.formula(lambda log_p, t: -t * (1 - np.exp(log_p))**2 * log_p)      # over classes

    loss: text (perdita check --help has the language), or a function of two arguments that is called once, here, with
    symbols. It may use operators, abs(), perdita.ops, and NumPy's and torch's functions of that kind; numbers it closes over
    become constants. Where its first argument is called log_p, that is the log-probability of a class, t its target
    probability, and the loss is summed over the classes of logits [N, C], as cross_entropy is.

    Gradients are derived from the formula, by input and target, to any order under torch. Compiled once; evaluated
    block by block, within twice the time of a built-in loss of the same formula.

    Raises ValueError (DomainError) that shows the place for a text that is no formula, and TypeError for a function that
    branches on its arguments, with what to write in its place.
    """
    if isinstance(loss, str):
        return Formula(loss)
    if not callable(loss):
        raise DTypeError(f"formula: {loss!r} (valid: a text, or a function of two arguments)")
    names = _argument_names(loss)
    result = loss(*(Symbol(name) for name in names))
    if not isinstance(result, Symbol):
        raise DomainError(f"formula: the function gave {result!r}, which does not depend on {names[0]}")
    return Formula(text_of(result))


def _argument_names(function):
    code = getattr(function, "__code__", None)
    if code is not None and code.co_argcount > 0 and code.co_varnames[0] in ("log_p", "p"):
        return code.co_varnames[0], "t"
    return "y", "t"
