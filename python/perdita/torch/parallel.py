"""Losses of logits that are sharded over the classes (vocabulary parallelism).

Each process of a group holds the logits of some classes of the same rows. The losses are those of perdita.torch.functional
of all classes together; no process ever holds all logits. A call takes two collectives, backward takes none.

    import perdita.torch.parallel as P
    loss = P.cross_entropy(local_logits, labels, group=group, label_smoothing=0.1)      # local_logits: [N, C / world size]
    loss = P.cross_entropy(logits, labels)                                              # a DTensor, Shard(1)
    loss.backward()

Every process must call with the same rows, in the same order of calls. Gradients are those of the local logits; second
derivatives are not supported.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from perdita._catalogue import ENTRIES, takes_class_counts
from perdita._extras import LossExtras
from perdita._functions import full_text, loss_of, text_of
from perdita.errors import DomainError, DTypeError, GraphError
from perdita.torch._call import as_divisor, check_denominator
from perdita.torch._composed.checks import check_of_classes
from perdita.torch._composed.formula import adjustment_scale, class_adjustment
from perdita.torch._composed.reduce import denominator_of, divided
from perdita.torch._parallel.linear import LinearLosses, LinearRows, check_layer
from perdita.torch._parallel.losses import RowLosses, ShardedLosses
from perdita.torch._parallel.placement import Placed
from perdita.torch._parallel.shard import Shard
from perdita.torch._types import computing_dtype


def sharded_loss(
    function: str,
    input: Any,
    target: Any,
    *,
    options: dict[str, Any] | None = None,
    weight: Any = None,
    class_counts: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    normalize_by: Any = None,
    z_loss: float = 0.0,
    group: Any = None,
    vocab_start: int | None = None,
    return_extras: bool = False,
) -> Any:
    """A loss of the softmax family, by the name of its function; the functions of this module call it.

        sharded_loss("focal_loss", local_logits, labels, options={"gamma": 2.0}, group=group)

    function: "cross_entropy", "focal_loss", ...; "class_formula" with options={"formula": text} for a formula of classes.
    input: local logits [C_local], [N, C_local] or [N, C_local, d1, ...]; shards may be uneven, or empty. Or a DTensor whose
    classes are sharded. target: class indices of all classes [N, ...], the same in each process; or probabilities of the
    local classes, in the shape of input. options: parameters of the loss. weight: weights of the local classes [C_local].
    class_counts: number of training samples of every class [C], for losses of class counts. normalize_by: as in
    perdita.torch.functional. z_loss: the square of the logarithm of the softmax's denominator times this is added to each
    loss. group: the processes that share the classes, by default all; taken from a DTensor. vocab_start: first class of the
    local shard, by default the rank times the number of local classes; needed for uneven shards.

    Raises ValueError (ShapeError, DomainError, LabelError), TypeError (DTypeError) or GraphError, in every process: for
    shards that are not all classes, each once; for labels that are not classes; for a target or weight that requires a
    gradient.
    """
    options = dict(options or {})
    _check_options(function, options, reduction, label_smoothing, normalize_by)
    z_loss, softcap = z_loss + options.pop("z_loss", 0.0), options.pop("softcap", None)
    _check_tensors(function, input, target, weight)
    placed = Placed.of(function, input, group, vocab_start)
    target, weight = placed.local(target), placed.local(weight)
    dtype = computing_dtype(placed.input.dtype)
    logits = placed.input.to(dtype)
    if softcap is not None and softcap < math.inf:
        logits = softcap * torch.tanh(logits / softcap)
    shard = Shard(function, logits, placed.group, placed.vocab_start)
    check_of_classes(function, "weight", weight, shard.classes)
    _check_ignored(function, target, ignore_index)
    text = full_text(function, text_of(options.items()))
    if takes_class_counts(function):
        logits = _adjusted(shard, text, logits, target, class_counts, ignore_index)
    target = target.to(dtype) if target.is_floating_point() else target
    weight = None if weight is None else weight.to(dtype)
    row_losses = RowLosses(shard, text, target, weight, ignore_index, float(label_smoothing), z_loss, return_extras)
    columns = ShardedLosses.apply(logits, row_losses)
    return _result(placed, row_losses, columns, reduction, normalize_by, return_extras)


def linear_cross_entropy(
    input: Any,
    linear_weight: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    normalize_by: Any = None,
    z_loss: float = 0.0,
    group: Any = None,
    vocab_start: int | None = None,
    chunk_rows: int = 0,
    return_extras: bool = False,
) -> Any:
    """cross_entropy of the logits input @ linear_weight.T + linear_bias, whose classes are sharded, in chunks of rows.

        linear_cross_entropy(hidden, local_weight, labels, group=group)         # hidden: [N, F], local_weight: [C_local, F]

    input: [N, F], the same in each process. linear_weight: rows of the local classes [C_local, F], or a DTensor, Shard(0);
    linear_bias: [C_local]. chunk_rows: rows whose local logits exist at a time; 0 limits them to 25 MB. With more than one
    chunk, logits are computed twice. target, weight and the other keywords: see sharded_loss().

    The gradient with respect to input is that of all classes, in each process; it takes the second collective (in backward
    if reduction is "none"). Products are computed in the dtype of the operands, and everything else of narrow types in
    float32. Raises as sharded_loss().
    """
    function = "linear_cross_entropy"
    _check_options("cross_entropy", {}, reduction, label_smoothing, normalize_by)
    _check_tensors(function, input, target, weight)
    placed = Placed.of(function, linear_weight, group, vocab_start, "linear_weight", 0)
    input, linear_bias = placed.whole(function, input), placed.local(linear_bias)
    target, weight = placed.local(target), placed.local(weight)
    check_layer(function, input, placed.input, linear_bias)
    if isinstance(chunk_rows, bool) or not isinstance(chunk_rows, int) or chunk_rows < 0:
        raise DomainError(f"{function}: chunk_rows is {chunk_rows!r} (valid: 0 or more)")
    dtype = computing_dtype(input.dtype)
    logits = torch.empty((len(input), len(placed.input)), dtype=dtype, device="meta")
    shard = Shard(function, logits, placed.group, placed.vocab_start)
    check_of_classes(function, "weight", weight, shard.classes)
    _check_ignored(function, target, ignore_index)
    target = target.to(dtype) if target.is_floating_point() else target
    weight = None if weight is None else weight.to(dtype)
    rows = LinearRows(shard, target, weight, ignore_index, float(label_smoothing), z_loss, chunk_rows, return_extras)
    columns = LinearLosses.apply(rows, reduction != "none", input, placed.input, linear_bias)
    return _result(placed, rows, columns, reduction, normalize_by, return_extras)


def _result(placed, rows, columns, reduction, normalize_by, return_extras):
    """The reduced loss, and the extras where wanted, of (losses, used, weights, margins, hits)."""
    losses, used, weights, margins, hits = columns
    value, denominator = _reduced(rows, losses, used, weights, reduction, normalize_by)
    value = placed.replicated(value.to(placed.input.dtype))
    if not return_extras:
        return value
    scores = (margins, hits) if rows.with_scores else (None, None)
    return value, LossExtras(losses.detach().sum(), denominator, losses.detach(), *scores)


def _check_ignored(function, target, ignore_index):
    if target.is_floating_point() and ignore_index >= 0:
        raise DomainError(
            f"{function}: ignore_index is {ignore_index}, but target holds class probabilities (valid: with class indices "
            f"only)"
        )


def _check_options(function, options, reduction, label_smoothing, normalize_by):
    if reduction not in ("none", "mean", "sum"):
        raise DomainError(f"{function}: reduction is {reduction!r} (valid: none, mean, sum)")
    if not 0 <= label_smoothing <= 1:
        raise DomainError(f"{function}: label_smoothing is {label_smoothing} (valid: 0..1)")
    is_name = normalize_by is None or isinstance(normalize_by, str)
    loss_of(function, reduction, normalize_by if is_name else None, **options)  # checks the others
    if not is_name:
        check_denominator(function, normalize_by, reduction)


def _check_tensors(function, input, target, weight):
    if not isinstance(input, torch.Tensor) or not isinstance(target, torch.Tensor):
        raise DTypeError(
            f"{function}: input is a {type(input).__name__}, target a {type(target).__name__} (valid: tensors)"
        )
    for name, tensor in (("target", target), ("weight", weight)):
        if tensor is not None and tensor.requires_grad and torch.is_grad_enabled():
            raise GraphError(f"{function}: {name} requires a gradient (valid: gradients with respect to input)")


def _reduced(row_losses, losses, used, weights, reduction, normalize_by):
    """The loss and its denominator."""
    if reduction == "none":
        return losses, 1.0
    if reduction == "sum":
        return losses.sum(), 1.0
    if normalize_by is not None and not isinstance(normalize_by, str):
        return losses.sum() / as_divisor(normalize_by, losses), normalize_by
    has_labels = row_losses.has_labels
    denominator = denominator_of(
        normalize_by,
        "weight_sum" if has_labels else "count",
        losses,
        lambda: used.to(losses.dtype).sum(),
        weights.sum if has_labels or row_losses.weight is not None else losses.numel,
    )
    return divided(losses.sum(), denominator), denominator


def _adjusted(shard, text, logits, target, class_counts, ignore_index):
    """Logits adjusted by the counts of the classes."""
    if class_counts is None:
        raise DTypeError(f"{shard.function}: class_counts is missing (valid: a tensor [C])")
    counts = torch.as_tensor(class_counts, device=logits.device).to(logits.dtype)
    smallest = torch.where(counts > 0, counts, float("inf")).amin()
    here = slice(shard.start, shard.start + shard.classes)
    shift, margin = (shard.along(x[here]) for x in class_adjustment(text, counts, counts.sum(), smallest))
    _, is_local, index = shard.of_labels(target, ignore_index)
    return (logits + shift - torch.where(shard.is_own(is_local, index), margin, 0.0)) * adjustment_scale(text)


def _make(name, entry):
    own = [parameter for parameter, _ in entry["parameters"]]

    def loss(input, target, **keywords):
        options = {key: keywords.pop(key) for key in own if key in keywords}
        return sharded_loss(name, input, target, options=options, **keywords)

    loss.__name__ = loss.__qualname__ = name
    parameters = ", ".join(f"{key}={default!r}" for key, default in entry["parameters"])
    loss.__doc__ = (
        f"perdita.torch.functional.{name} of logits that are sharded over the classes.\n\n"
        f"Keywords: {parameters + '; and ' if parameters else ''}those of sharded_loss()."
    )
    return loss


def kl_div(input: Any, target: Any, *, log_target: bool = False, **keywords: Any) -> Any:
    """The Kullback-Leibler divergence of the distribution `target` from softmax(input), for distillation.

    input: local logits of the student. target: probabilities of the local classes by the teacher, or their logarithms.
    Keywords: those of sharded_loss(). A mean is over rows (batchmean in torch).
    """
    text = "xlogy(t, t) - t * log_p"
    target = torch.exp(target) if log_target else target
    return sharded_loss("class_formula", input, target, options={"formula": text}, **keywords)


_functions = {
    name: _make(name, entry)
    for name, entry in ENTRIES.items()
    if entry["takes_class_probabilities"] or takes_class_counts(name)
}
globals().update(_functions)
__all__ = sorted([*_functions, "kl_div", "linear_cross_entropy", "sharded_loss"])
