"""Names, operands and options of the losses in the list of the core, and functions generated from them."""

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
    """The unit of one loss of reduction 'none': 'element', 'row', 'vector', 'mask' or 'sequence'."""
    return _SIGNATURES[function]["unit"]


def roles_of(function):
    """'prediction', 'target', 'side information' or 'weight', for each operand."""
    return [operand["role"] for operand in _SIGNATURES[function]["operands"]]


def meanings_of(function):
    """The meaning of each operand, for example 'logits'."""
    return [operand["meaning"] for operand in _SIGNATURES[function]["operands"]]


def is_optional(function):
    """Whether each operand may be None."""
    return [operand["optional"] for operand in _SIGNATURES[function]["operands"]]


def mean_of(function):
    """The denominator of a mean: 'count' or 'weight_sum'."""
    return _SIGNATURES[function]["mean"]


def broadcasts(function):
    """Whether input and target may have different shapes."""
    return _SIGNATURES[function]["broadcasts"]


def grows_input(function):
    """Whether the input may be broadcast to the target."""
    return _SIGNATURES[function]["grows_input"]


def is_of_class_rows(function):
    """Whether the loss takes rows of class logits or log-probabilities."""
    return _SIGNATURES[function]["of_class_rows"]


def is_of_several_operands(function):
    """Whether the loss is a formula of an element of each of its operands, more than an input and a target."""
    return _SIGNATURES[function]["of_several_operands"]


def takes_class_counts(function):
    """Whether the loss takes the number of samples of each class."""
    return "counts" in meanings_of(function)


def takes_class_probabilities(function):
    """Whether the target may be probabilities of a row's classes."""
    return _SIGNATURES[function]["takes_class_probabilities"]


def is_bound(operand):
    """Whether a module has the operand as an option: weights, and class counts, are the same at each call."""
    return operand["role"] == "weight" or operand["role"] == "side information" and operand["meaning"] == "counts"


def call_operands(function):
    """Names of the operands that each call of a function brings. An operand of one loss may be an option of another."""
    entries = [ENTRIES[function]] if function in ENTRIES else ENTRIES.values()
    return {o["name"] for entry in entries for o in entry["operands"] if not is_bound(o)}


# Names of those that modules have as options.
BOUND_OPERANDS = {o["name"] for entry in ENTRIES.values() for o in entry["operands"] if is_bound(o)}


def _with_default(operand):
    return f"{operand['name']}=None" if operand["optional"] else operand["name"]


def _parameters_of(entry):
    """The parameters of the function: operands, the loss's own options, weights, and the options all have."""
    operands = [o for o in entry["operands"] if o["role"] != "weight"]
    weights = [_with_default(o) for o in entry["operands"] if o["role"] == "weight"]
    own = [f"{name}={default!r}" for name, default in entry["parameters"]]
    reduction = ['reduction="mean"']
    if entry["of_class_rows"]:
        smoothing = ["label_smoothing=0.0"] * entry["takes_class_probabilities"]
        common = [*weights, "ignore_index=-100", *reduction, *smoothing]
    else:
        common = [*reduction, *weights] if entry["unit"] == "element" else [*weights, *reduction]
    return [*map(_with_default, operands), *own, *common]


def call_with_options(call, validate=False, missing=None, label_smoothing=0.0):
    """A call with the options of families of losses that differ from their defaults."""
    options = {"validate": True} if validate else {}
    if missing is not None:
        options["missing"] = missing
    if label_smoothing:
        options["label_smoothing"] = label_smoothing
    return functools.partial(call, **options)


def make_function(entry, call, as_array):
    """The function of a loss whose signature follows from its entry, as those of losses that torch lacks do. It is
    compiled from text, like the methods of dataclasses, so that a call is as fast as that of a handwritten function.
    as_array: see functions()."""
    operands = [o["name"] for o in entry["operands"]]
    parameters = _parameters_of(entry)
    names = [parameter.split("=")[0] for parameter in parameters]
    options = [name for name in names if name not in operands and name != "reduction"]
    others = [o["name"] for o in entry["operands"] if o["role"] in ("weight", "side information")]
    name, first = entry["function"], operands[0]
    of_family = ["missing"] * entry["takes_missing"] + ["label_smoothing"] * entry["smooths_labels"]
    defaults = {"missing": "None", "label_smoothing": "0.0"}
    more = "".join(f", {option}={defaults[option]}" for option in of_family)
    chosen = f"chosen({', '.join(['validate', *of_family])}) if {' or '.join(['validate', *of_family])} else call"
    # `call` is a variable of an outer function, for torch.compile looks up a global in the module of that name.
    text = (
        f"def outer(call, chosen, as_array):\n"
        f"    def {name}({', '.join(parameters)}, *, normalize_by=None, return_extras=False, "
        f"validate=False{more}):\n"
        + "".join(f"        {each} = {each} if {each} is None else as_array({each}, {first})\n" for each in others)
        + f"        return ({chosen})({name!r}, ({', '.join(operands)}), reduction, normalize_by, "
        f"return_extras{''.join(f', {option}={option}' for option in options)})\n"
        f"    return {name}\n"
    )
    scope: dict[str, Any] = {"__name__": __name__}
    exec(text, scope)
    return scope["outer"](call, functools.partial(call_with_options, call), as_array)
