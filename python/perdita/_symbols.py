"""Symbols: numbers that record the operations applied to them, for formulas given as functions."""

import inspect
import numbers

from perdita import _core
from perdita.errors import DTypeError

# How tightly an operator binds in a formula's text, and what stands there.
_BINARY = {
    "|": 0, "&": 1, "<": 2, "<=": 2, ">": 2, ">=": 2, "==": 2, "!=": 2, "+": 3, "-": 3, "*": 4, "/": 4, "^": 6,
}  # fmt: skip
_SIGN, _POWER, _ATOM = 5, 6, 7

# name -> the names of its parameters, where "*more" stands for any number of them; and its docstring.
FUNCTIONS = {entry["name"]: (entry["parameters"].split(), entry["description"]) for entry in _core.formula_functions()}

# Their names in NumPy and torch.
_ELSEWHERE = {
    "absolute": "abs", "fabs": "abs", "maximum": "max", "minimum": "min", "fmax": "max", "fmin": "min", "power": "pow",
    "float_power": "pow", "logsigmoid": "log_sigmoid", "where": "select", "clip": "clamp", "copysign": "copy_sign",
    "special_xlogy": "xlogy", "special_erf": "erf", "special_expit": "sigmoid", "gammaln": "lgamma", "sgn": "sign",
}  # fmt: skip
_OPERATORS_ELSEWHERE = {
    "add": "+", "subtract": "-", "sub": "-", "multiply": "*", "mul": "*", "divide": "/", "true_divide": "/", "div": "/",
    "less": "<", "lt": "<", "less_equal": "<=", "le": "<=", "greater": ">", "gt": ">", "greater_equal": ">=", "ge": ">=",
    "equal": "==", "eq": "==", "not_equal": "!=", "ne": "!=", "logical_and": "&", "logical_or": "|",
    "bitwise_and": "&", "bitwise_or": "|",
}  # fmt: skip
_BRANCH = (
    "formula: it is for many elements at once, so it cannot branch on one: write perdita.ops.select(condition, a, b) for "
    "if and else, perdita.ops.max(a, b) for max(a, b), & for and, | for or, ~ for not"
)


class Symbol:
    """A number without a value. `head` is the name of an input, an operator or a function; `parts` are its operands."""

    __slots__ = ("head", "parts")
    __hash__ = object.__hash__

    def __init__(self, head, *parts):
        self.head = head
        self.parts = tuple(part if isinstance(part, Symbol) else _constant(part) for part in parts)

    def __neg__(self):
        return Symbol("-", self)

    def __pos__(self):
        return self

    def __abs__(self):
        return Symbol("abs", self)

    def __invert__(self):
        return Symbol("!", self)

    def __bool__(self):
        raise DTypeError(_BRANCH)

    def __float__(self):
        raise DTypeError(
            "formula: y and t are symbols without a value (valid: perdita.ops.exp(y) instead of math.exp(y), and so on)"
        )

    __int__ = __index__ = __float__

    def __iter__(self):
        raise DTypeError("formula: y and t are single elements and not iterable (valid: elementwise expressions)")

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        function = FUNCTIONS_BY_NAME.get(_ELSEWHERE.get(name, name))
        if function is None:
            raise DTypeError(
                f"formula: symbols have no attribute {name!r} (valid: operators, and {', '.join(FUNCTIONS)})"
            )
        return lambda *arguments, **keywords: function(self, *arguments, **keywords)

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        if method != "__call__" or keywords:
            raise DTypeError(
                f"formula: numpy.{ufunc.__name__}.{method} with {sorted(keywords)} is not supported (valid: a call with "
                "operands only)"
            )
        return _apply(ufunc.__name__, inputs, {})

    def __array_function__(self, function, types, args, kwargs):
        return _apply(function.__name__, args, kwargs)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return _apply(function.__name__.strip("_"), args, kwargs or {})

    def __repr__(self):
        return text_of(self)


def _define_operators():
    def operator(symbol, swapped):
        return lambda self, other: Symbol(symbol, other, self) if swapped else Symbol(symbol, self, other)

    names = {"+": "add", "-": "sub", "*": "mul", "/": "truediv", "^": "pow", "&": "and", "|": "or"}
    for symbol, name in names.items():
        setattr(Symbol, f"__{name}__", operator(symbol, False))
        setattr(Symbol, f"__r{name}__", operator(symbol, True))
    comparisons = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
    for symbol, name in comparisons.items():
        setattr(Symbol, f"__{name}__", operator(symbol, False))


_define_operators()


class _Constant(Symbol):
    __slots__ = ()

    def __init__(self, value):
        self.head, self.parts = value, ()


def _constant(value):
    if getattr(value, "requires_grad", False):
        raise DTypeError(
            "formula: it contains a tensor that requires grad, which would be treated as a constant (valid: tensor.item() "
            "or tensor.detach() for a constant; to train the tensor, use torch operators outside the formula)"
        )
    if isinstance(value, numbers.Real) or getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _Constant(float(value))
    shape = getattr(value, "shape", None)
    what = f"an array of shape {list(shape)}" if shape is not None else repr(value)
    raise DTypeError(
        f"formula: it contains {what} (valid: numbers; arrays are passed in the call, as input, target or weight)"
    )


def _apply(name, arguments, keywords):
    """The function of NumPy or torch with this name."""
    if name in ("negative", "neg"):
        return -arguments[0]
    if name in ("positive", "logical_not", "bitwise_not", "invert"):
        return arguments[0] if name == "positive" else ~arguments[0]
    if name in ("reciprocal", "relu"):
        return 1 / arguments[0] if name == "reciprocal" else Symbol("max", arguments[0], 0.0)
    if name == "logaddexp" and len(arguments) == 2:
        a, b = arguments
        return Symbol("+", Symbol("max", a, b), Symbol("softplus", -abs(a - b)))
    if name in ("rsub",):
        return arguments[1] - arguments[0]
    if name in _OPERATORS_ELSEWHERE and len(arguments) == 2 and not keywords:
        return Symbol(_OPERATORS_ELSEWHERE[name], *arguments)
    function = FUNCTIONS_BY_NAME.get(_ELSEWHERE.get(name, name))
    if function is None:
        raise DTypeError(f"formula: unsupported function {name} (valid: operators, and {', '.join(FUNCTIONS)})")
    return function(*arguments, **keywords)


def _function(name, parameters, docstring):
    required = [each for each in parameters if not each.startswith("*")]

    def function(*arguments):
        is_chain = len(arguments) > len(required) < len(parameters)
        if len(arguments) != len(required) and not is_chain:
            raise DTypeError(f"{name}: got {len(arguments)} arguments (valid: {len(required)})")
        if not any(isinstance(argument, Symbol) for argument in arguments):
            raise DTypeError(f"{name}: got {arguments!r} (valid: symbols, in a function passed to perdita.formula)")
        return Symbol(name, *arguments)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = docstring
    kinds = {True: inspect.Parameter.VAR_POSITIONAL, False: inspect.Parameter.POSITIONAL_ONLY}
    signature = [inspect.Parameter(each.strip("*"), kinds["*" in each]) for each in parameters]
    function.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]  # of inspect, unknown to typeshed
    return function


def _clamp(x, min=None, max=None):
    """x, but at least min and at most max; None for no bound."""
    low, high = float("-inf") if min is None else min, float("inf") if max is None else max
    if not any(isinstance(argument, Symbol) for argument in (x, low, high)):
        raise DTypeError(f"clamp: got {x!r} (valid: symbols, in a function passed to perdita.formula)")
    return Symbol("clamp", x, low, high)


def param(name, initial=0.0):
    """A number that is learned, with its first value: a parameter of perdita.torch.nn.FormulaLoss. Elsewhere it has that
    value."""
    if not isinstance(name, str) or not name.isidentifier():
        raise DTypeError(f"param: name is {name!r} (valid: a name such as 'sigma')")
    return Symbol(f"param({name}, {float(initial)!r})")


_clamp.__name__ = _clamp.__qualname__ = "clamp"
FUNCTIONS_BY_NAME = {name: _function(name, *described) for name, described in FUNCTIONS.items()} | {"clamp": _clamp}


def text_of(symbol):
    """The formula as text; what is used several times gets a name."""
    order, uses = _order(symbol)
    texts: dict[int, tuple[str, int]] = {}
    definitions: list[str] = []
    for node in order:
        text, binding = _notation(node, texts)
        if uses[id(node)] > 1 and node.parts:
            name = f"v{len(definitions) + 1}"
            definitions.append(f"{name} = {text}")
            text, binding = name, _ATOM
        texts[id(node)] = text, binding
    text = texts[id(symbol)][0]
    return f"{text} where {'; '.join(definitions)}" if definitions else text


def _order(root):
    """Every node after its operands, and how often each is used."""
    order, uses, stack = [], {id(root): 1}, [(root, iter(root.parts))]
    while stack:
        node, parts = stack[-1]
        part = next(parts, None)
        if part is None:
            order.append(node)
            stack.pop()
        elif id(part) in uses:
            uses[id(part)] += 1
        else:
            uses[id(part)] = 1
            stack.append((part, iter(part.parts)))
    return order, uses


def _notation(node, texts):
    """The text of a node, and how tightly it binds."""

    def part(index, at_least):
        text, binding = texts[id(node.parts[index])]
        return text if binding >= at_least else f"({text})"

    if isinstance(node, _Constant):
        text = repr(node.head)
        return text, _SIGN if text.startswith("-") else _ATOM
    if not node.parts:
        return node.head, _ATOM
    if len(node.parts) == 1 and node.head in ("-", "!"):
        return node.head + part(0, _SIGN), _SIGN
    if node.head in _BINARY:
        binding = _BINARY[node.head]
        if binding == _POWER:
            return f"{part(0, _ATOM)}^{part(1, _POWER)}", _POWER
        left = binding + 1 if binding == 2 else binding
        return f"{part(0, left)} {node.head} {part(1, binding + 1)}", binding
    return f"{node.head}({', '.join(part(i, 0) for i in range(len(node.parts)))})", _ATOM
