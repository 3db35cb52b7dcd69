"""The losses of torch.nn.functional for NumPy arrays, with the same names, argument order and defaults.

    import perdita.functional as F
    loss = F.cross_entropy(logits, labels, label_smoothing=0.1)

Operands may be anything that NumPy can convert, or objects with __dlpack__. They are not copied, for any strides. Torch
tensors that require grad raise an error, because their graph would be lost (see perdita.torch.functional); so do masked
elements. float32 and float64 are computed in their own precision, float16 and bfloat16 (ml_dtypes) in float32 and converted
back. See perdita.value_and_grad for gradients.
"""

import numpy as np

from perdita import _core
from perdita._arrays import arrays_of, numpy_of
from perdita._catalogue import ARGUMENTS
from perdita._extras import LossExtras
from perdita._functions import functions, loss_of
from perdita._hard_losses import check_fraction, check_mining, rows_of, share_of
from perdita._linear import LinearCrossEntropy
from perdita._names import missing
from perdita.errors import DomainError, DTypeError


def _narrowed(result, dtype):
    return result if dtype is None else np.asarray(result).astype(dtype)[()]


def _loss_of(function, reduction, normalize_by, options):
    try:
        return loss_of(function, reduction, normalize_by, **options)
    except TypeError as error:
        if isinstance(error, DTypeError):
            raise
        raise DTypeError(f"{function}: an option of {options} is not a number: {error} (valid: numbers)") from None


def _call(function, operands, reduction, normalize_by, return_extras, **options):
    loss = _loss_of(function, reduction, normalize_by, options)
    arrays, narrow = arrays_of(function, ARGUMENTS[function], operands)
    if return_extras:
        value, extras = loss.value_and_extras(arrays)
        return _narrowed(value, narrow), LossExtras(*extras)
    return _narrowed(loss.value(arrays), narrow)


def _call_with_gradients(argnums):
    """A call that returns (loss, gradients by these operands)."""
    wanted = sum(1 << i for i in argnums)

    def call(function, operands, reduction, normalize_by, return_extras, **options):
        loss = _loss_of(function, reduction, normalize_by, options)
        if max(argnums) >= len(operands) or operands[max(argnums)] is None:
            raise DomainError(
                f"{function}: argnums refers to argument {max(argnums)}, which is not an array in this call"
            )
        arrays, narrow = arrays_of(function, ARGUMENTS[function], operands)
        value, gradients = loss.value_and_gradients(arrays, wanted)
        return _narrowed(value, narrow), tuple(_narrowed(gradient, narrow) for gradient in gradients)

    return call


class _Products:
    """NumPy, as LinearCrossEntropy uses it."""

    empty, concatenate, product = staticmethod(np.empty), staticmethod(np.concatenate), staticmethod(np.matmul)

    @staticmethod
    def accumulate(total, slope, rows):
        """total += slope.T @ rows, by blocks, because the product itself is as large as total."""
        for begin in range(0, len(total), 1024):
            total[begin : begin + 1024] += slope[:, begin : begin + 1024].T @ rows


def _linear_cross_entropy(
    input,
    linear_weight,
    target,
    *,
    wanted,
    linear_bias=None,
    weight=None,
    reduction="mean",
    ignore_index=None,
    label_smoothing=0.0,
    z_loss=0.0,
    softcap=None,
    normalize_by=None,
    return_extras=False,
    chunk_rows=0,
):
    """The loss (with its extras, where asked for), and the gradients wanted."""
    names = "input", "linear_weight", "target", "linear_bias", "weight"
    operands = input, linear_weight, target, linear_bias, weight
    arrays, narrow = arrays_of("linear_cross_entropy", names, operands)
    for name, array in zip(names, arrays, strict=True):
        _core.check_readable("linear_cross_entropy", name, array)
    input, linear_weight, target, linear_bias, weight = (None if a is None else np.asarray(a) for a in arrays)
    call = LinearCrossEntropy(
        _Products,
        input,
        linear_weight,
        target,
        linear_bias,
        weight,
        reduction,
        ignore_index,
        label_smoothing,
        normalize_by,
        chunk_rows,
        z_loss,
        softcap,
        return_extras,
    )
    if reduction == "none":
        value, gradients = _narrowed(call.losses(), narrow), ()
    else:
        value, gradients = call.sum_and_gradients(wanted)
        value = _narrowed(input.dtype.type(value), narrow)
    return (value, call.extras) if return_extras else value, tuple(_narrowed(g, narrow) for g in gradients)


def linear_cross_entropy(
    input,
    linear_weight,
    target,
    *,
    linear_bias=None,
    weight=None,
    reduction="mean",
    ignore_index=None,
    label_smoothing=0.0,
    z_loss=0.0,
    softcap=None,
    normalize_by=None,
    return_extras=False,
    chunk_rows=0,
):
    """cross_entropy(input @ linear_weight.T + linear_bias, target) in chunks of rows, never storing all logits.

    input: [F] or [N, F]. linear_weight: [C, F], or [C, d1, ..., dK, F] for logits [N, C, d1, ..., dK]; linear_bias: the
    same shape without F. target: class indices or probabilities, as for cross_entropy. chunk_rows: rows per chunk; 0 limits
    a chunk of logits to 25 MB. Other keywords and errors: see cross_entropy.
    """
    return _linear_cross_entropy(
        input,
        linear_weight,
        target,
        linear_bias=linear_bias,
        weight=weight,
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
        softcap=softcap,
        normalize_by=normalize_by,
        return_extras=return_extras,
        chunk_rows=chunk_rows,
        wanted=(False, False, False),
    )[0]


def top_k_mean(losses, fraction=0.1, *, per_item=False):
    """The mean of the largest losses, a fraction of them (rounded up, at least one).

        perdita.functional.top_k_mean(perdita.functional.cross_entropy(logits, labels, reduction="none"), 0.1)

    losses: an array of floating numbers, as of reduction="none"; leave out ignored elements first. per_item: whether the
    mean is of each item of losses [N, ...]; the result is [N]. NaN counts as the largest loss; of equal losses those that
    come first are averaged. Raises DomainError, DTypeError, ShapeError.

    Used for segmentation, as in nnU-Net: most pixels are easy and would dominate a mean. For gradients, see
    perdita.torch.functional.top_k_mean.
    """
    check_fraction(fraction)
    rows = _rows_of("top_k_mean", losses, per_item)
    means = _mean_of(rows, _largest(rows, share_of(fraction, rows.shape[1])))
    return means if per_item else means[0]


def ohem_mean(losses, threshold, min_kept, *, per_item=False):
    """The mean of the losses above a threshold, and of the `min_kept` largest losses if these are more: online hard example
    mining (Shrivastava, Gupta and Girshick, CVPR 2016).

        perdita.functional.ohem_mean(losses, threshold=-math.log(0.7), min_kept=100_000)

    threshold: a loss; for a threshold p of the probability of the true class, as mmsegmentation has it, -log(p) of
    cross-entropies. The other arguments, and errors: see top_k_mean.
    """
    check_mining(threshold, min_kept)
    rows = _rows_of("ohem_mean", losses, per_item)
    means = _mean_of(rows, _largest(rows, min(int(min_kept), rows.shape[1])) | ~(rows <= threshold))
    return means if per_item else means[0]


def _rows_of(function, losses, per_item):
    return rows_of(function, numpy_of(function, "losses", losses), per_item)


def _largest(rows, count):
    """Which are the `count` largest of each row, NaN first, and of equal ones those that come first."""
    order = np.argsort(np.where(np.isnan(rows), -np.inf, -rows), axis=1, kind="stable")
    kept = np.zeros(rows.shape, dtype=bool)
    np.put_along_axis(kept, order[:, :count], True, axis=1)
    return kept


def _mean_of(rows, kept):
    sums = np.where(kept, rows, 0).sum(axis=1, dtype=np.float64)
    return (sums / kept.sum(axis=1)).astype(rows.dtype)


def _check_arrays(function, names, operands):
    _core.check_arrays(function, names, arrays_of(function, names, operands)[0])


_table = functions(_call, np, _check_arrays)
globals().update(_table)
__getattr__ = missing(__name__, "function")
__all__ = sorted([*_table, "linear_cross_entropy", "ohem_mean", "top_k_mean"])
