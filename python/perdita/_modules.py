"""The losses as classes with the names of torch.nn: functions with bound options, checked in the constructor."""

import inspect
from typing import Any, NamedTuple

from perdita._catalogue import BOUND_OPERANDS, ENTRIES, call_operands
from perdita._functions import functions, loss_of

CLASSES = {entry["module"]: function for function, entry in ENTRIES.items()}
CLASSES["TripletMarginWithDistanceLoss"] = "triplet_margin_with_distance_loss"


def options_signature(function):
    """The signature of a function without its array arguments."""
    signature = inspect.signature(function)
    operands = call_operands(function.__name__)
    parameters = [p for p in signature.parameters.values() if p.name not in operands]
    return signature.replace(parameters=parameters)


class BoundCall(NamedTuple):
    """A call of a loss without its arrays: what the function makes of its options."""

    function: str
    operands: tuple[Any, ...]
    """None, except for weights."""
    reduction: Any
    normalize_by: Any
    options: dict[str, Any]


def _bound(function, operands, reduction, normalize_by, return_extras, **options):
    return BoundCall(function, operands, reduction, normalize_by, options)


_calls = functions(_bound, None, lambda *arguments: None)


def bound_call(function, options):
    """The call of a function with these options. Raises an error for options that contradict each other."""
    operands = [p for p in inspect.signature(_calls[function]).parameters if p in call_operands(function)]
    return _calls[function](*[None] * len(operands), **options)


def bind_options(name, signature, args, kwargs):
    """All options of a class by name, the given and the default ones. Raises TypeError, ValueError."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name}: {error} (valid: {', '.join(signature.parameters)})") from None
    bound.apply_defaults()
    function = CLASSES[name]
    call = bound_call(function, {key: value for key, value in bound.arguments.items() if key != "distance_function"})
    loss_of(call.function, call.reduction, call.normalize_by, **call.options)
    return dict(bound.arguments)


def sign_constructor(cls):
    """Gives a subclass that has its own constructor the signature of that one, and not its parent's."""
    own = vars(cls)
    if "__init__" in own and "__signature__" not in own:
        parameters = list(inspect.signature(own["__init__"]).parameters.values())
        cls.__signature__ = inspect.Signature(parameters[1:])


def shown_options(signature, options):
    """Options as text, "reduction='sum', delta=2": those that differ from their defaults; weights by their length."""
    return ", ".join(
        f"{name}=[{len(options[name])}]" if name in BOUND_OPERANDS else f"{name}={options[name]!r}"
        for name, parameter in signature.parameters.items()
        if options[name] is not None and not _is_default(options[name], parameter.default)
    )


def _is_default(value, default):
    return value is default or isinstance(default, (bool, int, float, str)) and value == default


def make_classes(base, table, module, parents=lambda name: ()):
    """A subclass of `base` for each loss. table: the functions; module: the name of the module they will be found in;
    parents: further base classes for a name. `_loss` of a class is the name of the loss, which subclasses keep."""
    classes = {}
    for name, function in CLASSES.items():
        signature = options_signature(table[function])
        doc = f"{function} with its options bound: see there.\n\n    loss = {name}(...)(arrays)\n"
        classes[name] = type(
            name,
            (base, *parents(name)),
            {
                "__module__": module,
                "__doc__": doc,
                "__signature__": signature,
                "_loss": name,
                "_function": staticmethod(table[function]),
                "_signature": signature,
            },
        )
    return classes
