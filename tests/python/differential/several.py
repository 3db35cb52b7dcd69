"""Losses of several operands as their sources write them, over numbers of 50 digits. None of Perdita's code."""

from mpmath import mp, mpf

from .jets import (
    INFINITE,
    Undefined,
    absolute,
    exp,
    expm1,
    hinge,
    log,
    log1p,
    maximum,
    minimum,
    sigmoid,
    softplus,
    unary,
    value,
)  # fmt: skip

_LEAST = mpf(2) ** -60  # of scales: quotients by smaller ones may overflow in float32, those by large ones underflow


def _lgamma(x):
    a = value(x)
    return unary(x, mp.loggamma(a), mp.psi(0, a), mp.psi(1, a))


def _needs_positive(*operands):
    if any(value(x) < 0 for x in operands):
        raise Undefined


def laplace_nll(n, x, t, scale, full=False):
    _needs_positive(scale)
    n.unknown = not _LEAST < value(scale) < INFINITE
    return absolute(t - x, n) / scale + log(scale) + (mp.log(2) if full else 0)


def student_t_nll(n, x, t, scale, df, full=False):
    _needs_positive(scale, df)
    n.unknown = not (_LEAST < value(scale) < INFINITE and 1e-30 < value(df) < 1e30)
    n.unknown = n.unknown or max(abs(value(x)), abs(value(t))) >= INFINITE  # a logarithm does not look infinite
    if n.unknown:
        return x + t + scale + df
    z = (t - x) / scale
    ratio = _lgamma((df + 1) / mpf(2)) - _lgamma(df / mpf(2)) - log(df) / mpf(2)
    return log(scale) + (df + 1) / mpf(2) * log1p(z * z / df) - ratio + (mp.log(mp.pi) / 2 if full else 0)


def lognormal_nll(n, x, t, scale, full=False):
    _needs_positive(scale, t)
    n.unknown = not (_LEAST < value(scale) < INFINITE and 0 < value(t) < INFINITE)
    if n.unknown:
        return x + t + scale
    z = (log(t) - x) / scale
    return log(scale) + z * z / mpf(2) + (log(t) + mp.log(2 * mp.pi) / 2 if full else 0)


def negative_binomial_nll(n, x, t, log_dispersion, full=False):
    a = log_dispersion
    n.unknown = abs(value(a)) > 79 or abs(value(x)) > 700 or value(t) < 0
    if n.unknown:
        return x + t + a
    k = exp(-a)
    ratio = _lgamma(k + t) - _lgamma(k) + t * a
    return (k + t) * softplus(x + a) - ratio - t * x + (_lgamma(t + 1) if full else 0)


def _score(n, x, t, scale, of_far, rest):
    """|t - x| + scale rest(|z|), of which the first term cancels with no other; rest tends to -of_far."""
    _needs_positive(scale)
    n.unknown = abs(value(t) - value(x)) >= INFINITE or not (value(scale) == 0 or _LEAST < value(scale) < 1 / _LEAST)
    if n.unknown:
        return x + t + scale
    r = x - t if value(x) > value(t) else t - x
    if value(scale) == 0:
        n.kink = True
        return r - scale * of_far
    return r + rest(r / scale) * scale


def _erfc(x):
    a = value(x)
    if abs(a) > 1000:  # erfc is 0 or 2 to any number of digits
        return unary(x, mpf(0 if a > 0 else 2), mpf(0), mpf(0))
    slope = -2 / mp.sqrt(mp.pi) * mp.exp(-a * a)
    return unary(x, mp.erfc(a), slope, -2 * a * slope)


def crps_gaussian(n, x, t, scale):
    root = 1 / mp.sqrt(mp.pi)

    def rest(z):
        return mp.sqrt(2) * root * exp(-z * z / mpf(2)) - root - z * _erfc(z / mp.sqrt(2))

    return _score(n, x, t, scale, root, rest)


def crps_laplace(n, x, t, scale):
    return _score(n, x, t, scale, mpf(3) / 4, lambda z: exp(-z) - mpf(3) / 4)


def crps_logistic(n, x, t, scale):
    return _score(n, x, t, scale, mpf(1), lambda z: 2 * softplus(-z) - 1)


def interval_score(n, lower, upper, t, alpha=0.1):
    outside = hinge(lower, t, n) + hinge(t, upper, n)
    return upper - lower + outside * (2 / mpf(alpha))


def gaussian_kl(n, mean, log_var):
    n.unknown = value(log_var) > (80 if n.tolerance > 1e-12 else 700)  # its exponential overflows in float32 or float64
    return (mean * mean + expm1(log_var) - log_var) / mpf(2)


def log1m_exp(x):
    """log(1 - exp(x)) for x < 0."""
    a = value(x)
    rest = -mp.expm1(a)
    slope = -mp.exp(a) / rest
    return unary(x, mp.log(rest), slope, slope - slope**2)


def log_ndtr(x):
    a = value(x)
    upper = mp.erfc(-a / mp.sqrt(2)) / 2
    slope = mp.exp(-a * a / 2) / mp.sqrt(2 * mp.pi) / upper
    return unary(x, mp.log(upper), slope, -slope * (slope + a))


_TIME_ERRORS = {  # -log f, log F, log(1 - F)
    "normal": (lambda z: z * z / mpf(2) + mp.log(2 * mp.pi) / 2, log_ndtr, lambda z: log_ndtr(-z)),
    "logistic": (lambda z: softplus(z) + softplus(-z), lambda z: -softplus(-z), lambda z: -softplus(z)),
    "extreme": (lambda z: exp(z) - z, lambda z: log1m_exp(-exp(z)), lambda z: -exp(z)),
}


def aft(n, x, lower, upper, scale=1.0, distribution="normal"):
    low, high, s = value(lower), value(upper), mpf(scale)
    n.unknown = abs(value(x)) > 30 or not 0 <= low <= high or high == 0
    if n.unknown:
        return x + lower + upper
    if low == 0 and high >= INFINITE:
        return x * 0
    if 0 < low < high < low * mpf("1.05"):
        n.unknown = True  # the difference of two logarithms, which are rounded
    density, cumulative, survival = _TIME_ERRORS[distribution]
    if low == high:
        return density((log(lower) - x) / s) + mp.log(s) + log(lower)
    if high >= INFINITE:
        return -survival((log(lower) - x) / s)
    if low == 0:
        return -cumulative((log(upper) - x) / s)
    a, b = survival((log(lower) - x) / s), survival((log(upper) - x) / s)
    if value(b) - value(a) > -(mpf(10) ** -30):  # both survive with probability 1 to 30 digits
        a, b = cumulative((log(upper) - x) / s), cumulative((log(lower) - x) / s)
    return -(a + log1m_exp(b - a))


def _is_ordinary(*log_probs):
    """Whether differences of the numbers are not mere rounding of the terms."""
    return max(abs(value(x)) for x in log_probs) < 10**6


def dpo(n, chosen, rejected, ref_chosen, ref_rejected, beta=0.1, label_smoothing=0.0, kind="sigmoid"):
    n.unknown = not _is_ordinary(chosen, rejected, ref_chosen, ref_rejected)
    d, e = (chosen - ref_chosen) - (rejected - ref_rejected), mpf(label_smoothing)
    if kind == "ipo":
        r = d - 1 / (2 * mpf(beta))
        return r * r
    margin = d * mpf(beta)
    if kind == "hinge":
        return hinge(mpf(1), margin, n)
    if kind == "robust":
        return (softplus(-margin) * (1 - e) - softplus(margin) * e) / (1 - 2 * e)
    return softplus(-margin) * (1 - e) + softplus(margin) * e


def orpo(n, chosen, rejected, beta=0.1):
    if max(value(chosen), value(rejected)) > 0:
        raise Undefined
    n.unknown = not all(-80 < value(a) < -1e-5 for a in (chosen, rejected))  # derivatives cancel near 0
    if n.unknown:
        return chosen + rejected
    return mpf(beta) * softplus(rejected - chosen + log1m_exp(chosen) - log1m_exp(rejected))


def kto(n, log_prob, ref_log_prob, desirable, kl, beta=0.1, desirable_weight=1.0, undesirable_weight=1.0):
    n.unknown = not _is_ordinary(log_prob, ref_log_prob, kl)
    margin = mpf(beta) * (log_prob - ref_log_prob - kl)
    return mpf(desirable_weight) * sigmoid(-margin) if value(desirable) else mpf(undesirable_weight) * sigmoid(margin)


def ppo_clip(n, log_prob, old_log_prob, advantage, clip_low=0.2, clip_high=0.2):
    if abs(value(log_prob) - value(old_log_prob)) > 80 or abs(value(advantage)) >= INFINITE:
        n.unknown = True
        return log_prob + old_log_prob + advantage
    ratio = exp(log_prob - old_log_prob)
    clipped = minimum(maximum(ratio, mpf(1) - mpf(clip_low), n), mpf(1) + mpf(clip_high), n)
    return -(clipped * advantage if value(clipped * advantage) < value(ratio * advantage) else ratio * advantage)


def grpo(n, log_prob, old_log_prob, ref_log_prob, advantage, beta=0.04, clip_low=0.2, clip_high=0.2):
    surrogate = ppo_clip(n, log_prob, old_log_prob, advantage, clip_low, clip_high)
    k = ref_log_prob - log_prob
    n.unknown = n.unknown or abs(value(k)) > 80
    return surrogate if n.unknown else surrogate + (expm1(k) - k) * mpf(beta)


# Losses of several operands, in the order of their signatures.
SEVERAL = {
    "aft_loss": aft,
    "dpo_loss": dpo,
    "simpo_loss": lambda n, a, b, beta=2.0, gamma=1.0: softplus(mpf(gamma) - mpf(beta) * (a - b)),
    "orpo_loss": orpo,
    "kto_loss": kto,
    "ppo_clip_loss": ppo_clip,
    "grpo_loss": grpo,
    "laplace_nll_loss": laplace_nll,
    "student_t_nll_loss": student_t_nll,
    "lognormal_nll_loss": lognormal_nll,
    "negative_binomial_nll_loss": negative_binomial_nll,
    "crps_gaussian_loss": crps_gaussian,
    "crps_laplace_loss": crps_laplace,
    "crps_logistic_loss": crps_logistic,
    "interval_score_loss": interval_score,
    "gaussian_kl_loss": gaussian_kl,
}
