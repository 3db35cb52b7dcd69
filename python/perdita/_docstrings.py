"""Docstrings of the loss functions, generated from the catalogue."""

from perdita import _core

_COMMON = """
Keywords of all losses:
    reduction: 'none' gives a loss an element (a row, for losses over classes or vectors), 'sum' their sum, 'mean' their
        sum over a denominator.
    normalize_by: the denominator of a mean: 'count' (losses that count), 'weight_sum' or 'batch' (size of the first
        dimension). None is PyTorch's choice for this loss.
    return_extras: gives (loss, extras), with extras.numerator, .denominator, .losses (as 'none' gives) and, for losses
        of logits and class indices, .margins and .hits, all from the same pass.
    validate: checks that inputs and targets lie where the loss is defined (targets of 1 and -1, probabilities, positive
        amounts), at the cost of a pass over memory; perdita.set_validation(True) does so for all losses.

Raises ValueError (perdita.errors.ShapeError, DomainError, LabelError) or TypeError (DTypeError), naming the argument,
what it is, what is valid and, where it lies in the data, the first such element."""


def docstring(name):
    """What the catalogue says of a loss."""
    entry = _core.describe(_DESCRIBED_AS.get(name, name))
    lines = [entry["summary"], "", *_MORE.get(name, ())]
    lines += ["Operands:", *(f"    {line}" for line in entry["operands"]), "", f"Result: {entry['losses']}.", ""]
    if entry["variables"]:
        lines += [f"The formula is of {entry['variables']}.", ""]
    if entry["parameters"]:
        lines += ["Parameters:", *(f"    {line}" for line in entry["parameters"]), ""]
    lines += [f"{title}: {entry[key]}." for title, key in _SECTIONS if entry[key]]
    return "\n".join(lines) + "\n" + _COMMON


_MORE = {
    "focal_loss": (
        "alpha: a number, or one for each class, that multiplies losses; as weight, with a mean by 'count'.",
        "",
    ),
    "binary_focal_loss": ("alpha: None or below 0 weighs nothing, as torchvision has it.", ""),
    "quantile_loss": (
        "q may be a sequence of Q numbers: input is [..., Q] then, target [...], and there is a loss an input.",
        "",
    ),
}
_DESCRIBED_AS = {"triplet_margin_with_distance_loss": "triplet_margin_loss"}
_SECTIONS = (
    ("Use it when", "use_when"),
    ("Not when", "avoid_when"),
    ("Source", "source"),
    ("Differs from PyTorch", "differences"),
)
