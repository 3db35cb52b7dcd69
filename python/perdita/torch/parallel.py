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

from typing import Any

import torch
import torch.distributed as dist

from perdita._catalogue import ENTRIES, takes_class_counts
from perdita._extras import LossExtras
from perdita._functions import loss_of, text_of
from perdita.errors import DomainError, DTypeError, GraphError, LabelError, ShapeError
from perdita.torch._call import as_divisor, check_denominator
from perdita.torch._composed.checks import is_readable
from perdita.torch._composed.formula import adjustment_scale, class_adjustment, class_terms, is_of_true_class
from perdita.torch._composed.reduce import denominator_of, divided

_NARROW = (torch.float16, torch.bfloat16)


class _Shard:
    """The local part of a call: logits [N, C_local, ...] in the dtype of the computation."""

    def __init__(self, function, input, group, vocab_start):
        self.group = dist.group.WORLD if group is None else group
        if not input.is_floating_point():
            raise DTypeError(f"{function}: input holds {str(input.dtype)[6:]} (valid: real numbers)")
        if not input.dim():
            raise ShapeError(f"{function}: input has shape [] (valid: [C], [N, C] or [N, C, d1, ...])")
        self.function = function
        self.dim = 0 if input.dim() == 1 else 1
        self.classes = input.shape[self.dim]
        self.start = dist.get_rank(self.group) * self.classes if vocab_start is None else vocab_start
        self.row_shape = (*input.shape[: self.dim], *input.shape[self.dim + 1 :])

    def of_labels(self, target, ignore_index):
        """Which labels are used, which of them are local classes, and their local indices."""
        if target.shape != self.row_shape:
            raise ShapeError(
                f"{self.function}: target has shape {list(target.shape)}, but input has rows {list(self.row_shape)} (valid: "
                f"{list(self.row_shape)} with class indices, or the local probabilities of the classes)"
            )
        labels = target.to(torch.int64)
        used = labels != ignore_index
        local = labels - self.start
        is_local = used & (local >= 0) & (local < self.classes)
        return used, is_local, torch.where(is_local, local, 0)

    def along(self, values, like):
        """Values of the local classes in a shape that broadcasts to the logits."""
        return values.reshape([-1 if d == self.dim else 1 for d in range(like.dim())])

    def gather(self, columns):
        """[world size, columns, *rows] of a list of columns. The first collective."""
        packed = torch.stack(columns)
        gathered = packed.new_empty((dist.get_world_size(self.group) * len(columns), *packed.shape[1:]))
        dist.all_gather_into_tensor(gathered, packed.contiguous(), group=self.group)
        return gathered.reshape(dist.get_world_size(self.group), *packed.shape)

    def add(self, columns):
        """The sums of columns over all processes. The second collective."""
        packed = torch.stack(columns)
        dist.all_reduce(packed, group=self.group)
        return packed.unbind(0)


class _ShardedLosses(torch.autograd.Function):
    """Losses of rows, with the gradient of the local logits computed in the forward pass."""

    @staticmethod
    def forward(ctx, logits, call):
        result = call(logits)
        ctx.gradient, ctx.dim = result.pop("gradient"), call.shard.dim
        ctx.mark_non_differentiable(*(t for name, t in result.items() if name != "losses"))
        return tuple(result.values())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream, *_):
        return ctx.gradient * upstream.unsqueeze(ctx.dim).to(ctx.gradient.dtype), None


class _Call:
    """The losses of rows: called with the local logits, it returns losses, counts, weights, margins and hits of rows."""

    def __init__(self, shard, text, target, weight, ignore_index, smoothing, z_loss, with_scores):
        self.shard, self.text, self.target, self.weight = shard, text, target, weight
        self.ignore_index, self.smoothing, self.z_loss = ignore_index, smoothing, z_loss
        self.has_labels = not target.is_floating_point()
        self.with_scores = with_scores and self.has_labels

    def __call__(self, logits):
        shard = self.shard
        used, is_local, index = self._labels(logits)
        largest, total, classes, margins, hits = self._normalizer(logits, is_local, index)
        log_total = torch.log(total)
        log_p = (logits - largest.unsqueeze(shard.dim)) - log_total.unsqueeze(shard.dim)
        p = torch.exp(log_p)
        terms, slopes, own_weight = self._terms(log_p, used, is_local, index, classes)
        # d loss / d log_p of all classes of a row is needed for each logit: it is added together with the losses.
        losses, slope, own_weight = shard.add([terms, slopes.sum(shard.dim), own_weight])
        # slopes - p * slope, in which nothing cancels where p is near 1
        gradient = -slopes * torch.expm1(log_p) - p * (slope.unsqueeze(shard.dim) - slopes)
        if self.z_loss:
            log_sum = log_total + largest
            losses = losses + self.z_loss * torch.square(log_sum)
            gradient = gradient + (2 * self.z_loss * log_sum).unsqueeze(shard.dim) * p
        gradient = torch.where(used.unsqueeze(shard.dim), gradient, 0.0)
        losses = torch.where(used, losses, 0.0)
        return {
            "losses": losses,
            "used": used,
            "weights": own_weight,
            "margins": margins,
            "hits": hits,
            "gradient": gradient,
        }

    def _labels(self, logits):
        if self.has_labels:
            return self.shard.of_labels(self.target, self.ignore_index)
        if self.target.shape != logits.shape:
            raise ShapeError(
                f"{self.shard.function}: target has shape {list(self.target.shape)}, but the local input has "
                f"{list(logits.shape)} (valid: the same, with the probabilities of the local classes)"
            )
        used = torch.ones(self.shard.row_shape, dtype=torch.bool, device=logits.device)
        return used, used, used.to(torch.int64)

    def _normalizer(self, logits, is_local, index):
        """The largest logit and the sum of exponentials less it of all classes, and what comes with the same message."""
        shard = self.shard
        lowest = logits.new_full(shard.row_shape, float("-inf"))
        local_largest = logits.amax(shard.dim) if shard.classes else lowest
        shown = torch.where(local_largest == float("-inf"), 0.0, local_largest)
        local_total = torch.exp(logits - shown.unsqueeze(shard.dim)).sum(shard.dim)
        columns = [
            local_largest,
            local_total,
            torch.full_like(lowest, shard.classes),
            torch.full_like(lowest, shard.start),
        ]
        if self.with_scores:
            columns += self._scores(logits, is_local, index, lowest)
        gathered = shard.gather(columns)
        largest = gathered[:, 0].amax(0)
        factors = torch.where(gathered[:, 0] == float("-inf"), 0.0, torch.exp(gathered[:, 0] - largest))
        total = (gathered[:, 1] * factors).sum(0)
        self._check_shards(gathered[:, 2], gathered[:, 3])
        margins, hits = self._compared(gathered[:, 4:]) if self.with_scores else (torch.zeros_like(lowest),) * 2
        return largest, total, gathered[:, 2].sum(0), margins, hits

    def _check_shards(self, sizes, starts):
        """That the shards are all classes, each once, and that labels are classes. Every process sees the same numbers."""
        sizes, starts = (x.reshape(len(x), -1)[:, :1] for x in (sizes, starts))
        if not sizes.numel():
            return
        count = sizes.sum()
        # Behind a shard the next one begins; empty ones lie anywhere.
        ends = torch.where(sizes > 0, starts + sizes, 0.0)
        is_begun = (starts == 0) | (starts == ends.mT).any(1, keepdim=True) | (sizes == 0)
        are_complete = is_begun.all() & (ends.amax() == count)
        if self.has_labels:
            used = self.target != self.ignore_index
            are_labels = (((self.target >= 0) & (self.target < count)) | ~used).all()
        else:
            are_labels = are_complete
        function = self.shard.function
        of_shards = (
            f"{function}: the shards do not make up all classes, each once (valid: vocab_start is the first class of the "
            f"local shard; without it all shards have the same size)"
        )
        if not is_readable(sizes):
            if sizes.device.type != "cpu":
                torch._assert_async(are_complete, of_shards)
                torch._assert_async(are_labels, f"{function}: a target is not a class")
            return
        if not are_complete:
            raise DomainError(of_shards)
        if not are_labels:
            bad = self.target[((self.target < 0) | (self.target >= count)) & used][0].item()
            raise LabelError(
                f"{function}: target holds {bad}, but there are {int(count)} classes (valid: 0..{int(count) - 1})"
            )

    def _scores(self, logits, is_local, index, lowest):
        """The logit of the true class, the largest other, and which class that is; -inf where there is none."""
        shard = self.shard
        if not shard.classes:
            return [lowest, lowest, torch.zeros_like(lowest)]
        at = index.unsqueeze(shard.dim)
        own = torch.where(is_local, logits.gather(shard.dim, at).squeeze(shard.dim), float("-inf"))
        masked = torch.where(is_local.unsqueeze(shard.dim), logits.scatter(shard.dim, at, float("-inf")), logits)
        others, places = masked.max(shard.dim)
        return [own, others, (places + shard.start).to(logits.dtype)]

    def _compared(self, scores):
        own, (others, which) = scores[:, 0].amax(0), scores[:, 1].max(0)
        place = scores[:, 2].gather(0, which.unsqueeze(0)).squeeze(0)
        used = self.target != self.ignore_index
        hits = (own > others) | ((own == others) & (self.target < place))
        return torch.where(used, own - others, float("nan")), (hits & used).to(own.dtype)

    def _terms(self, log_p, used, is_local, index, classes):
        """Local sums of the losses' terms, the derivatives with respect to log_p, and the weight of a row's label."""
        shard = self.shard
        weight = None if self.weight is None else shard.along(self.weight, log_p)
        own_weight = torch.where(is_local, 1.0, 0.0).to(log_p.dtype)
        if self.weight is not None and self.has_labels:
            own_weight = own_weight * self.weight[index] if shard.classes else own_weight
        if self.has_labels and not self.smoothing and is_of_true_class(self.text):
            at = index.unsqueeze(shard.dim)
            own = log_p.gather(shard.dim, at) if shard.classes else log_p.new_zeros(at.shape)
            values, slopes = class_terms(self.text, own, torch.ones_like(own))
            factor = own_weight.unsqueeze(shard.dim)
            kept = is_local.unsqueeze(shard.dim)
            values, slopes = (torch.where(kept, x * factor, 0.0) for x in (values, slopes))
            spread = torch.zeros_like(log_p)
            spread = spread.scatter(shard.dim, at, slopes) if shard.classes else spread
            return values.squeeze(shard.dim), spread, own_weight
        target = self._distribution(log_p, is_local, index, classes)
        values, slopes = class_terms(self.text, log_p, target)
        if weight is not None:
            values, slopes = values * weight, slopes * weight
        kept = used.unsqueeze(shard.dim)
        values, slopes = (torch.where(kept, x, 0.0) for x in (values, slopes))
        if not self.has_labels:
            own_weight = (self.target if weight is None else self.target * weight).sum(shard.dim)
        return values.sum(shard.dim), slopes, own_weight

    def _distribution(self, log_p, is_local, index, classes):
        """The target probabilities of the local classes."""
        shard = self.shard
        if self.has_labels:
            here = shard.along(torch.arange(shard.classes, device=log_p.device), log_p)
            target = ((here == index.unsqueeze(shard.dim)) & is_local.unsqueeze(shard.dim)).to(log_p.dtype)
        else:
            target = self.target
        if not self.smoothing:
            return target
        return target * (1 - self.smoothing) + self.smoothing / classes.unsqueeze(shard.dim)


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
    if reduction not in ("none", "mean", "sum"):
        raise DomainError(f"{function}: reduction is {reduction!r} (valid: none, mean, sum)")
    if not 0 <= label_smoothing <= 1:
        raise DomainError(f"{function}: label_smoothing is {label_smoothing} (valid: 0..1)")
    loss_of(function, reduction, None if not isinstance(normalize_by, str) else normalize_by, **options)  # checks
    if normalize_by is not None and not isinstance(normalize_by, str):
        check_denominator(function, normalize_by)
    if not isinstance(input, torch.Tensor) or not isinstance(target, torch.Tensor):
        raise DTypeError(
            f"{function}: input is a {type(input).__name__}, target a {type(target).__name__} (valid: tensors)"
        )
    for name, tensor in (("target", target), ("weight", weight)):
        if tensor is not None and tensor.requires_grad and torch.is_grad_enabled():
            raise GraphError(f"{function}: {name} requires a gradient (valid: gradients with respect to input)")
    placed = _Placed.of(function, input, group, vocab_start)
    target, weight = placed.local(target), placed.local(weight)
    local = placed.input
    dtype = torch.float32 if local.dtype in _NARROW else local.dtype
    logits = local.to(dtype)
    shard = _Shard(function, logits, placed.group, placed.vocab_start)
    text = ("formula: " if function == "class_formula" else f"{function}:") + text_of(options.items())
    text = text.removesuffix(":")
    if takes_class_counts(function):
        logits = _adjusted(shard, text, logits, target, class_counts, ignore_index)
    target = target.to(dtype) if target.is_floating_point() else target
    weight = None if weight is None else weight.to(dtype)
    if weight is not None and weight.shape != (shard.classes,):
        raise ShapeError(
            f"{function}: weight has shape {list(weight.shape)}, but the local input has {shard.classes} classes (valid: "
            f"[{shard.classes}])"
        )
    call = _Call(shard, text, target, weight, ignore_index, float(label_smoothing), z_loss, return_extras)
    losses, used, weights, margins, hits = _ShardedLosses.apply(logits, call)
    result = _reduced(call, losses, used, weights, reduction, normalize_by)
    extras = None
    if return_extras:
        scores = (margins, hits != 0) if call.with_scores else (None, None)
        extras = LossExtras(losses.detach().sum(), result[1], losses.detach(), *scores)
    value = placed.replicated(result[0].to(local.dtype))
    return (value, extras) if return_extras else value


def _reduced(call, losses, used, weights, reduction, normalize_by):
    """The loss and its denominator."""
    if reduction == "none":
        return losses, 1.0
    if reduction == "sum":
        return losses.sum(), 1.0
    if normalize_by is not None and not isinstance(normalize_by, str):
        return losses.sum() / as_divisor(normalize_by, losses), normalize_by
    count = (lambda: used.to(losses.dtype).sum()) if call.has_labels else losses.numel
    weight_sum = weights.sum if call.has_labels or call.weight is not None else count
    standard = "weight_sum" if call.has_labels else "count"
    denominator = denominator_of(normalize_by, standard, losses, count, lambda: weight_sum())
    return divided(losses.sum(), denominator), denominator


def _adjusted(shard, text, logits, target, class_counts, ignore_index):
    """Logits that the counts of the classes have changed."""
    if class_counts is None:
        raise DTypeError(f"{shard.function}: class_counts is missing (valid: a tensor [C])")
    counts = torch.as_tensor(class_counts, device=logits.device).to(logits.dtype)
    smallest = torch.where(counts > 0, counts, float("inf")).amin()
    shift, margin = class_adjustment(text, counts, counts.sum(), smallest)
    here = slice(shard.start, shard.start + shard.classes)
    shift, margin = shard.along(shift[here], logits), shard.along(margin[here], logits)
    _, is_local, index = shard.of_labels(target, ignore_index)
    classes = shard.along(torch.arange(shard.classes, device=logits.device), logits)
    own = (classes == index.unsqueeze(shard.dim)) & is_local.unsqueeze(shard.dim)
    return (logits + shift - torch.where(own, margin, 0.0)) * adjustment_scale(text)


class _Placed:
    """The local tensors of a call, and how its result is placed."""

    def __init__(self, input, group, vocab_start, mesh=None):
        self.input, self.group, self.vocab_start, self.mesh = input, group, vocab_start, mesh

    @staticmethod
    def of(function, input, group, vocab_start):
        from torch.distributed.tensor import DTensor

        if not isinstance(input, DTensor):
            return _Placed(input, group, vocab_start)
        dim = 0 if input.dim() == 1 else 1
        mesh, placements = input.device_mesh, input.placements
        sharded = [i for i, placement in enumerate(placements) if placement.is_shard(dim)]
        if len(sharded) != 1 or any(not p.is_replicate() for i, p in enumerate(placements) if i != sharded[0]):
            raise DTypeError(
                f"{function}: input is placed as {list(placements)} (valid: one Shard({dim}), which are the classes, and "
                f"otherwise Replicate())"
            )
        (axis,) = sharded
        size, rank = mesh.size(axis), mesh.get_local_rank(axis)
        chunk = -(-input.shape[dim] // size)  # as torch.chunk divides
        return _Placed(input.to_local(), mesh.get_group(axis), min(rank * chunk, input.shape[dim]), mesh)

    def local(self, tensor):
        return tensor.to_local() if hasattr(tensor, "to_local") else tensor

    def replicated(self, tensor):
        if self.mesh is None:
            return tensor
        from torch.distributed.tensor import DTensor, Replicate

        return DTensor.from_local(tensor, self.mesh, [Replicate()] * self.mesh.ndim, run_check=False)


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


_functions = {name: _make(name, entry) for name, entry in ENTRIES.items() if entry["takes_class_probabilities"]}
_functions |= {name: _make(name, entry) for name, entry in ENTRIES.items() if takes_class_counts(name)}
globals().update(_functions)
__all__ = sorted([*_functions, "kl_div", "sharded_loss"])
