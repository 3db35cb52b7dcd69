"""The losses as one writes them in JAX, jitted with their gradients."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from perdita.bench.joint_cases import JOINT_CASES

_LOG_ZERO = -1e5  # log-probability of what cannot be: finite, so that gradients are, too


def _huber(x, t):
    r = jnp.abs(x - t)
    return jnp.mean(jnp.where(r < 1, 0.5 * r * r, r - 0.5))


def _binary_cross_entropy(x, t):
    return -jnp.mean(t * jnp.maximum(jnp.log(x), -100) + (1 - t) * jnp.maximum(jnp.log1p(-x), -100))


def _binary_cross_entropy_with_logits(x, t):
    return jnp.mean(jax.nn.softplus(x) - t * x)


def _binary_focal(x, t, alpha=0.25, gamma=2.0):
    p = jax.nn.sigmoid(x)
    ce = jax.nn.softplus(x) - t * x
    p_t = p * t + (1 - p) * (1 - t)
    return jnp.mean((alpha * t + (1 - alpha) * (1 - t)) * (1 - p_t) ** gamma * ce)


def _gaussian_nll(x, t, var, eps=1e-6):
    var = jnp.maximum(var, eps)
    return 0.5 * jnp.mean(jnp.log(var) + (x - t) ** 2 / var)


def _nll(log_p, y):
    return -jnp.mean(jnp.take_along_axis(log_p, y[:, None], 1))


def _multi_margin(x, y):
    violations = jax.nn.relu(1 - jnp.take_along_axis(x, y[:, None], 1) + x)
    return jnp.mean(jnp.where(jnp.arange(x.shape[1]) == y[:, None], 0, violations))


def _multilabel_margin(x, y):
    """y: the classes of a row, up to the first -1."""
    is_own = jnp.cumprod(y >= 0, 1) > 0
    classes = jnp.where(is_own, y, 0)
    is_listed = jnp.any((jnp.arange(x.shape[1])[:, None] == y[:, None, :]) & is_own[:, None, :], 2)
    violations = jax.nn.relu(1 - jnp.take_along_axis(x, classes, 1)[:, :, None] + x[:, None, :])
    counts = is_own[:, :, None] & ~is_listed[:, None, :]
    return jnp.mean(jnp.sum(jnp.where(counts, violations, 0), (1, 2))) / x.shape[1]


def _cosine_embedding(a, b, t):
    cosine = jnp.sum(a * b, 1) / jnp.sqrt((jnp.sum(a * a, 1) + 1e-12) * (jnp.sum(b * b, 1) + 1e-12))
    return jnp.mean(jnp.where(t == 1, 1 - cosine, jax.nn.relu(cosine)))


def _triplet_margin(anchor, positive, negative, eps=1e-6):
    def distance(a, b):
        return jnp.sqrt(jnp.sum((a - b + eps) ** 2, 1))

    return jnp.mean(jax.nn.relu(1 + distance(anchor, positive) - distance(anchor, negative)))


def _ctc(log_p, labels, frames, lengths):
    """The forward recursion over labels with blanks between them, in log-space, a frame a step."""
    items, longest = labels.shape
    states = jnp.zeros((items, 2 * longest + 1), labels.dtype).at[:, 1::2].set(labels)
    may_skip = (states != 0) & (states != jnp.roll(states, 2, 1)) & (jnp.arange(states.shape[1]) > 1)
    emissions = jnp.take_along_axis(log_p, states[None], 2)

    def shifted(alpha, by):
        return jnp.pad(alpha[:, :-by], ((0, 0), (by, 0)), constant_values=_LOG_ZERO)

    def step(alpha, frame):
        emission, number = frame
        skipped = jnp.where(may_skip, shifted(alpha, 2), _LOG_ZERO)
        following = jnp.logaddexp(jnp.logaddexp(alpha, shifted(alpha, 1)), skipped) + emission
        return jnp.where(number < frames[:, None], following, alpha), None

    first = jnp.where(jnp.arange(states.shape[1]) < 2, emissions[0], _LOG_ZERO)
    last, _ = jax.lax.scan(step, first, (emissions[1:], jnp.arange(1, log_p.shape[0])))
    ends = jnp.take_along_axis(last, 2 * lengths[:, None] - jnp.arange(2), 1)
    return -jnp.mean(jnp.logaddexp(ends[:, 0], ends[:, 1]) / lengths)


def _dice(y, t, smooth=1.0):
    """Of masks [N, ...], or of labels [N, ...] of the classes of [N, C, ...]."""
    if y.ndim > t.ndim:
        p, t = jax.nn.softmax(y, 1), jax.nn.one_hot(t, y.shape[1], axis=1)
    else:
        p = jax.nn.sigmoid(y)
    space = tuple(range(y.ndim - 2, y.ndim))
    return jnp.mean(1 - (2 * jnp.sum(p * t, space) + smooth) / (jnp.sum(p, space) + jnp.sum(t, space) + smooth))


def _lovasz(y, t):
    def of_mask(errors, inside):
        order = jnp.argsort(-errors)
        inside = inside[order]
        size = jnp.sum(inside)
        jaccard = 1 - (size - jnp.cumsum(inside)) / (size + jnp.cumsum(1 - inside))
        return jnp.dot(errors[order], jnp.diff(jaccard, prepend=0))

    y, t = y.reshape(len(y), -1), t.reshape(len(t), -1)
    return jnp.mean(jax.vmap(of_mask)(jax.nn.relu(1 - y * (2 * t - 1)), t))


LOSSES: dict[str, Callable[..., Any]] = {
    "mse_loss": lambda x, t: jnp.mean((x - t) ** 2),
    "l1_loss": lambda x, t: jnp.mean(jnp.abs(x - t)),
    "smooth_l1_loss": _huber,  # the same where beta and delta are 1
    "huber_loss": _huber,
    "binary_cross_entropy": _binary_cross_entropy,
    "binary_cross_entropy_with_logits": _binary_cross_entropy_with_logits,
    "kl_div": lambda x, t: jnp.mean(jax.scipy.special.xlogy(t, t) - t * x),
    "poisson_nll_loss": lambda x, t: jnp.mean(jnp.exp(x) - t * x),
    "gaussian_nll_loss": _gaussian_nll,
    "soft_margin_loss": lambda x, t: jnp.mean(jax.nn.softplus(-t * x)),
    "hinge_embedding_loss": lambda x, t: jnp.mean(jnp.where(t == 1, x, jax.nn.relu(1 - x))),
    "margin_ranking_loss": lambda a, b, t: jnp.mean(jax.nn.relu(-t * (a - b))),
    "binary_focal_loss": _binary_focal,
    "cross_entropy": lambda x, y: _nll(jax.nn.log_softmax(x), y),
    "nll_loss": _nll,
    "multi_margin_loss": _multi_margin,
    "multilabel_margin_loss": _multilabel_margin,
    "multilabel_soft_margin_loss": _binary_cross_entropy_with_logits,
    "cosine_embedding_loss": _cosine_embedding,
    "triplet_margin_loss": _triplet_margin,
    "dice_loss": _dice,
    "lovasz_loss": _lovasz,
    "ctc_loss": _ctc,
    **{loss: of_jax for loss, _, _, of_jax in JOINT_CASES},
}


def jax_step(case):
    """A call that gives the loss and its gradients by the same arguments as the others'."""
    arrays = [_array(tensor.detach().numpy()) for tensor in case.tensors]
    wanted = tuple(i for i, tensor in enumerate(case.tensors) if tensor.requires_grad)
    step = jax.jit(jax.value_and_grad(LOSSES[case.loss], wanted))

    def run():
        return jax.block_until_ready(step(*arrays))

    return run


def _array(array):
    return jnp.asarray(array.astype(np.int32) if array.dtype == np.int64 else array)
