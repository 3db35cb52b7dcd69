"""Docstrings of the loss functions, generated from the catalogue."""

from perdita import _core

_COMMON = """
Keywords of all losses:
    reduction: 'none' returns one loss per element (per row for losses over classes or vectors), 'sum' their sum, 'mean'
        their sum divided by a denominator.
    normalize_by: the denominator of a mean: 'count' (number of losses that are not ignored), 'weight_sum' or 'batch'
        (size of the first dimension). None selects the denominator of PyTorch for this loss. For torch tensors also a number
        or a tensor without dimensions, for example a count over all processes: the sum of the losses is divided by it.
    return_extras: whether to return (loss, extras), with extras.numerator, .denominator, .losses (those of 'none') and,
        for losses of logits and class indices, .margins and .hits, all computed in the same pass.
    validate: whether to check that inputs and targets lie in the domain of the loss (targets of 1 and -1,
        probabilities, positive amounts), at the cost of a pass over memory; perdita.set_validation(True) enables this
        for all losses.
    missing: of losses of an input and a target element, 'nan' leaves out elements whose target is NaN: their losses and
        gradients are 0, even if the input is NaN or infinite there, and denominators do not count them.
    label_smoothing: of losses of labels from 0 to 1, s, by which a label t becomes (1 - s) t + s / 2.

Raises ValueError (perdita.errors.ShapeError, DomainError, LabelError) or TypeError (DTypeError). The message names the
argument, its value, the valid values and, for elements of an array, the index of the first invalid one."""


def docstring(name):
    """The docstring of a loss, from its catalogue entry."""
    entry = _core.describe(_DESCRIBED_AS.get(name, name))
    lines = [entry["summary"], "", *_MORE.get(name, ())]
    lines += ["Operands:", *(f"    {line}" for line in entry["operands"]), "", f"Result: {entry['losses']}.", ""]
    if entry["variables"]:
        lines += [f"Variables: {entry['variables']}.", ""]
    if entry["parameters"]:
        lines += ["Parameters:", *(f"    {line}" for line in entry["parameters"]), ""]
    lines += [f"{title}: {entry[key]}." for title, key in _SECTIONS if entry[key]]
    return "\n".join(lines) + "\n" + _COMMON


_MORE = {
    "focal_loss": (
        "alpha: factor of the losses, a number or one per class; one per class acts as weight, with a mean by 'count'.",
        "",
    ),
    "binary_focal_loss": ("alpha: None or a negative number disables the weighting, as in torchvision.", ""),
    "quantile_loss": (
        "q may be a sequence of Q numbers: then input is [..., Q], target [...], and there is one loss per input.",
        "",
    ),
}
_DESCRIBED_AS = {"triplet_margin_with_distance_loss": "triplet_margin_loss"}
_SECTIONS = (
    ("Use it when", "use_when"),
    ("Avoid it when", "avoid_when"),
    ("Source", "source"),
    ("Differs from PyTorch", "differences"),
)
