"""Losses of rows of sharded logits, with the gradient of the local logits, from two messages between the processes."""

import torch

from perdita.errors import ShapeError
from perdita.torch._composed.checks import of_labels
from perdita.torch._composed.formula import class_terms, is_of_true_class
from perdita.torch._parallel.shard import check_shards


class ShardedLosses(torch.autograd.Function):
    """(losses, used, weights, margins, hits) of rows, with the gradient of the local logits from the forward pass."""

    @staticmethod
    def forward(ctx, logits, row_losses):
        losses, others, ctx.gradient = row_losses(logits)
        ctx.dim = row_losses.shard.dim
        ctx.mark_non_differentiable(*others)
        return losses, *others

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream, *_):
        return ctx.gradient * upstream.unsqueeze(ctx.dim).to(ctx.gradient.dtype), None


class RowLosses:
    """A function of the local logits: the losses, weights, margins and hits of rows, and the gradient of the losses."""

    def __init__(self, shard, text, target, weight, ignore_index, smoothing, z_loss, with_scores):
        self.shard, self.text, self.target, self.weight = shard, text, target, weight
        self.ignore_index, self.smoothing, self.z_loss = ignore_index, smoothing, z_loss
        self.has_labels = not target.is_floating_point()
        self.with_scores = with_scores and self.has_labels

    def __call__(self, logits):
        shard = self.shard
        used, is_local, index = self._labels(logits)
        largest, total, classes, margins, hits = self._normalizer(logits, used, is_local, index)
        log_total = torch.log(total)
        log_p = (logits - largest.unsqueeze(shard.dim)) - log_total.unsqueeze(shard.dim)
        p = torch.exp(log_p)
        terms, derivatives, own_weight = self._terms(log_p, used, is_local, index, classes)
        # The sum of the derivatives with respect to all log_p of a row is part of the gradient of each logit: it is added
        # in the same message as the losses.
        losses, derivative, own_weight = shard.add([terms, derivatives.sum(shard.dim), own_weight])
        # derivatives - p * derivative, in a form in which nothing cancels where p is near 1
        gradient = -derivatives * torch.expm1(log_p) - p * (derivative.unsqueeze(shard.dim) - derivatives)
        if self.z_loss:
            log_sum = log_total + largest
            losses = losses + self.z_loss * torch.square(log_sum)
            gradient = gradient + (2 * self.z_loss * log_sum).unsqueeze(shard.dim) * p
        gradient = torch.where(used.unsqueeze(shard.dim), gradient, 0.0)
        return torch.where(used, losses, 0.0), (used, own_weight, margins, hits), gradient

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

    def _normalizer(self, logits, used, is_local, index):
        """The largest logit of a row, the sum of the exponentials of its logits minus that, the number of classes; and the
        margins and hits, from the same message."""
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
            columns += scores_of_rows(shard, logits, is_local, index)
        gathered = shard.gather(columns)
        largest = gathered[:, 0].amax(0)
        factors = torch.where(gathered[:, 0] == float("-inf"), 0.0, torch.exp(gathered[:, 0] - largest))
        total = (gathered[:, 1] * factors).sum(0)
        if used.numel():
            sizes, starts = (gathered[:, column].reshape(len(gathered), -1)[:, 0] for column in (2, 3))
            check_shards(shard, sizes, starts, self.target if self.has_labels else None, used)
        margins, hits = (lowest, ~used)
        if self.with_scores:
            margins, hits = compared_scores(gathered[:, 4:], self.target, used)
        return largest, total, gathered[:, 2].sum(0), margins, hits

    def _terms(self, log_p, used, is_local, index, classes):
        """Local sums of the losses' terms, their derivatives with respect to log_p, and the weight of a row's label."""
        if self.has_labels and not self.smoothing and is_of_true_class(self.text):
            return self._terms_of_true_class(log_p, is_local, index)
        dim = self.shard.dim
        values, derivatives = class_terms(self.text, log_p, self._distribution(log_p, is_local, index, classes))
        own_weight = self._own_weight(is_local, index, log_p.dtype)
        if self.weight is not None:
            weight = self.shard.along(self.weight)
            values, derivatives = values * weight, derivatives * weight
        kept = used.unsqueeze(dim)
        values, derivatives = (torch.where(kept, x, 0.0) for x in (values, derivatives))
        return values.sum(dim), derivatives, own_weight

    def _terms_of_true_class(self, log_p, is_local, index):
        """The same where the other classes of a row add nothing."""
        dim, own_weight = self.shard.dim, self._own_weight(is_local, index, log_p.dtype)
        if not self.shard.classes:
            return own_weight, torch.zeros_like(log_p), own_weight
        at = index.unsqueeze(dim)
        own = log_p.gather(dim, at)
        kept, weight = is_local.unsqueeze(dim), own_weight.unsqueeze(dim)
        values, derivatives = (
            torch.where(kept, x * weight, 0.0) for x in class_terms(self.text, own, torch.ones_like(own))
        )
        return values.squeeze(dim), torch.zeros_like(log_p).scatter(dim, at, derivatives), own_weight

    def _own_weight(self, is_local, index, dtype):
        """The weight of a row: of its label, where that is a local class; of its local probabilities."""
        if not self.has_labels:
            target = self.target if self.weight is None else self.target * self.shard.along(self.weight)
            return target.sum(self.shard.dim)
        if self.weight is None or not self.shard.classes:
            return is_local.to(dtype)
        return torch.where(is_local, of_labels(self.weight, index), 0.0)

    def _distribution(self, log_p, is_local, index, classes):
        """The target probabilities of the local classes."""
        target = self.shard.is_own(is_local, index).to(log_p.dtype) if self.has_labels else self.target
        if not self.smoothing:
            return target
        return target * (1 - self.smoothing) + self.smoothing / classes.unsqueeze(self.shard.dim)


def scores_of_rows(shard, logits, is_local, index):
    """The logit of the true class, the largest other, and which class that is; -inf where there is none."""
    lowest = logits.new_full(is_local.shape, float("-inf"))
    if not shard.classes:
        return [lowest, lowest, torch.zeros_like(lowest)]
    at = index.unsqueeze(shard.dim)
    own = torch.where(is_local, logits.gather(shard.dim, at).squeeze(shard.dim), float("-inf"))
    masked = torch.where(is_local.unsqueeze(shard.dim), logits.scatter(shard.dim, at, float("-inf")), logits)
    others, places = masked.max(shard.dim)
    return [own, others, (places + shard.start).to(logits.dtype)]


def compared_scores(scores, target, used):
    """Margins and hits, from the scores of all processes."""
    own, (others, which) = scores[:, 0].amax(0), scores[:, 1].max(0)
    place = scores[:, 2].gather(0, which.unsqueeze(0)).squeeze(0)
    hits = (own > others) | ((own == others) & (target < place))
    return torch.where(used, own - others, float("nan")), hits & used
