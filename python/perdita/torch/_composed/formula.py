"""Formulas of losses executed by torch's operators: on every device, under every transform, to any order of derivatives.

The graph of a formula and of its derivatives comes from the core, so that both executions compute the same formula. The
derivatives are those of the graph, not of the single operators: 0 * inf does not appear where a branch is not taken.
"""

import functools
import math

import torch

from perdita import _core


def is_exporting():
    """Whether torch.export traces. In torch 2.9, Dynamo takes torch.compiler.is_exporting() for true in
    torch.compile as well, so the flag behind it is read."""
    return getattr(torch.compiler, "_is_exporting_flag", False)


# torch.compile calls these functions in its graphs, and records the operators that they call: Dynamo cannot look into
# the core, and takes no Function with jvp().


@torch.compiler.allow_in_graph
def formula(text, *operands):
    """The loss with that name and options (as `text_of` writes them) for each element of the operands.

    Parameters
    ----------
    text : str
        "huber:delta=2", "formula: abs(y - t)".
    *operands : Tensor
        In the order of the formula, of one floating dtype on one device. They are broadcast.
    """
    return apply(_plan_of_loss(text, len(operands)), torch.broadcast_tensors(*operands))[0]


def class_terms(text, log_p, target):
    """The terms of a loss of classes, and their derivatives with respect to the log-probability; without a graph."""
    plan = _plan_of_loss(text, 2)
    operands = torch.broadcast_tensors(log_p, target)
    (values,), (slopes,) = plan(*operands), plan.gradient((0,))(*operands, torch.ones_like(operands[0]))
    return values, slopes


@torch.compiler.allow_in_graph
def class_adjustment(text, counts, total, smallest):
    """Shift and margin of each class by the counts of its samples, in a loss of class counts."""
    return _plan_of_class_counts(text)[0](*torch.broadcast_tensors(counts, total, smallest))


@torch.compiler.assume_constant_result
def adjustment_scale(text):
    """The factor of adjusted logits."""
    return _plan_of_class_counts(text)[1]


@torch.compiler.assume_constant_result
def is_of_true_class(text):
    """Whether only the true class of a row contributes to a loss of log-probabilities."""
    return _core.Graph.of_loss(text, 2).of_true_class


def apply(plan, operands):
    """The results of a plan, a tuple, with its own derivatives. A trace without gradients holds operators only."""
    if torch.jit.is_tracing() or is_exporting():
        return plan(*operands)
    return _Formula.apply(plan, *operands)


class Plan:
    """A function of tensors of one shape, made of torch's operators, that returns a tuple.

    Its derivatives are plans, too: `gradient(wanted)` of the operands and the upstream gradients, `tangent(moved)` of the
    operands and the tangents of those at the places `moved`.
    """

    def __init__(self, graph):
        self.graph = graph
        self.run = _compiled(graph)

    def __call__(self, *operands):
        if self.graph.in_float64:
            dtype = operands[0].dtype
            return tuple(result.to(dtype) for result in self.run(*(operand.double() for operand in operands)))
        return self.run(*operands)

    @functools.cache  # noqa: B019  # plans are cached themselves
    def gradient(self, wanted):
        return Plan(self.graph.gradient(list(wanted)))

    @functools.cache  # noqa: B019
    def tangent(self, moved):
        return Plan(self.graph.tangent(list(moved)))


@functools.lru_cache(maxsize=1024)
def _plan_of_loss(text, operands):
    return Plan(_core.Graph.of_loss(text, operands))


@functools.lru_cache(maxsize=1024)
def _plan_of_class_counts(text):
    graph, scale = _core.Graph.of_class_counts(text)
    return Plan(graph), scale


class _Formula(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(plan, *operands):
        return plan(*operands)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.plan, *operands = inputs
        ctx.save_for_backward(*operands)
        ctx.save_for_forward(*operands)

    @staticmethod
    def backward(ctx, *upstream):
        operands = ctx.saved_tensors
        wanted = tuple(i for i in range(len(operands)) if ctx.needs_input_grad[i + 1])
        gradients = iter(apply(ctx.plan.gradient(wanted), (*operands, *upstream)))
        return None, *(next(gradients) if i in wanted else None for i in range(len(operands)))

    @staticmethod
    def jvp(ctx, _, *tangents):
        operands = ctx.saved_tensors
        moved = tuple(i for i, tangent in enumerate(tangents) if tangent is not None)
        return apply(ctx.plan.tangent(moved), (*operands, *(tangents[i] for i in moved)))


# ---- from graphs to torch's operators ----


def _compiled(graph):
    """The program of a graph as a Python function of tensors."""
    steps, outputs = graph.program()
    operands = [f"x{i}" for i in range(graph.inputs)]
    writer = _Writer(operands)
    for step in steps:
        writer.add(*step)
    # Each result is a separate tensor, as autograd expects of a Function: neither an operand nor another result.
    found = [writer.result(output) for output in outputs]
    shared = {text for i, text in enumerate(found) if text in operands or text in found[:i]}
    results = ", ".join(f"{text}.clone()" if text in shared else text for text in found)
    lines = [f"def run({', '.join(operands)}):", *(f"    {line}" for line in writer.lines), f"    return ({results},)"]
    names = {
        "torch": torch,
        "inf": math.inf,
        "nan": math.nan,
        "constant": _constant,
        "log_cosh": _log_cosh,
        "sigmoid": _sigmoid,
        "softplus": softplus,
        "expm1_minus_x": _expm1_minus_x,
        "log1p_minus_x": _log1p_minus_x,
        "log_ratio": _log_ratio,
    }
    exec("\n".join(lines), names)
    return names["run"]


class _Writer:
    """Writes a statement per step; equal steps are written once."""

    def __init__(self, operands):
        self.places = list(operands)  # the variables of operands and steps
        self.lines = []
        self._conditions = set()  # variables that hold booleans
        self._written = {}

    def add(self, name, *operands):
        texts = [self._text(operand) for operand in operands]
        key = name, *texts
        if key not in self._written:
            variable = f"v{len(self.lines)}"
            self.lines.append(f"{variable} = {self._expression(name, texts)}")
            if name in _COMPARISONS or name in _LOGICAL:
                self._conditions.add(variable)
            self._written[key] = variable
        self.places.append(self._written[key])

    def result(self, operand):
        return self._tensor(self._text(operand))

    def _text(self, operand):
        return repr(operand) if isinstance(operand, float) else self.places[operand]

    def _number(self, text):
        return f"{text}.to(x0.dtype)" if text in self._conditions else text

    def _tensor(self, text):
        return f"constant({text}, x0)" if _is_constant(text) else self._number(text)

    def _condition(self, text):
        if text in self._conditions:
            return text
        return f"({self._tensor(text)} != 0)"

    def _expression(self, name, texts):
        if name in _COMPARISONS:
            return f"{self._tensor(texts[0])} {_COMPARISONS[name]} {self._number(texts[1])}"
        if name in _LOGICAL:
            return _LOGICAL[name].format(*map(self._condition, texts))
        if name == "select":
            return f"torch.where({self._condition(texts[0])}, {self._tensor(texts[1])}, {self._number(texts[2])})"
        if name == "zero_unless":
            return f"torch.where({self._condition(texts[0])}, {self._tensor(texts[1])}, 0.0)"
        if name in _BOUNDS:
            tensors = [text for text in texts if not _is_constant(text)]
            if len(tensors) == 1 and _is_constant(texts[1]) | (name in ("min", "max")):
                (bound,) = (text for text in texts if _is_constant(text))
                return f"torch.clamp({self._number(tensors[0])}, {_BOUNDS[name]}={bound})"
        if name in _WITH_CONSTANTS and not all(map(_is_constant, texts)):
            return _WITH_CONSTANTS[name].format(*map(self._number, texts))
        if name == "pow" and _is_constant(texts[1]):
            return f"torch.pow({self._tensor(texts[0])}, {texts[1]})"
        return _FUNCTIONS[name].format(*map(self._tensor, texts))


_COMPARISONS = {
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
_LOGICAL = {"logical_and": "{} & {}", "logical_or": "{} | {}", "logical_not": "~{}"}
# The side of a clamp by a constant.
_BOUNDS = {"min": "max", "max": "min", "clamp_min": "min", "clamp_max": "max"}
# One operand may be a number.
_WITH_CONSTANTS = {"add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "xlogy": "torch.xlogy({}, {})"}
_UNARY = (
    "abs", "square", "sqrt", "exp", "expm1", "log", "log1p", "tanh", "erf", "lgamma", "digamma", "sign",
)  # fmt: skip
_FUNCTIONS = (
    {name: f"torch.{name}({{}})" for name in _UNARY}
    | _WITH_CONSTANTS
    | {
        "negate": "-{}",
        "divide": "{} / {}",
        "pow": "torch.pow({}, {})",
        "min": "torch.minimum({}, {})",
        "max": "torch.maximum({}, {})",
        "clamp_min": "torch.maximum({}, {})",
        "clamp_max": "torch.minimum({}, {})",
        "flip_sign": "torch.where(torch.signbit({1}), -{0}, {0})",
        "log_sigmoid": "torch.nn.functional.logsigmoid({})",
        "softplus": "softplus({})",
        "sigmoid": "sigmoid({})",
        "log_cosh": "log_cosh({})",
        "expm1_minus_x": "expm1_minus_x({})",
        "log1p_minus_x": "log1p_minus_x({})",
        "log_ratio": "log_ratio({}, {})",
        "hypot": "torch.hypot({}, {})",
        "trigamma": "torch.polygamma(1, {})",
    }
)


def _is_constant(text):
    return text[0] not in "xv"


def softplus(x):
    """log(1 + exp(x)). Its derivative is sigmoid(x) everywhere; that of relu(x) + log1p(exp(-abs(x))) is 0 at 0."""
    return -torch.nn.functional.logsigmoid(-x)


def _constant(value, like):
    return torch.full_like(like, value)


def _sigmoid(x):
    # torch's is 0 where exp(-x) overflows.
    return torch.where(x < -40.0, torch.exp(x), torch.sigmoid(x))


def _log_cosh(x):
    # log cosh x = log(1 + 2 sinh(x / 2)^2), which is exact near 0, and |x| + log(1 + exp(-2 |x|)) - log 2, without overflow
    size = torch.abs(x)
    near = torch.log1p(2.0 * torch.square(torch.sinh(0.5 * torch.clamp(size, max=2.0))))
    return torch.where(size < 2.0, near, size + torch.log1p(torch.exp(-2.0 * size)) - math.log(2.0))


def _series(x, coefficients):
    total = coefficients[-1] * x + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        total = total * x + coefficient
    return total


def _expm1_minus_x(x):
    near = torch.abs(x) <= 1.5
    small = torch.where(near, x, 0.0)
    series = small * small * _series(small, _RECIPROCAL_FACTORIALS[: 20 if x.dtype == torch.float64 else 12])
    return torch.where(near, series, torch.where(x == math.inf, x, torch.expm1(x) - x))


def _log1p_minus_x(x):
    # log(1 + x) = 2 atanh(s) for s = x / (2 + x), and 2 s = x - x s
    near = (x >= -0.6) & (x <= 1.5)
    small = torch.where(near, x, 0.0)
    s = small / (2.0 + small)
    square = s * s
    tail = square * _series(square, _ATANH_COEFFICIENTS[: 23 if x.dtype == torch.float64 else 11])
    return torch.where(near, s * (tail - small), torch.where(x == math.inf, -x, torch.log1p(x) - x))


def _log_ratio(a, b):
    near = (a > 0.75 * b) & (a < 1.5 * b)
    quotient = a / b
    limits = torch.finfo(a.dtype)
    is_normal = (quotient >= limits.tiny) & (quotient <= limits.max)
    far = torch.where(is_normal, torch.log(torch.where(is_normal, quotient, 1.0)), torch.log(a) - torch.log(b))
    return torch.where(near, torch.log1p(torch.where(near, (a - b) / b, 0.0)), far)


_RECIPROCAL_FACTORIALS = tuple(1.0 / math.factorial(k + 2) for k in range(20))
_ATANH_COEFFICIENTS = tuple(2.0 / (2 * k + 3) for k in range(23))
