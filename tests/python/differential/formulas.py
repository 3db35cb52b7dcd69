"""The losses as their papers and torch's documentation write them, over numbers of 50 digits. None of Perdita's code."""

import math

from mpmath import mp, mpf

from .jets import (
    INFINITE,
    Jet,
    Undefined,
    absolute,
    exp,
    expm1,
    hinge,
    log,
    log1p,
    log_cosh,
    maximum,
    minimum,
    power,
    reciprocal,
    sigmoid,
    softplus,
    sqrt,
    unary,
    value,
)  # fmt: skip
from .several import SEVERAL

raised = power  # where an option is called power


def smooth_l1(n, x, t, beta=1.0):
    r = absolute(x - t, n)
    if beta == 0 or not n.is_less(r, beta):
        return r - mpf(beta) / 2
    return (x - t) * (x - t) / (2 * mpf(beta))


def huber(n, x, t, delta=1.0):
    r = absolute(x - t, n)
    if delta == float("inf") or n.is_less(r, delta):
        return (x - t) * (x - t) / mpf(2)
    return mpf(delta) * (r - mpf(delta) / 2)


def charbonnier(n, x, t, eps=1e-3):
    return sqrt((x - t) * (x - t) + mpf(eps) ** 2)


def quantile(n, x, t, q=0.5):
    r = t - x
    return r * -(1 - mpf(q)) if n.is_less(r, 0) else r * mpf(q)


def tweedie(n, x, t, power=1.5, log_input=True):
    a, b = 2 - mpf(power), 1 - mpf(power)
    if log_input:
        return exp(a * x) / a - t * exp(b * x) / b
    if value(x) == 0 or value(x) >= INFINITE:
        n.unknown = True
        return x + t
    return raised(x, a) / a - t * raised(x, b) / b


def gamma_nll(n, x, t, log_input=True):
    if log_input:
        return x + t * exp(-x)
    if value(x) == 0:
        n.unknown = True
        return x + t
    return log(x) + t * reciprocal(x)


def poisson_nll(n, x, t, log_input=True, full=False, eps=1e-8):
    loss = exp(x) - t * x if log_input else x - t * log(x + mpf(eps))
    if full and not n.is_less(t, 1) and value(t) > 1:
        loss = loss + t * log(t) - t + log(2 * mp.pi * t) / 2
    return loss


def kl_div(n, x, t, log_target=False):
    if log_target:
        return exp(t) * (t - x)
    if value(t) == 0:
        n.kink = True
        return t * 0 + x * 0
    if value(t) < 0:
        raise Undefined
    return t * (log(t) - x)


def binary_cross_entropy(n, x, t):
    """The logarithms are at least -100; torch's derivative has x (1 - x) at least 1e-12 instead."""
    a, b = value(x), value(t)

    def floor(y):
        return max(mp.log(y), mpf(-100)) if y > 0 else mpf(-100)

    low, high = floor(a), max(mp.log1p(-a), mpf(-100)) if a < 1 else mpf(-100)
    spread, least = a * (1 - a), mpf(9.999999960041972e-13)  # torch keeps 1e-12 as a float
    slope = (a - b) / max(spread, least)
    if abs(spread / least - 1) < 1e-3:
        n.kink = True
    curve = 1 / spread - (a - b) * (1 - 2 * a) / spread**2 if spread > least else 1 / least
    result = Jet(-(b * low + (1 - b) * high))
    result = result + unary(x - a, mpf(0), slope, curve)
    if isinstance(t, Jet):
        result = result + unary(t - b, mpf(0), high - low, mpf(0)) + (x - a) * (t - b) * (-1 / max(spread, least))
    return result


def binary_cross_entropy_with_logits(n, x, t, pos_weight=None):
    w = mpf(1) if pos_weight is None else pos_weight
    if value(x) > 0:
        return ((1 - t) + t * w) * softplus(-x) + (1 - t) * x
    return ((1 - t) + t * w) * softplus(x) - t * w * x


def binary_focal(n, x, t, alpha=0.25, gamma=2.0, alpha_by_class=True):
    wrong = (1 - t) * sigmoid(x) + t * sigmoid(-x)
    weight = mpf(alpha) * t + (1 - mpf(alpha)) * (1 - t) if alpha_by_class else mpf(alpha)
    return weight * power(wrong, gamma) * binary_cross_entropy_with_logits(n, x, t)


def asymmetric(n, x, t, gamma_pos=0.0, gamma_neg=4.0, clip=0.05):
    positives = power(sigmoid(-x), gamma_pos) * softplus(-x)
    if clip == 0:
        return t * positives + (1 - t) * power(sigmoid(x), gamma_neg) * softplus(x)
    q = maximum(sigmoid(x) - mpf(clip), mpf(0), n)
    if not isinstance(q, Jet):
        return t * positives
    return t * positives - (1 - t) * power(q, gamma_neg) * log1p(-q)


def hinge_embedding(n, x, t, margin=1.0):
    pushed = hinge(mpf(margin), x, n) if value(t) != 1 else mpf(0)
    return pushed + (x if value(t) != -1 else mpf(0))


def gaussian_nll(n, x, t, var, full=False, eps=1e-6):
    if value(var) < 0:
        raise Undefined
    n.unknown = value(var) >= INFINITE  # inf / inf, of squares that overflow
    v = var + max(mpf(eps) - value(var), mpf(0))
    return (log(v) + (x - t) * (x - t) / v + (mp.log(2 * mp.pi) if full else 0)) / mpf(2)


def msle(n, x, t):
    if value(x) <= -1 or value(t) <= -1:
        if value(x) < -1 or value(t) < -1:
            raise Undefined
        n.unknown = True
        return x + t
    n.unknown = max(value(x), value(t)) >= INFINITE
    r = log1p(x) - log1p(t)
    return r * r


def mape(n, x, t, eps=1e-7):
    size = absolute(t, n)
    n.unknown = abs(value(t)) >= INFINITE
    return absolute(x - t, n) / maximum(size, mpf(eps), n)


def smape(n, x, t, eps=1e-7):
    n.unknown = max(abs(value(x)), abs(value(t))) >= INFINITE
    if value(x) * value(t) < 0 and abs(value(x)) + abs(value(t)) > eps:
        return 2 + 0 * (x + t)  # exactly: the derivatives of the quotient cancel
    return 2 * absolute(x - t, n) / maximum(absolute(x, n) + absolute(t, n), mpf(eps), n)


def expectile(n, x, t, tau=0.5):
    r = x - t
    return r * r * (mpf(tau) if n.is_less(r, 0) else 1 - mpf(tau))


def pseudo_huber(n, x, t, delta=1.0):
    r = (x - t) / mpf(delta)
    return mpf(delta) ** 2 * (sqrt(1 + r * r) - 1)


def general_adaptive(n, x, t, alpha=1.0, c=1.0):
    r = (x - t) / mpf(c)
    q = r * r
    n.unknown = abs(value(r)) > 10**6  # the error of a power grows with its logarithm
    if alpha == 2:
        return q / mpf(2)
    if alpha == 0:
        return log1p(q / mpf(2))
    if alpha == -math.inf:
        return -expm1(-q / mpf(2))
    if alpha == math.inf:
        return expm1(q / mpf(2))
    b = abs(mpf(alpha) - 2)
    return (raised(1 + q / b, mpf(alpha) / 2) - 1) * (b / mpf(alpha))


def gamma_deviance(n, x, t):
    if value(t) < 0:
        raise Undefined
    d = log(t) - x
    return 2 * (expm1(d) - d)


def inverse_gaussian_deviance(n, x, t):
    if value(t) < 0:
        raise Undefined
    error = expm1(log(t) - x)
    return error * error / t


def js_div(n, x, t, beta=0.5):
    p, q, b = t, exp(x), mpf(beta)
    if value(p) < 0 or value(x) > 0:
        n.unknown = True
        return x + t
    m = p * b + q * (1 - b)
    of_p = p * (log(p) - log(m)) * b if value(p) else p * 0
    of_q = q * (x - log(m)) * (1 - b) if value(x) > -2000 else q * 0
    n.kink = value(p) == 0
    return of_p + of_q


def quality_focal(n, x, t, beta=2.0):
    distance = absolute(t - sigmoid(x), n) if beta != 2 else t - sigmoid(x)
    return power(distance, beta) * binary_cross_entropy_with_logits(n, x, t)


def varifocal(n, x, t, alpha=0.75, gamma=2.0):
    if value(t) > 0:
        return t * binary_cross_entropy_with_logits(n, x, t)
    return mpf(alpha) * power(sigmoid(x), gamma) * softplus(x) + t * 0


ELEMENTS = SEVERAL | {
    "js_div_loss": js_div,
    "quality_focal_loss": quality_focal,
    "varifocal_loss": varifocal,
    "mse_loss": lambda n, x, t: (x - t) * (x - t),
    "l1_loss": lambda n, x, t: absolute(x - t, n),
    "smooth_l1_loss": smooth_l1,
    "huber_loss": huber,
    "log_cosh_loss": lambda n, x, t: log_cosh(x - t),
    "charbonnier_loss": charbonnier,
    "quantile_loss": quantile,
    "tweedie_loss": tweedie,
    "gamma_nll_loss": gamma_nll,
    "gamma_deviance_loss": gamma_deviance,
    "inverse_gaussian_deviance_loss": inverse_gaussian_deviance,
    "poisson_nll_loss": poisson_nll,
    "kl_div": kl_div,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "msle_loss": msle,
    "mape_loss": mape,
    "smape_loss": smape,
    "expectile_loss": expectile,
    "epsilon_insensitive_loss": lambda n, x, t, epsilon=0.1: hinge(absolute(x - t, n), mpf(epsilon), n),
    "pseudo_huber_loss": pseudo_huber,
    "general_adaptive_loss": general_adaptive,
    "hinge_loss": lambda n, x, t, margin=1.0: hinge(mpf(margin), t * x, n),
    "squared_hinge_loss": lambda n, x, t, margin=1.0: raised(hinge(mpf(margin), t * x, n), 2),
    "soft_margin_loss": lambda n, x, t: softplus(-t * x),
    "hinge_embedding_loss": hinge_embedding,
    "binary_focal_loss": binary_focal,
    "asymmetric_loss": asymmetric,
    "gaussian_nll_loss": gaussian_nll,
    "margin_ranking_loss": lambda n, x1, x2, t, margin=0.0: hinge(mpf(margin), t * (x1 - x2), n),
}


# ---- of a class's log-probability and target ----


def focal(log_p, t, alpha=1.0, gamma=2.0):
    return mpf(alpha) * t * power(-expm1(log_p), gamma) * -log_p


def generalized_cross_entropy(log_p, t, q=0.7):
    return t * -expm1(mpf(q) * log_p) / mpf(q)


def symmetric_cross_entropy(log_p, t, alpha=0.1, beta=1.0, log_zero=-4.0):
    return t * (mpf(beta) * mpf(log_zero) * expm1(log_p) - mpf(alpha) * log_p)


CLASSES = {
    "cross_entropy": lambda log_p, t: -t * log_p,
    "focal_loss": focal,
    "poly_1_loss": lambda log_p, t, eps=1.0: -t * (log_p + mpf(eps) * expm1(log_p)),
    "generalized_cross_entropy": generalized_cross_entropy,
    "symmetric_cross_entropy": symmetric_cross_entropy,
}


def log_softmax(logits):
    """Without cancellation where one class has nearly all of the probability."""
    if all(value(x) < -1e300 and value(x) < INFINITE / -1000 for x in logits):
        raise Undefined
    top = max(range(len(logits)), key=lambda k: value(logits[k]))
    others = sum((exp(x - logits[top]) for k, x in enumerate(logits) if k != top), mpf(0))
    log_total = log1p(others) if isinstance(others, Jet) else mpf(0)
    return [-log_total if k == top else x - logits[top] - log_total for k, x in enumerate(logits)]


# ---- logits that the classes' numbers of samples have changed: (logits, label, counts) -> logits ----


def balanced(logits, label, counts):
    return [x + (mp.log(c) if c else -INFINITE) for x, c in zip(logits, counts, strict=True)]


def adjusted(logits, label, counts, tau=1.0):
    total = sum(counts)
    return (
        [x + mpf(tau) * (mp.log(mpf(c) / total) if c else -INFINITE) for x, c in zip(logits, counts, strict=True)]
        if tau
        else logits
    )


def ldam(logits, label, counts, max_margin=0.5, scale=30.0):
    least = min(c for c in counts if c)
    margin = mpf(max_margin) * mp.root(mpf(least) / max(counts[label], least), 4)
    return [(x - (margin if k == label else 0)) * mpf(scale) for k, x in enumerate(logits)]


FREQUENCIES = {"balanced_softmax_loss": balanced, "logit_adjusted_loss": adjusted, "ldam_loss": ldam}

__all__ = ["CLASSES", "ELEMENTS", "FREQUENCIES", "log_softmax", "minimum"]
