"""What the core's list of losses says of each: names, operands, options; and functions made from that alone."""

import functools
from typing import Any

from perdita import _core

ENTRIES = {entry["function"]: entry for entry in _core.signatures()}

# A formula that a user wrote, of elements or of classes.
FORMULAS = ("formula", "class_formula")
# Every function's signature: of the losses of the list, and of formulas.
_SIGNATURES = ENTRIES | _core.formula_signatures()

# function -> the names of its operands, in the order the core takes them.
ARGUMENTS = {name: [operand["name"] for operand in entry["operands"]] for name, entry in _SIGNATURES.items()}


def deciding(function):
    """The operands whose types make that of the loss, where they are not of one type."""
    return [operand["name"] for operand in _SIGNATURES[function]["operands"] if operand["decides"]]


def unit_of(function):
    """What one loss of reduction 'none' is of: 'element', 'row', 'vector', 'mask' or 'sequence'."""
    return _SIGNATURES[function]["unit"]


def roles_of(function):
    """'prediction', 'target', 'side information' or 'weight', for each operand."""
    return [operand["role"] for operand in _SIGNATURES[function]["operands"]]


def meanings_of(function):
    """What each operand's numbers are, as 'logits'."""
    return [operand["meaning"] for operand in _SIGNATURES[function]["operands"]]


def takes_class_probabilities(function):
    """Whether the target may be probabilities of a row's classes."""
    return _SIGNATURES[function]["takes_class_probabilities"]


_CLASS_OPTIONS = ("ignore_index=-100", 'reduction="mean"', "label_smoothing=0.0")
# Of a kind: the arrays that come first, the weight after the loss's own options, and what follows.
_FORMS = {
    "pair": (("input", "target"), (), ('reduction="mean"',)),
    "softmax": (("input", "target"), ("weight",), _CLASS_OPTIONS),
    "frequency": (("input", "target", "class_counts"), ("weight",), _CLASS_OPTIONS),
    "overlap": (("input", "target"), ("weight",), ('reduction="mean"',)),
}


def make_function(entry, call, as_array):
    """The function of a loss whose signature follows from its entry, as those of losses that torch lacks do. It is
    compiled from text, as dataclasses do it: a call costs what a call of a function written by hand does. as_array: see
    functions()."""
    arrays, weights, common = _FORMS[entry["kind"]]
    own = [name for name, _ in entry["parameters"]]
    parameters = [
        *arrays,
        *(f"{name}={default!r}" for name, default in entry["parameters"]),
        *(f"{weight}=None" for weight in weights),
        *common,
    ]
    options = own + [option.split("=")[0] for option in common if not option.startswith("reduction")]
    name, operands = entry["function"], ", ".join((*arrays, *weights))
    # `call` is a variable of an outer function, for torch.compile looks up a global in the module of that name.
    text = (
        f"def outer(call, checked, as_array):\n"
        f"    def {name}({', '.join(parameters)}, *, normalize_by=None, return_extras=False, "
        f"validate=False):\n"
        + "".join(f"        {w} = {w} if {w} is None else as_array({w}, input)\n" for w in (*arrays[2:], *weights))
        + f"        return (checked if validate else call)({name!r}, ({operands}), reduction, normalize_by, return_extras"
        f"{''.join(f', {option}={option}' for option in options)})\n"
        f"    return {name}\n"
    )
    scope: dict[str, Any] = {"__name__": __name__}
    exec(text, scope)
    return scope["outer"](call, functools.partial(call, validate=True), as_array)
