"""cross_entropy(linear(input, linear_weight, bias), target) without ever storing all logits.

The rows are processed in chunks: the logits of a chunk are computed, then its loss and gradient in one pass, which are
multiplied into the gradients of input, weight and bias. The additional memory is one chunk of logits, which is overwritten
by its gradient. (The method is that of Liger Kernel, Hsu et al., arXiv 2410.10989, section 3.2.)
"""

import math

from perdita import _core
from perdita._extras import LossExtras
from perdita._functions import logit_options, loss_of
from perdita.errors import DomainError, DTypeError, ShapeError

_FUNCTION = "linear_cross_entropy"
CHUNK_BYTES = 25 << 20  # of logits, at most. Each chunk reads and writes the whole gradient by linear_weight
_PART_BYTES = 2 << 20  # of them whose gradient is made at once


def _even_part(rows, most):
    """The size of as few equal parts as there are with at most `most` rows each."""
    parts = max(1, math.ceil(rows / most))
    return max(1, math.ceil(rows / parts))


def _ranges(rows, size):
    """Where ranges of so many rows begin and end; one of no rows, where there are none."""
    for begin in range(0, max(rows, 1), size):
        yield begin, min(rows, begin + size)


class LinearCrossEntropy:
    """A checked call. library: numpy or torch, for the operations on arrays. return_extras: whether the LossExtras are
    stored in `extras`."""

    def __init__(
        self,
        library,
        input,
        linear_weight,
        target,
        bias,
        weight,
        reduction,
        ignore_index,
        label_smoothing,
        normalize_by,
        chunk_rows,
        z_loss=0.0,
        softcap=None,
        return_extras=False,
    ):
        self.library = library
        names = ["input", "linear_weight", "target", "linear_bias", "weight"]
        for name, array in zip(names[:3], (input, linear_weight, target), strict=True):
            if array is None:
                raise DomainError(f"{_FUNCTION}: {name} is None (valid: an array)")
        _core.check_arrays(_FUNCTION, names, (input, linear_weight, target, bias, weight))
        self._check(input, linear_weight, target, bias, ignore_index)
        self.single = input.ndim == 1
        self.input = input[None] if self.single else input
        self.classes, self.places = linear_weight.shape[0], tuple(linear_weight.shape[1:-1])
        self.matrix = linear_weight.reshape(-1, linear_weight.shape[-1])
        self.target = target[None] if self.single else target
        self.bias = None if bias is None else bias.reshape(-1)
        if weight is not None and tuple(weight.shape) != (self.classes,):
            raise ShapeError(
                f"{_FUNCTION}: weight has shape {list(weight.shape)}, but linear_weight has {self.classes} classes (valid: "
                f"[{self.classes}])"
            )
        self.weight, self.reduction, self.normalize_by = weight, reduction, normalize_by
        self.indexed = "int" in str(target.dtype)
        self.ignore_index = -100 if ignore_index is None else ignore_index
        self.options = {
            "ignore_index": self.ignore_index if self.indexed else -100,
            "label_smoothing": label_smoothing,
            **logit_options(z_loss, softcap),
        }
        try:
            loss_of("cross_entropy", reduction, normalize_by, **self.options)
        except (DomainError, DTypeError) as error:
            raise type(error)(str(error).replace("cross_entropy", _FUNCTION, 1)) from None
        if chunk_rows < 0:
            raise DomainError(f"{_FUNCTION}: chunk_rows is {chunk_rows} (valid: 0 or more)")
        row_bytes = self.matrix.shape[0] * 4
        self.chunk_rows = chunk_rows or _even_part(len(self.input), max(1, CHUNK_BYTES // max(1, row_bytes)))
        self.part_rows = max(1, _PART_BYTES // max(1, row_bytes))
        self.denominator = self._denominator()
        self.return_extras, self.extras, self._of_chunks = return_extras, None, []
        self._logits = None  # one buffer for all chunks

    @staticmethod
    def _check(input, linear_weight, target, bias, ignore_index):
        for name, array in (("input", input), ("linear_weight", linear_weight), ("linear_bias", bias)):
            if array is not None and (array.dtype != input.dtype or "float" not in str(array.dtype)):
                raise DTypeError(
                    f"{_FUNCTION}: {name} holds {array.dtype}, input {input.dtype} (valid: both float32, or both float64)"
                )
        x, w = tuple(input.shape), tuple(linear_weight.shape)
        if len(x) not in (1, 2):
            raise ShapeError(f"{_FUNCTION}: input has shape {list(x)} (valid: [F] or [N, F])")
        if len(w) < 2:
            raise ShapeError(f"{_FUNCTION}: linear_weight has shape {list(w)} (valid: [C, F] or [C, d1, ..., F])")
        if x[-1] != w[-1]:
            raise ShapeError(
                f"{_FUNCTION}: linear_weight has shape {list(w)}, but input has {list(x)} (valid: the same last size)"
            )
        if len(w) > 2 and len(x) == 1:
            raise ShapeError(
                f"{_FUNCTION}: linear_weight has shape {list(w)}, but input has {list(x)} "
                "(valid: [N, F] for a weight of more than two dimensions)"
            )
        if bias is not None and tuple(bias.shape) != w[:-1]:
            raise ShapeError(
                f"{_FUNCTION}: linear_bias has shape {list(bias.shape)}, but linear_weight has {list(w)} "
                f"(valid: {list(w[:-1])})"
            )
        indexed = "int" in str(target.dtype)
        if not indexed and "float" not in str(target.dtype):
            raise DTypeError(f"{_FUNCTION}: target holds {target.dtype} (valid: class indices or probabilities)")
        if not indexed and ignore_index is not None:
            raise DomainError(
                f"{_FUNCTION}: ignore_index is {ignore_index}, but target holds class probabilities "
                "(valid: with class indices only)"
            )
        rows, places = x[:-1], w[1:-1]
        valid = rows + places if indexed else rows + w[:1] + places
        if tuple(target.shape) != valid:
            raise ShapeError(
                f"{_FUNCTION}: target has shape {list(target.shape)}, but input has {list(x)} and "
                f"linear_weight {list(w)} (valid: {list(valid)})"
            )

    def _denominator(self):
        """The denominator of the sum of all losses."""
        if self.reduction != "mean":
            return 1.0
        positions = float(math.prod(self.target.shape) if self.indexed else len(self.input) * math.prod(self.places))
        if self.normalize_by == "batch":
            return float(len(self.input))
        if not self.indexed:
            return positions
        count, weights = _core.count_labels(_FUNCTION, self.target, self.classes, self.ignore_index, self.weight)
        return float(count) if self.normalize_by == "count" else weights

    def losses(self):
        """A loss for each position."""
        found = []
        loss = loss_of("cross_entropy", "none", None, **self.options)
        for begin, end in _ranges(len(self.input), self.chunk_rows):
            found.append(self._value(loss, self._operands(begin, end)))
        losses = self.library.concatenate(found)
        self._join_extras(float(losses.sum()), 1.0)
        return losses[0] if self.single else losses

    def sum_and_gradients(self, wanted, upstream=None):
        """The sum of the losses over the denominator, and its gradients by (input, linear_weight, bias), None where not
        wanted. upstream: for each position, or None for ones."""
        by_input = self._zeros(self.input.shape) if wanted[0] else None
        by_weight = self._zeros(self.matrix.shape) if wanted[1] else None
        by_bias = self._zeros(self.matrix.shape[:1]) if wanted[2] else None
        loss = loss_of("cross_entropy", "sum", None, **self.options)
        total = 0.0
        for begin, end in _ranges(len(self.input), self.chunk_rows):
            operands = self._operands(begin, end)
            if not any(wanted):
                total += float(self._value(loss, operands))
                continue
            total += self._differentiate(loss, *operands)
            slope = operands[0]
            if upstream is not None:
                slope *= upstream[begin:end, None]
            slope = slope.reshape(end - begin, self.matrix.shape[0])
            if by_input is not None:
                self.library.product(slope, self.matrix, by_input[begin:end])
            if by_weight is not None:
                self.library.accumulate(by_weight, slope, self.input[begin:end])
            if by_bias is not None:
                by_bias += slope.sum(0)
        if self.denominator != 1.0:
            for gradient in (by_input, by_weight, by_bias):
                if gradient is not None:
                    gradient *= 1 / self.denominator if self.denominator else 0.0
        self._join_extras(total, self.denominator)
        return self._quotient(total), self._shaped(by_input, by_weight, by_bias)

    def _value(self, loss, operands):
        if not self.return_extras:
            return loss.value(operands)
        value, extras = loss.value_and_extras(operands)
        self._of_chunks.append(LossExtras(*extras))
        return value

    def _differentiate(self, loss, logits, target, weight):
        """The loss of a chunk, whose gradient takes the place of its logits."""
        total = 0.0
        for begin, end in _ranges(len(logits), self.part_rows):
            value, slope = self._value_and_slope(loss, (logits[begin:end], target[begin:end], weight))
            total += float(value)
            logits[begin:end] = slope
        return total

    def _value_and_slope(self, loss, operands):
        """The loss of some rows, and its gradient by the logits."""
        if not self.return_extras:
            value, (slope,) = loss.value_and_gradients(operands, 1)
            return value, slope
        value, extras, evaluation = loss.forward_with_extras(operands, 1)
        self._of_chunks.append(LossExtras(*extras))
        one = self._empty(())
        one[...] = 1
        return value, evaluation.backward(one)[0]

    def _join_extras(self, numerator, denominator):
        if not self.return_extras:
            return

        def joined(parts):
            if parts[0] is None:
                return None
            whole = self.library.concatenate(parts)
            return whole[0] if self.single else whole

        columns = [[getattr(extras, name) for extras in self._of_chunks] for name in ("losses", "margins", "hits")]
        self.extras = LossExtras(numerator, denominator, *map(joined, columns))

    def _quotient(self, total):
        return total / self.denominator if self.denominator else math.nan

    def _shaped(self, by_input, by_weight, by_bias):
        if self.single and by_input is not None:
            by_input = by_input[0]
        shape = (self.classes, *self.places)
        return (
            by_input,
            None if by_weight is None else by_weight.reshape(*shape, -1),
            None if by_bias is None else by_bias.reshape(shape),
        )

    def _operands(self, begin, end):
        """The operands of cross_entropy for some rows."""
        if self._logits is None:
            self._logits = self._empty((min(self.chunk_rows, len(self.input)), self.matrix.shape[0]))
        logits = self._logits[: end - begin]
        self.library.product(self.input[begin:end], self.matrix.T, logits)
        if self.bias is not None:
            logits += self.bias
        logits = logits.reshape(end - begin, self.classes, *self.places)
        return logits, self.target[begin:end], self.weight

    def _empty(self, shape):
        return self.library.empty(shape, self.input.dtype)

    def _zeros(self, shape):
        array = self._empty(shape)
        array[...] = 0
        return array
