"""Means of the largest of given losses, by operators of torch: on every device, under every transform."""

import torch

from perdita._hard_losses import check_fraction, check_mining, rows_of, share_of
from perdita.torch._types import computing_dtype


def top_k_mean(losses, fraction=0.1, *, per_item=False):
    """The mean of the largest losses, a fraction of them (rounded up, at least one).

        F.top_k_mean(F.cross_entropy(logits, labels, reduction="none"), 0.1)

    losses: a floating tensor, as of reduction="none"; leave out ignored elements first. per_item: whether the mean is of
    each item of losses [N, ...]; the result is [N]. NaN counts as the largest loss; of equal losses those that come first
    are averaged. The selection is a constant of the gradient. Raises DomainError, DTypeError, ShapeError.

    Used for segmentation, as in nnU-Net: most pixels are easy and would dominate a mean.
    """
    check_fraction(fraction)
    rows = rows_of("top_k_mean", losses, per_item)
    return _mean_of(rows, _largest(rows, share_of(fraction, rows.shape[1])), per_item)


def ohem_mean(losses, threshold, min_kept, *, per_item=False):
    """The mean of the losses above a threshold, and of the `min_kept` largest losses if these are more: online hard example
    mining (Shrivastava, Gupta and Girshick, CVPR 2016).

        F.ohem_mean(losses, threshold=-math.log(0.7), min_kept=100_000)

    threshold: a loss; for a threshold p of the probability of the true class, as mmsegmentation has it, -log(p) of
    cross-entropies. The other arguments, and errors: see top_k_mean.
    """
    check_mining(threshold, min_kept)
    rows = rows_of("ohem_mean", losses, per_item)
    kept = _largest(rows, min(int(min_kept), rows.shape[1])) | ~(rows.detach() <= threshold)
    return _mean_of(rows, kept, per_item)


def _largest(rows, count):
    """Which are the `count` largest of each row, NaN first, and of equal ones those that come first."""
    values = rows.detach()
    least = values.kthvalue(values.shape[1] - count + 1, dim=1, keepdim=True).values  # NaN is the largest here, too
    is_nan = torch.isnan(values)
    is_equal = (values == least) | is_nan & torch.isnan(least)
    is_above = (values > least) | is_nan & ~torch.isnan(least)
    missing = count - is_above.sum(1, keepdim=True)
    return is_above | is_equal & (is_equal.cumsum(1) <= missing)


def _mean_of(rows, kept, per_item):
    sums = torch.where(kept, rows, 0.0).sum(
        1, dtype=computing_dtype(rows.dtype)
    )  # the sum of narrow numbers may overflow
    means = (sums / kept.sum(1)).to(rows.dtype)
    return means if per_item else means.squeeze(0)
