"""What the core's list of losses says of each: names, operands, options; and functions made from that alone."""

import functools
from typing import Any

from perdita import _core

ENTRIES = {entry["function"]: entry for entry in _core.signatures()}

# Of the losses whose operands are not those of their kind.
_OPERANDS = {
    "margin_ranking_loss": ["input1", "input2", "target"],
    "cosine_embedding_loss": ["input1", "input2", "target"],
    "triplet_margin_loss": ["anchor", "positive", "negative"],
}
_OPERANDS_OF_KIND = {
    "pair": ["input", "target", "weight", "pos_weight"],
    "triple": ["input", "target", "var"],
    "softmax": ["input", "target", "weight"],
    "frequency": ["input", "target", "class_counts", "weight"],
    "picking": ["input", "target", "weight"],
    "comparing": ["input", "target", "weight"],
    "overlap": ["input", "target", "weight"],
    "sequence": ["log_probs", "targets", "input_lengths", "target_lengths"],
}

# A formula that a user wrote, of elements or of classes.
FORMULAS = ("formula", "class_formula")

# function -> the names of its operands, in the order the core takes them.
ARGUMENTS = {name: _OPERANDS.get(name, _OPERANDS_OF_KIND[entry["kind"]]) for name, entry in ENTRIES.items()}
ARGUMENTS |= {name: ["input", "target", "weight"] for name in FORMULAS}

# Which operands decide, where they are not of one type. Of each of torch's losses what torch does.
_ALL = ("input", "target", "var", "weight")
_DECIDING = {
    "binary_cross_entropy": ("input",),
    "binary_cross_entropy_with_logits": ("target",),
    "cosine_embedding_loss": ("input1", "input2"),
    "cross_entropy": _ALL,
    "ctc_loss": ("log_probs",),
    "gaussian_nll_loss": _ALL,
    "hinge_embedding_loss": ("input",),
    "huber_loss": ("input", "weight"),
    "kl_div": _ALL,
    "l1_loss": _ALL,
    "margin_ranking_loss": ("input1", "input2", "target"),
    "mse_loss": _ALL,
    "multi_margin_loss": ("input",),
    "multilabel_margin_loss": ("input",),
    "multilabel_soft_margin_loss": _ALL,
    "nll_loss": ("input",),
    "poisson_nll_loss": _ALL,
    "smooth_l1_loss": _ALL,
    "soft_margin_loss": ("input",),
    "triplet_margin_loss": ("anchor", "positive", "negative"),
}


def deciding(function):
    """The operands whose types make that of the loss."""
    if function in _DECIDING:
        return list(_DECIDING[function])
    arguments = ARGUMENTS[function]
    return arguments[:2] if ENTRIES.get(function, {}).get("promotes", True) else arguments[:1]


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
