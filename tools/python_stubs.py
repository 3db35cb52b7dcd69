"""Writes the type stubs of the Python modules whose functions and classes are made from the catalogue of losses.

usage: python_stubs.py [--check] PACKAGE_FOLDER

Run with the Python that has perdita, NumPy and torch. --check writes nothing and exits with 1 if a stub is not current.
"""

import inspect
import pathlib
import sys
import textwrap

import torch
from stub_texts import (
    ADDABLE,
    HARD_LOSSES,
    NUMPY_CLASSES,
    NUMPY_HEADER,
    PRIVATE,
    TORCH_CLASSES,
    TORCH_HEADER,
    TORCH_LINEAR,
)

import perdita.functional
import perdita.nn
import perdita.ops
import perdita.torch.functional
import perdita.torch.nn
from perdita._catalogue import ARGUMENTS, ENTRIES, meanings_of, roles_of
from perdita._modules import CLASSES
from perdita._options import loss_of

FIRST_LINE = "# Made by tools/python_stubs.py (make stubs).\n"
EMPTY = inspect.Parameter.empty
KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
# Functions that take the operands of another one.
OPERANDS_OF = {"linear_cross_entropy": "cross_entropy", "triplet_margin_with_distance_loss": "triplet_margin_loss"}
# Functions of losses, in stub_texts.py.
OF_LOSSES = {"ohem_mean", "top_k_mean"}
OTHERS = {
    "normalize_by": "Denominator | None",
    "distance_function": "Callable[[Any, Any], Any] | None",
    "q": "Levels",
    "options": "Any",
    "ignore_index": "int",
    "missing": 'Literal["nan"] | None',
    "softcap": "float | None",
}
# Of a function: parameters whose type does not follow from their name or default.
OF_FUNCTION = {
    ("focal_loss", "alpha"): "_Weight | None",
    ("binary_focal_loss", "alpha"): "float | None",
    ("generalized_cross_entropy", "q"): "float",
    ("linear_cross_entropy", "ignore_index"): "int | None",
    ("linear_cross_entropy", "linear_weight"): "_Array",
    ("linear_cross_entropy", "linear_bias"): "_Array | None",
}


def reductions(function):
    """The names of the reductions other than "none" that a loss takes."""
    names = ["mean", "sum"]
    try:
        loss_of(function, "batchmean", None)
    except (KeyError, ValueError):
        return names
    return [*names, "batchmean"]


def operand_of(function, name):
    """(role, meaning) of an operand, or None."""
    function = OPERANDS_OF.get(function, function)
    operands = zip(ARGUMENTS[function], roles_of(function), meanings_of(function), strict=True)
    return next(((role, meaning) for operand, role, meaning in operands if operand == name), None)


def type_of(function, name, default):
    """The type of a parameter other than `reduction` and `return_extras`."""
    if found := OF_FUNCTION.get((function, name)):
        return found
    if name in OTHERS:
        return OTHERS[name]
    if found := operand_of(function, name):
        role, meaning = found
        if meaning in ("lengths", "variances"):
            return {"lengths": "_Lengths", "variances": "_Array | float"}[meaning]
        if role in ("prediction", "target"):
            return "_Array" if default is EMPTY else "_Array | None"
        return "_Weight" if default is EMPTY else "_Weight | None"
    choices = ENTRIES.get(function, {"choices": {}})["choices"]
    if name in choices:
        return f"Literal[{', '.join(map(repr, choices[name]))}]".replace("'", '"')
    return {bool: "bool", int: "int", float: "float"}[type(default)]


def parameter(name, kind, default):
    return f"{name}: {kind}" if default is EMPTY else f"{name}: {kind} = {default!r}".replace("'", '"')


def signature_text(function, parameters, reduction, extras):
    """The parameters as text. reduction: (type, whether it has a default); extras: the same of return_extras."""
    given = {"reduction": reduction, "return_extras": extras}
    texts, is_starred = [], False
    for p in parameters:
        kind, has_default = given.get(p.name) or (type_of(function, p.name, p.default), True)
        must_be_named = p.kind is KEYWORD_ONLY or p.name in given and not has_default
        if must_be_named and not is_starred:
            texts.append("*")
            is_starred = True
        texts.append(parameter(p.name, kind, p.default if has_default else EMPTY))
    return ", ".join(texts)


def overloads(function, parameters, value, losses):
    """A function's stub. value, losses: the type of a reduced loss, and of the losses of reduction="none"."""
    reduced = ", ".join(f'"{name}"' for name in reductions(function))
    any_of_them = f'Literal["none", {reduced}]'
    no_extras = ("Literal[False]", True)
    forms = [((f"Literal[{reduced}]", True), no_extras, value), (('Literal["none"]', False), no_extras, losses)]
    if value == losses:
        forms = [((any_of_them, True), no_extras, value)]
    forms.append(
        ((any_of_them, True), ("Literal[True]", False), f"tuple[{value if value == losses else 'Any'}, LossExtras]")
    )
    forms.append(((any_of_them, True), ("bool", True), "Any"))
    lines = []
    for reduction, extras, result in forms:
        text = signature_text(function, parameters, reduction, extras)
        lines.append(f"@overload\ndef {function}({text}) -> {result}: ...\n")
    return "".join(lines)


def parameters_of(function):
    return list(inspect.signature(function).parameters.values())


def all_text(module):
    names = ", ".join(f'"{name}"' for name in module.__all__)
    return "__all__ = [\n" + textwrap.fill(names, 116, initial_indent="    ", subsequent_indent="    ") + ",\n]\n\n"


def functions_stub(module, header, value, losses, more=""):
    names = [name for name in module.__all__ if name not in OF_LOSSES]
    functions = [overloads(name, parameters_of(getattr(module, name)), value, losses) for name in names]
    return FIRST_LINE + header + "\n" + all_text(module) + "".join(functions) + HARD_LOSSES + more


def options_text(function, parameters):
    names = '"none", ' + ", ".join(f'"{name}"' for name in reductions(function))
    return signature_text(function, parameters, (f"Literal[{names}]", True), ("bool", True))


def class_stub(name, bases, function, module, call):
    """A loss as a class. call: "__call__" or "forward"."""
    options = options_text(function, inspect.signature(getattr(module, name)).parameters.values())
    arrays = [
        p for p in parameters_of(getattr(FUNCTIONS_OF[module], function)) if p.name not in options_of(module, name)
    ]
    operands = ", ".join(parameter(p.name, type_of(function, p.name, p.default), p.default) for p in arrays)
    more = ", **options: Any" if call == "forward" else ""
    others = getattr(torch.nn, name, None) if call == "forward" else None
    has_names_of_torch = (
        others is None or [p.name for p in arrays] == list(inspect.signature(others.forward).parameters)[1:]
    )
    ignored = "" if has_names_of_torch else "  # type: ignore[override]"
    return (
        f"class {name}({bases}):\n    def __init__(self, {options}) -> None: ...\n"
        f"    def {call}(self, {operands}{more}) -> Any: ...{ignored}\n\n"
    )


def options_of(module, name):
    return inspect.signature(getattr(module, name)).parameters


FUNCTIONS_OF = {perdita.nn: perdita.functional, perdita.torch.nn: perdita.torch.functional}


def numpy_classes():
    header = NUMPY_HEADER.replace("import numpy as np\n", "").replace(
        "import LossExtras\n", "import SumExtras\nfrom perdita._formula import Formula\n"
    )
    classes = [class_stub(name, "Loss", function, perdita.nn, "__call__") for name, function in CLASSES.items()]
    return (
        FIRST_LINE
        + header
        + "\n"
        + all_text(perdita.nn)
        + ADDABLE
        + NUMPY_CLASSES
        + "".join(classes).rstrip("\n")
        + "\n"
    )


def torch_classes():
    header = (
        TORCH_HEADER.replace(", overload", "")
        .replace("from perdita._extras import LossExtras\n", "from perdita._formula import Formula\n")
        .replace("from torch import Tensor", "import torch\nfrom torch import Tensor")
    )
    classes = []
    for name, function in CLASSES.items():
        bases = f"Loss, torch.nn.{name}" if hasattr(torch.nn, name) else "Loss"
        classes.append(class_stub(name, bases, function, perdita.torch.nn, "forward"))
    linear = TORCH_LINEAR if hasattr(torch.nn, "LinearCrossEntropyLoss") else ""
    body = ADDABLE + TORCH_CLASSES + linear + "".join(classes).rstrip("\n") + "\n"
    return FIRST_LINE + header + "\n" + all_text(perdita.torch.nn) + body


def with_denominators(text):
    """For torch a denominator may be a number, too."""
    return text.replace("normalize_by: Denominator", "normalize_by: _Denominator")


def ops_stub():
    from perdita._symbols import FUNCTIONS

    lines = []
    for name in perdita.ops.__all__:
        if name == "param":
            lines.append("def param(name: str, initial: float = 0.0) -> Any: ...\n")
            continue
        required = [f"{each}: Any" for each in FUNCTIONS[name][0] if "*" not in each]
        more = [f"{each}: Any" for each in FUNCTIONS[name][0] if "*" in each]
        text = ", ".join([*required, "/", *more])
        if name == "clamp":
            text = "x: Any, min: Any = None, max: Any = None"
        lines.append(f"def {name}({text}) -> Any: ...\n")
    return FIRST_LINE + "from typing import Any\n\n" + all_text(perdita.ops) + "".join(lines)


def stubs():
    """Path below the package -> text."""
    numpy_types = "np.floating[Any]", "NDArray[Any]"
    return {
        "functional.pyi": functions_stub(perdita.functional, NUMPY_HEADER, *numpy_types, PRIVATE),
        "nn.pyi": numpy_classes(),
        "ops.pyi": ops_stub(),
        "torch/functional.pyi": with_denominators(
            functions_stub(perdita.torch.functional, TORCH_HEADER, "Tensor", "Tensor")
        ),
        "torch/nn.pyi": with_denominators(torch_classes()),
    }


def main():
    is_check = sys.argv[1:2] == ["--check"]
    folder = pathlib.Path(sys.argv[-1])
    stale = []
    for name, text in stubs().items():
        path = folder / name
        if is_check and (not path.exists() or path.read_text() != text):
            stale.append(str(path))
        elif not is_check:
            path.write_text(text)
    if stale:
        print(f"not current: {', '.join(stale)} (make stubs writes them)")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
