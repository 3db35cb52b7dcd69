"""Losses of single elements, by the formula of their graph."""

import inspect
import warnings

import torch

from perdita._catalogue import ENTRIES, broadcasts, grows_input, roles_of
from perdita.errors import GraphError, ShapeError
from perdita.torch._composed.formula import formula
from perdita.torch._composed.reduce import reduce_elements


def elementwise_loss(call):
    """Losses of an input and a target, with a weight of positives where the formula has one."""
    input, target, present = elements_of(call)
    pos_weight = call.number("pos_weight")
    losses = formula(call.text, input, target, *([] if pos_weight is None else [pos_weight]))
    return reduce_elements(call, losses, input, present)


def elements_of(call):
    """Input, target with smoothed labels, and where it is not missing; None if no element may be missing."""
    input, target, present = call.number("input"), call.number("target"), None
    check_broadcast(call, input, target)
    if call.option("missing") == "nan" and target.is_floating_point():
        # In any domain, so that neither the loss nor its derivative is NaN there.
        present = target == target
        input, target = torch.where(present, input, 0.5), torch.where(present, target, 0.5)
    share = call.option("label_smoothing", 0.0)
    return input, target * (1.0 - share) + 0.5 * share if share else target, present


def binary_cross_entropy(call):
    """Of probabilities. Near 0 and 1, where torch bounds x (1 - x) in the derivative from below, the loss is a Taylor
    series about the input, whose terms are 0: its derivatives are those of the kernels to the second order."""
    input, target, present = elements_of(call)
    at, least = input.detach(), 9.999999960041972e-13  # 1e-12 as torch stores it
    is_bounded = at * (1.0 - at) <= least
    step = torch.where(is_bounded, input - at, 0.0)
    series = step * ((at - target) / least) + 0.5 * torch.square(step) / least
    losses = formula(call.text, torch.where(is_bounded, at, input), target) + torch.where(is_bounded, series, 0.0)
    return reduce_elements(call, losses, input, present)


def quantile_loss(call):
    """Of one quantile, or of several, which are the last dimension of the input."""
    levels = call.option("q")
    if not isinstance(levels, tuple):
        return elementwise_loss(call)
    input, target = call.number("input"), call.number("target")
    if input.shape != (*target.shape, len(levels)):
        raise ShapeError(
            f"quantile_loss: input has shape {list(input.shape)}, but target has {list(target.shape)} and q has "
            f"{len(levels)} numbers (valid: {[*target.shape, len(levels)]})"
        )
    present = target == target if call.option("missing") == "nan" else None
    if present is not None:
        target, present = torch.where(present, target, 0.5), present.unsqueeze(-1)
        input = torch.where(present, input, 0.5)
    columns = [formula(f"quantile:q={q!r}", y, target) for q, y in zip(levels, input.unbind(-1), strict=True)]
    return reduce_elements(call, torch.stack(columns, -1), input, present)


def gaussian_nll_loss(call):
    input, target, variance = call.number("input"), call.number("target"), call.number("var")
    check_broadcast(call, input, target)
    if variance.dim() + 1 == input.dim():
        variance = variance.unsqueeze(-1)
    fits = variance.dim() in (0, input.dim())
    if not fits or any(v not in (1, n) for v, n in zip(variance.shape[::-1], input.shape[::-1], strict=False)):
        raise ShapeError(
            f"gaussian_nll_loss: var has shape {list(variance.shape)}, but input has {list(input.shape)} (valid: the same, "
            f"without the last size, or with sizes of 1)"
        )
    # As in torch, the clamp of the variance is outside the graph: its gradient is that without the clamp. The least number
    # as eps switches off the clamp of the formula.
    eps = float(call.option("eps"))
    clamped = torch.where(variance <= eps, eps + (variance - variance.detach()), variance)
    full = "true" if call.option("full") else "false"
    return reduce_elements(call, formula(f"gaussian_nll:full={full},eps=5e-324", input, target, clamped), input)


def margin_ranking_loss(call):
    input1, input2, target = call.number("input1"), call.number("input2"), call.number("target")
    if not input1.dim() == input2.dim() == target.dim():
        raise ShapeError(
            f"margin_ranking_loss: input1 has shape {list(input1.shape)}, input2 {list(input2.shape)} and target "
            f"{list(target.shape)} (valid: the same rank)"
        )
    return reduce_elements(call, formula(call.text, input1 - input2, target), input1)


def several_operands_loss(call):
    """Losses of several operands, in the order of the signature."""
    entry = ENTRIES[call.function]["operands"]
    for operand in entry:
        tensor = call.given(operand["name"])
        if operand["role"] == "side information" and tensor is not None and tensor.requires_grad:
            raise GraphError(
                f"{call.function}: {operand['name']} requires a gradient (valid: a constant, for example the tensor's "
                f"detach())"
            )
    names = [operand["name"] for operand in entry if operand["role"] != "weight"]
    operands = [call.number(name) for name in names]
    shapes = [operand.shape for operand in operands]
    try:
        common = torch.broadcast_shapes(*shapes)
    except RuntimeError:
        common = None
    if common is None or common not in shapes:
        of_all = ", ".join(f"{name} {list(shape)}" for name, shape in zip(names, shapes, strict=True))
        raise ShapeError(
            f"{call.function}: the operands have shapes {of_all} (valid: shapes that broadcast to one of them)"
        )
    return reduce_elements(call, formula(call.text, *operands))


def check_broadcast(call, input, target):
    """Checks shapes, and warns where they differ, as the kernels do."""
    if input.shape == target.shape:
        return
    try:
        shape = torch.broadcast_shapes(input.shape, target.shape)
    except RuntimeError:
        shape = None
    if shape is None or not broadcasts(call.function) or (shape != input.shape and not grows_input(call.function)):
        raise ShapeError(
            f"{call.function}: target has shape {list(target.shape)}, but input has {list(input.shape)} (valid: the same)"
        )
    if roles_of(call.function).count("prediction") == 1 and not torch.compiler.is_compiling():
        _warn(
            f"Using a target size ({list(target.shape)}) that is different to the input size ({list(input.shape)}) in "
            f"{call.function}: they are broadcast to {list(shape)}, which is probably not what you want (valid: the same "
            f"shape)"
        )


def _warn(message):
    """A warning about the line that calls the library."""
    frame, level = inspect.currentframe(), 0
    while frame and frame.f_globals.get("__name__", "").split(".")[0] in ("perdita", "torch"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
