"""Custom losses: formulas as text, or as functions that are called once with symbols."""

import dataclasses
import inspect
import sys
from collections.abc import Callable
from typing import Any

from perdita import _core
from perdita._symbols import Symbol, text_of
from perdita._types import Denominator, Reduction
from perdita.errors import DomainError, DTypeError


@dataclasses.dataclass(frozen=True)
class StabilizationReport:
    """Result of perdita.formula(..., stabilize=True).

    Errors are given in bits: log2(1 + d), where d is the number of floating-point numbers between the result and the exact
    one. Keys of `before` and `after` are ("value", "float32"), ("derivative", "float32"), ("value", "float64") and
    ("derivative", "float64"); values are dictionaries with mean_bits, worst_bits, share_above_4_ulp, and worst_input, the
    input with the largest error.
    """

    original: str
    text: str  #: the stable form; the original if none is better
    latex: str  #: the same in LaTeX
    cpp: str  #: the same as a generic lambda of C++, for perdita::elementwise()
    domain: str
    is_changed: bool
    before: dict[tuple[str, str], dict[str, Any]]
    after: dict[tuple[str, str], dict[str, Any]]
    nanoseconds_before: float  #: of value and derivative per element of float32, on one thread
    nanoseconds_after: float
    points_compared: int  #: where both are known, and equal in 200 bits
    points_drawn: int

    def __str__(self) -> str:
        lines = [f"formula      {self.original}", f"domain       {self.domain or 'all numbers'}"]
        lines += [f"stable form  {self.text if self.is_changed else 'no better form was found'}", ""]
        lines += ["bits of error             before                         after"]
        lines += ["                          mean  worst  above 4 ULP       mean  worst  above 4 ULP"]
        for key, before in self.before.items():
            columns = "      ".join(
                f"{errors['mean_bits']:5.2f}  {errors['worst_bits']:5.1f}  {100 * errors['share_above_4_ulp']:9.1f} %"
                for errors in (before, self.after[key])
            )
            lines.append(f"{', '.join(key):<24} {columns}")
        return "\n".join(lines)


class Formula:
    """A loss made by perdita.formula(). Call it as criterion(input, target).

    Keywords: weight (multiplies the losses; class weights for a formula of classes), reduction, normalize_by and
    return_extras as for every loss of perdita.functional; ignore_index of classes is -100.
    """

    #: What stabilize=True found; None without it.
    report: StabilizationReport | None = None

    def __init__(self, text: str) -> None:
        self.text = text
        self._function = "class_formula" if _core.is_class_formula(text) else "formula"
        _core.Loss(self._function, "formula: " + text, "mean", "standard")

    def __call__(
        self,
        input: Any,
        target: Any,
        weight: Any = None,
        reduction: Reduction = "mean",
        *,
        normalize_by: Denominator | None = None,
        return_extras: bool = False,
    ) -> Any:
        call: Callable[..., Any]
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(type(input), "__torch_function__"):  # a tensor, or a symbol of torch.fx
            import perdita.torch._call
            from perdita.torch._operands import as_tensor

            call, weight = perdita.torch._call._call, as_tensor(weight, input)
        else:
            import perdita.functional

            call = perdita.functional._call
        return self.call_with(call, input, target, weight, reduction, normalize_by, return_extras)

    def call_with(self, call, input, target, weight=None, reduction="mean", normalize_by=None, return_extras=False):
        """As call(function, operands, reduction, normalize_by, return_extras, **options) computes it."""
        return call(self._function, (input, target, weight), reduction, normalize_by, return_extras, formula=self.text)

    def __repr__(self) -> str:
        return f"perdita.formula({self.text!r})"

    def __reduce__(self):
        return Formula, (self.text,), {"report": self.report}


def formula(loss: str | Callable[..., Any], *, stabilize: bool = False, domain: str = "") -> Formula:
    """A loss from a formula of an input element y and a target element t, for NumPy arrays and torch tensors alike.

        huber = perdita.formula("select(r < d, r^2 / 2, d * (r - d / 2)) where r = abs(y - t); d = 1.5")
        focal = perdita.formula(lambda y, t: 0.25 * (1 - np.exp(-(b := ops.softplus(y) - t * y)))**2 * b)
        focal = perdita.formula(lambda log_p, t: -t * (1 - np.exp(log_p))**2 * log_p)      # over classes

    loss: text (perdita check --help describes the syntax), or a function of two arguments that is called once with
    symbols. The function may use operators, abs(), perdita.ops, and the corresponding functions of NumPy and torch. Numbers
    from its closure become constants; tensors that require grad therefore raise an error. The first argument is the input
    and the second the target, regardless of names; names that contradict this order, such as (t, y) or (y_true, y_pred),
    raise an error. If the first argument is named log_p, it is the log-probability of a class, t is its target
    probability, and the loss is summed over the classes of logits [N, C], as in cross_entropy.

    stabilize: train with an equal formula whose value and gradient are exact in float32 and float64, if one is found in two
    seconds: `softplus(y) - t * y` instead of `log(1 + exp(y)) - t * y`. The attribute `text` of the result is this formula,
    and `report` shows the errors before and after:

        loss = perdita.formula(lambda y, t: np.log(1 + np.exp(-t * y)), stabilize=True, domain="t = -1, 1")
        print(loss.report)

    domain: the numbers that y and t take, for example "y > 0, t in 0..1" or "t = 0, 1"; by default all numbers. Requires
    stabilize=True.

    Gradients with respect to input and target are derived from the formula, to any order in torch. The formula is compiled
    once and evaluated in blocks, in at most twice the time of a built-in loss with the same formula.

    Raises ValueError (DomainError) that shows the position for invalid text, for a domain where the formula is not defined,
    and TypeError that suggests an alternative
    for a function that branches on its arguments.
    """
    if domain and not stabilize:
        raise DomainError(f"formula: got domain={domain!r} without stabilize=True")
    text = loss if isinstance(loss, str) else _text_of_function(loss)
    return _stabilized(text, domain) if stabilize else Formula(text)


def _stabilized(text, domain):
    found = _core.stabilize(f"{text} [{domain}]" if domain else text, 2.0, 1)
    report = StabilizationReport(**found)
    made = Formula(report.text if report.is_changed else text)
    made.report = report
    return made


def _text_of_function(loss):
    if not callable(loss):
        raise DTypeError(f"formula: got {loss!r} (valid: a string, or a function of two arguments)")
    names = _symbols_of(loss)
    result = loss(*(Symbol(name) for name in names))
    if not isinstance(result, Symbol):
        raise DomainError(f"formula: the function returned {result!r}, which does not depend on {names[0]}")
    return text_of(result)


# Names that identify an argument, in lower case and without "_". Ambiguous names are not included: x, y (an input next to
# t, a target next to x), p, q.
_INPUT_NAMES = frozenset(
    "input inputs output outputs pred preds prediction predictions predicted ypred yhat yscore logit logits score scores "
    "logp logprob logprobs estimate".split()
)
_TARGET_NAMES = frozenset(
    "t target targets true ytrue truth groundtruth gt label labels actual expected observed".split()
)


def _symbols_of(function):
    """Meaning of the two arguments of a function: ("y", "t"), ("log_p", "t") or ("p", "t"). Raises DTypeError if it takes
    another number of arguments, or if their names contradict their positions."""
    names = _argument_names(function)
    if names is None:  # not written in Python
        return "y", "t"
    plain = [name.replace("_", "").lower() for name in names]
    if plain[0] in _TARGET_NAMES or plain[1] in _INPUT_NAMES:
        raise DTypeError(
            f"formula: the arguments are named ({', '.join(names)}), but the first argument is the input (prediction) and "
            f"the second the target (valid: (y, t), (log_p, t), or other names in that order)"
        )
    return names[0] if names[0] in ("log_p", "p") else "y", "t"


def _argument_names(function):
    """The names of the two arguments, or None if the function has no signature."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) and len(by_position) < 2:
        return None
    required = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if len(by_position) < 2 or not set(required) <= set(by_position[:2]):
        raise DTypeError(
            f"formula: the function takes ({', '.join(p.name for p in required)}) (valid: two arguments, the input and the "
            f"target; further arguments need default values)"
        )
    return [p.name for p in by_position[:2]]
