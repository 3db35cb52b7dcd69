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


def _check_window(call, images, window, reflects, smaller):
    if window % 2 == 0:
        raise DomainError(f"{call.function}: window is {window} (valid: odd numbers)")
    least = window // 2 + 1 if reflects else window
    shorter = min(images.shape[-2:])
    for _ in range(smaller):
        shorter = (shorter + 1) // 2
    if shorter >= least:
        return
    largest = 2 * shorter - 1 if reflects else shorter - 1 + shorter % 2
    others = f", or window={largest}" if largest > 0 else ""
    others += ", or fewer scales" if smaller else ""
    raise ShapeError(
        f"{call.function}: input has shape {list(images.shape)}, which is too small for a window of {window} with "
        f"padding={'reflect' if reflects else 'valid'}{f' after it is halved {smaller} times' if smaller else ''} (valid: "
        f"at least {((least - 1) << smaller) + 1} in height and width{others})"
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


def _two_images(call):
    x, y = _images(call, "input"), call.number("target")
    if x.shape != y.shape:
        raise ShapeError(
            f"{call.function}: target has shape {list(y.shape)}, but input has {list(x.shape)} (valid: the same)"
        )
    return x, y


class _Window:
    """The window of a similarity, and the scale of its images. smaller: how often images are halved before it is applied."""

    def __init__(self, call, x, smaller=0):
        self.size, self.reflects = int(call.option("window")), call.option("padding") == "reflect"
        _check_window(call, x, self.size, self.reflects, smaller)
        self.weights = _gaussian_window(self.size, float(call.option("sigma")))
        # A power of two, so that the scaled images are exact and their squares do not overflow.
        limits, data_range = torch.finfo(x.dtype), float(call.option("data_range"))
        largest_exponent = math.frexp(limits.max)[1] - 1
        self.scale = math.ldexp(1.0, min(1 - math.frexp(data_range)[1], largest_exponent))
        # Above 0: black or flat images make quotients of zeros otherwise.
        self.c1, self.c2 = (
            max((float(call.option(name)) * self.scale * data_range) ** 2, limits.tiny) for name in ("k1", "k2")
        )

    def _moments(self, signal):
        if self.reflects and self.size > 1:
            signal = _reflected(_reflected(signal, -2, self.size // 2), -1, self.size // 2)
        means, variances = _moments_along(signal, None, -1, self.weights)
        return _moments_along(means, variances, -2, self.weights)

    def similarity(self, x, y):
        """(a, b) of scaled images: the similarity of a position is (1 - a) (1 - b), the factors of means and of structure.
        By the form of perdita/kernels/structural_similarity.hpp, in which nothing cancels."""
        brightness = _center_of((x + y).detach())
        (mean_of_sum, variance_of_sum), (mean, variance) = self._moments(x + y - brightness), self._moments(x - y)
        a = 2.0 * torch.square(mean) / (torch.square(mean_of_sum + brightness) + torch.square(mean) + 2.0 * self.c1)
        return a, 2.0 * variance / (variance_of_sum + variance + 2.0 * self.c2)


def ssim_loss(call):
    x, y = _two_images(call)
    window = _Window(call, x)
    a, b = window.similarity(x * window.scale, y * window.scale)
    return reduce_elements(call, (a + b * (1.0 - a)).mean((-3, -2, -1)))


_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli and Bovik 2003


def ms_ssim_loss(call):
    """1 - prod_j (1 - d_j)^w_j of each channel, where d_j is 1 minus the average similarity of scale j."""
    x, y = _two_images(call)
    scales = int(call.option("scales"))
    window = _Window(call, x, scales - 1)
    x, y = x * window.scale, y * window.scale
    logarithms, are_one = [], []
    for scale in range(scales):
        if scale:
            x, y = (_halved(_halved(z, -2), -1) for z in (x, y))
        a, b = window.similarity(x, y)
        d = (b if scale + 1 < scales else a + b * (1.0 - a)).mean((-2, -1))
        is_one = d.detach() >= 1.0
        weight = 1.0 / scales if call.option("weights") == "uniform" else _SCALE_WEIGHTS[scale]
        logarithms.append(weight * torch.log1p(-torch.where(is_one, 0.0, d)))
        are_one.append(is_one)
    log_product = torch.stack(logarithms).sum(0)
    one = 1.0 + 0.0 * log_product.detach()  # or NaN
    losses = torch.where(torch.stack(are_one).any(0), one, -torch.expm1(log_product))
    return reduce_elements(call, losses.mean(-1))


def _halved(x, dim):
    """The averages of pairs along a dimension; at the edge of an odd size, its last pixel."""
    size = x.shape[dim]
    if size % 2:
        x = torch.cat((x, x.narrow(dim, size - 1, 1)), dim)
    x = x.transpose(dim, -1)
    return ((x[..., ::2] + x[..., 1::2]) / 2.0).transpose(dim, -1)


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
