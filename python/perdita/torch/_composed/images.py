"""Losses of images."""

import math

import torch
import torch.nn.functional as F

from perdita.errors import DomainError, ShapeError
from perdita.torch._composed.reduce import reduce_elements


def _images(call, name):
    """An operand [N, C, H, W] or [C, H, W]."""
    images = call.number(name)
    if images.dim() not in (3, 4) or images.shape[-3] == 0:
        raise ShapeError(
            f"{call.function}: {name} has shape {list(images.shape)} (valid: [N, C, H, W] or [C, H, W], with channels)"
        )
    return images


def _check_window(call, images, window, reflects):
    if window % 2 == 0:
        raise DomainError(f"{call.function}: window is {window} (valid: odd numbers)")
    least = window // 2 + 1 if reflects else window
    shorter = min(images.shape[-2:])
    if shorter >= least:
        return
    largest = 2 * shorter - 1 if reflects else shorter - 1 + shorter % 2
    smaller = f", or window={largest}" if largest > 0 else ""
    raise ShapeError(
        f"{call.function}: input has shape {list(images.shape)}, which is too small for a window of {window} with "
        f"padding={'reflect' if reflects else 'valid'} (valid: at least {least} in height and width{smaller})"
    )


def _gaussian_window(size, sigma):
    distances = [(k - size // 2) / sigma for k in range(size)]
    weights = [math.exp(-0.5 * distance * distance) for distance in distances]
    return [weight / sum(weights) for weight in weights]


def _reflected(x, dim, padding):
    """The images extended along a dimension by their reflection."""
    size = x.shape[dim]
    before, after = x.narrow(dim, 1, padding), x.narrow(dim, size - 1 - padding, padding)
    return torch.cat((before.flip(dim), x, after.flip(dim)), dim)


def _center_of(x):
    """The central pixel of each channel, or 0 where it is not finite."""
    pixel = x.narrow(-2, x.shape[-2] // 2, 1).narrow(-1, x.shape[-1] // 2, 1)
    return torch.where(torch.isfinite(pixel), pixel, 0.0)


def _moments_along(means, variances, dim, window):
    """Means and variances of windows along a dimension of numbers that have means and variances (0 if None) themselves. Not
    by a convolution, which devices compute with fewer digits."""
    count = means.shape[dim] - len(window) + 1
    mean = sum(w * means.narrow(dim, k, count) for k, w in enumerate(window))
    terms = (torch.square(means.narrow(dim, k, count) - mean) for k in range(len(window)))
    if variances is not None:
        terms = (variances.narrow(dim, k, count) + term for k, term in enumerate(terms))
    return mean, sum(w * term for w, term in zip(window, terms, strict=True))


def ssim_loss(call):
    """By the form of perdita/kernels/structural_similarity.hpp, in which nothing cancels."""
    x, y = _images(call, "input"), call.number("target")
    if x.shape != y.shape:
        raise ShapeError(
            f"{call.function}: target has shape {list(y.shape)}, but input has {list(x.shape)} (valid: the same)"
        )
    size, reflects = int(call.option("window")), call.option("padding") == "reflect"
    _check_window(call, x, size, reflects)
    window = _gaussian_window(size, float(call.option("sigma")))
    # A power of two, so that the scaled images are exact and their squares do not overflow.
    limits, data_range = torch.finfo(x.dtype), float(call.option("data_range"))
    largest_exponent = math.frexp(limits.max)[1] - 1
    scale = math.ldexp(1.0, min(1 - math.frexp(data_range)[1], largest_exponent))
    # Above 0: black or flat images make quotients of zeros otherwise.
    c1, c2 = (max((float(call.option(name)) * scale * data_range) ** 2, limits.tiny) for name in ("k1", "k2"))

    def moments(signal):
        if reflects and size > 1:
            signal = _reflected(_reflected(signal, -2, size // 2), -1, size // 2)
        means, variances = _moments_along(signal, None, -1, window)
        return _moments_along(means, variances, -2, window)

    x, y = x * scale, y * scale
    brightness = _center_of((x + y).detach())
    (mean_of_sum, variance_of_sum), (mean, variance) = moments(x + y - brightness), moments(x - y)
    a = 2.0 * torch.square(mean) / (torch.square(mean_of_sum + brightness) + torch.square(mean) + 2.0 * c1)
    b = 2.0 * variance / (variance_of_sum + variance + 2.0 * c2)
    return reduce_elements(call, (a + b * (1.0 - a)).mean((-3, -2, -1)))


def total_variation_loss(call):
    x, norm = _images(call, "input"), call.option("norm")
    if 0 in x.shape[-2:]:
        raise ShapeError(f"{call.function}: input has shape {list(x.shape)} (valid: images with pixels)")
    right, below = F.pad(x.diff(dim=-1), (0, 1)), F.pad(x.diff(dim=-2), (0, 0, 0, 1))
    if norm == "l1":
        # Not abs(), whose second derivative torch represents by a tensor without storage.
        terms = right * torch.sgn(right.detach()) + below * torch.sgn(below.detach())
    else:
        terms = torch.square(right) + torch.square(below)
        if norm == "isotropic":
            terms = torch.sqrt(terms + float(call.option("eps")))
    return reduce_elements(call, terms.sum((-3, -2, -1)))
