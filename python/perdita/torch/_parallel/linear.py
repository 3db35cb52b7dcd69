"""cross_entropy of a linear layer whose classes are sharded: logits exist one chunk of rows at a time."""

import torch
import torch.distributed as dist

from perdita._linear import CHUNK_BYTES
from perdita.errors import DTypeError, ShapeError
from perdita.torch._composed.checks import of_labels
from perdita.torch._parallel.losses import compared_scores, scores_of_rows
from perdita.torch._parallel.shard import check_shards
from perdita.torch._types import computing_dtype


def check_layer(function, input, linear_weight, linear_bias):
    """Raises an error unless the operands are a linear layer of the local classes."""
    operands = [("input", input), ("linear_weight", linear_weight)]
    for name, tensor in [*operands, ("linear_bias", linear_bias)] if linear_bias is not None else operands:
        if not isinstance(tensor, torch.Tensor):
            raise DTypeError(f"{function}: {name} is a {type(tensor).__name__} (valid: a tensor)")
        if tensor.dtype != input.dtype or not tensor.is_floating_point():
            raise DTypeError(
                f"{function}: {name} holds {str(tensor.dtype)[6:]}, input {str(input.dtype)[6:]} (valid: one floating type)"
            )
    x, w = list(input.shape), list(linear_weight.shape)
    if len(x) != 2 or len(w) != 2 or x[1] != w[1]:
        raise ShapeError(f"{function}: input has shape {x}, linear_weight {w} (valid: [N, F] and [C_local, F])")
    if linear_bias is not None and list(linear_bias.shape) != w[:1]:
        raise ShapeError(f"{function}: linear_bias has shape {list(linear_bias.shape)} (valid: {w[:1]})")


class LinearLosses(torch.autograd.Function):
    """(losses, used, weights, margins, hits) of rows. are_summed: the upstream gradient is the same for all rows."""

    @staticmethod
    def forward(ctx, rows, are_summed, input, linear_weight, linear_bias):
        losses, *others = rows.losses(input, linear_weight, linear_bias)
        ctx.rows, ctx.gradients = rows, None
        wanted = ctx.needs_input_grad[2:]
        if are_summed and any(wanted):
            ctx.gradients = rows.gradients(None, wanted, input, linear_weight, linear_bias)
        else:
            ctx.save_for_backward(input, linear_weight, linear_bias)
        rows.kept = None
        ctx.mark_non_differentiable(*others)
        return losses, *others

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream, *_):
        if ctx.gradients is None:
            return None, None, *ctx.rows.gradients(upstream, ctx.needs_input_grad[2:], *ctx.saved_tensors)
        scale = upstream.reshape(-1)[:1] if upstream.numel() else upstream.new_ones(1)
        return None, None, *(None if g is None else g * scale.to(g.dtype) for g in ctx.gradients)


class LinearRows:
    """Losses of rows, and the gradients of a layer [N, F], [C_local, F], [C_local] or None.

    The loss of a row is sum_k q_k (log sum_j exp z_j - z_k) for weights q_k of the classes, which is linear in z: the
    largest logit, the sum of exponentials, and the sums of q_k and q_k z_k of all processes suffice, in one message. The
    gradient with respect to z is formed in a second pass, and that with respect to input is added in a second message.
    """

    def __init__(self, shard, target, weight, ignore_index, smoothing, z_loss, chunk_rows, with_scores):
        self.shard, self.target, self.weight = shard, target, weight
        self.smoothing, self.z_loss = smoothing, z_loss
        self.has_labels = not target.is_floating_point()
        self.with_scores = with_scores and self.has_labels
        if self.has_labels:
            self.used, self.is_local, self.index = shard.of_labels(target, ignore_index)
        elif target.shape != (*shard.row_shape, shard.classes):
            raise ShapeError(
                f"{shard.function}: target has shape {list(target.shape)}, but there are rows {list(shard.row_shape)} and "
                f"{shard.classes} local classes (valid: {[*shard.row_shape, shard.classes]})"
            )
        else:
            self.used = torch.ones(shard.row_shape, dtype=torch.bool, device=target.device)
        self.chunk_rows, self.kept = chunk_rows, None

    def losses(self, input, linear_weight, linear_bias):
        """The losses, whether rows are used, their weights, margins and hits."""
        columns = [
            self._local_sums(begin, end, logits)
            for begin, end, logits in self._chunks(input, linear_weight, linear_bias)
        ]
        gathered = self.shard.gather(list(torch.cat(columns, 1)))
        self._check(gathered)
        largest, total, sizes, _, weights, products, own, uniform, all_products = gathered[:, :9].unbind(1)
        self.largest = largest.amax(0)
        below = torch.where(largest == float("-inf"), 0.0, torch.exp(largest - self.largest))
        self.log_total = torch.log((total * below).sum(0))
        self.classes = sizes.sum(0)
        keep, spread = 1 - self.smoothing, self.smoothing / self.classes
        self.row_weights = keep * weights.sum(0) + spread * uniform.sum(0)
        moved = keep * _moved(products, weights, largest - self.largest)
        if self.smoothing:
            moved = moved + spread * _moved(all_products, uniform, largest - self.largest)
        losses = self.row_weights * self.log_total - moved.sum(0)
        if self.z_loss:
            losses = losses + self.z_loss * torch.square(self.log_total + self.largest)
        return torch.where(self.used, losses, 0.0), self.used, own.sum(0), *self._scores(gathered[:, 9:])

    def gradients(self, upstream, wanted, input, linear_weight, linear_bias):
        """Of the sum of the losses times `upstream` [N], or of their sum."""
        dtype = self.log_total.dtype
        by_input = torch.zeros_like(input, dtype=dtype) if wanted[0] else None
        by_weight = torch.zeros_like(linear_weight, dtype=dtype) if wanted[1] else None
        by_bias = torch.zeros_like(linear_bias, dtype=dtype) if wanted[2] else None
        for begin, end, logits in self._chunks(input, linear_weight, linear_bias):
            by_logits = self._logit_gradient(begin, end, logits)
            if upstream is not None:
                by_logits = by_logits * upstream[begin:end].unsqueeze(1).to(dtype)
            narrow = by_logits.to(input.dtype)
            if by_input is not None:
                by_input[begin:end] = narrow @ linear_weight
            if by_weight is not None:
                by_weight += narrow.t() @ input[begin:end]
            if by_bias is not None:
                by_bias += by_logits.sum(0)
        if by_input is not None:
            dist.all_reduce(by_input, group=self.shard.group)
        return tuple(None if g is None else g.to(input.dtype) for g in (by_input, by_weight, by_bias))

    def _chunks(self, input, linear_weight, linear_bias):
        """(begin, end, logits); the logits of a single chunk are kept for the second pass."""
        dtype, rows = computing_dtype(input.dtype), len(input)
        size = self.chunk_rows or max(1, CHUNK_BYTES // max(1, self.shard.classes * dtype.itemsize))
        for begin in range(0, max(rows, 1), size):
            end = min(begin + size, rows)
            if self.kept is not None:
                yield begin, end, self.kept
                continue
            logits = torch.nn.functional.linear(input[begin:end], linear_weight, linear_bias).to(dtype)
            if end - begin == rows:
                self.kept = logits
            yield begin, end, logits

    def _local_sums(self, begin, end, logits):
        """The columns of a chunk's message: see losses()."""
        shard, rows = self.shard, slice(begin, end)
        lowest = logits.new_full((end - begin,), float("-inf"))
        largest = logits.amax(1) if shard.classes else lowest
        shifted = logits - torch.where(largest == float("-inf"), 0.0, largest).unsqueeze(1)
        total = torch.exp(shifted).sum(1)
        weights, products, own = self._of_target(rows, shifted)
        uniform = all_products = torch.zeros_like(total)
        if self.smoothing:
            uniform = (
                torch.full_like(total, shard.classes) if self.weight is None else self.weight.sum().expand_as(total)
            )
            of_all = shifted if self.weight is None else _products(self.weight, shifted)
            all_products = of_all.sum(1)
        columns = [largest, total, torch.full_like(total, shard.classes), torch.full_like(total, shard.start)]
        columns += [weights, products, own, uniform, all_products]
        if self.with_scores:
            columns += scores_of_rows(shard, logits, self.is_local[rows], self.index[rows])
        return torch.stack(columns)

    def _of_target(self, rows, shifted):
        """The sums of q and q z over the local classes, without smoothing; and the weight for the denominator."""
        if not self.has_labels:
            q = self.target[rows] if self.weight is None else self.target[rows] * self.weight
            return q.sum(1), _products(q, shifted).sum(1), q.sum(1)
        is_local = self.is_local[rows]
        if not self.shard.classes:
            zero = is_local.to(shifted.dtype)
            return zero, zero, zero
        own = shifted.gather(1, self.index[rows].unsqueeze(1)).squeeze(1)
        weight = 1.0 if self.weight is None else of_labels(self.weight, self.index[rows])
        own_weight = torch.where(is_local, weight, torch.zeros_like(own))
        return own_weight, _products(own_weight, own), own_weight

    def _logit_gradient(self, begin, end, logits):
        """The gradient of the losses with respect to the logits of a chunk, which it may overwrite."""
        rows = slice(begin, end)
        log_p = logits.sub_(self.largest[rows].unsqueeze(1)).sub_(self.log_total[rows].unsqueeze(1))
        of_total = torch.zeros_like(self.log_total[rows])  # derivative of the z-loss with respect to log_total
        if self.z_loss:
            of_total = 2 * self.z_loss * (self.log_total[rows] + self.largest[rows])
        if self.has_labels and not self.smoothing:
            by_logits = self._logit_gradient_of_labels(rows, log_p, of_total)
        else:
            p, q = torch.exp(log_p), self._distribution(rows)
            # row_weight * p - q, in a form in which nothing cancels where p is near 1
            by_logits = q * torch.expm1(log_p) + p * ((self.row_weights[rows] + of_total).unsqueeze(1) - q)
        return by_logits.masked_fill_(~self.used[rows].unsqueeze(1), 0.0)

    def _logit_gradient_of_labels(self, rows, log_p, of_total):
        """The same, where only the label of a row has a weight; in place of log_p."""
        if not self.shard.classes:
            return log_p
        at, is_local = self.index[rows].unsqueeze(1), self.is_local[rows].unsqueeze(1)
        own, weights, of_total = log_p.gather(1, at), self.row_weights[rows].unsqueeze(1), of_total.unsqueeze(1)
        by_logits = log_p.exp_().mul_(weights + of_total)
        own_gradient = weights * torch.expm1(own) + of_total * torch.exp(own)
        return by_logits.scatter_(1, at, torch.where(is_local, own_gradient, by_logits.gather(1, at)))

    def _distribution(self, rows):
        """The weights q of the local classes in the loss of each row."""
        if self.has_labels:
            q = self.shard.is_own(self.is_local[rows], self.index[rows]).to(self.log_total.dtype)
        else:
            q = self.target[rows]
        if self.smoothing:
            q = q * (1 - self.smoothing) + (self.smoothing / self.classes[rows]).unsqueeze(1)
        return q if self.weight is None else q * self.weight

    def _check(self, gathered):
        if self.used.numel():
            sizes, starts = (gathered[:, column].reshape(len(gathered), -1)[:, 0] for column in (2, 3))
            check_shards(self.shard, sizes, starts, self.target if self.has_labels else None, self.used)

    def _scores(self, scores):
        if self.with_scores:
            return compared_scores(scores, self.target, self.used)
        return self.used.new_zeros(()), self.used.new_zeros(())


def _products(q, z):
    """q z, and 0 where q is 0: a class of weight 0 may have a logit of -inf."""
    return torch.where(q == 0, 0.0, q * z)


def _moved(products, weights, offset):
    """The sums of q (z + offset) of every process."""
    return products + _products(weights, offset)
