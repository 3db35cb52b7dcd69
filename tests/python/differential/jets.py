"""Numbers of 50 digits with their first and second derivatives."""

import mpmath
from mpmath import mp, mpf

mp.dps = 50
INFINITE = mpf("1e4000")  # stands for infinity: every limit that exists is taken by rounding


class Undefined(Exception):
    """The loss has no value here: nan."""


class Notes:
    """What the evaluation of an element met. tolerance: how near a kink rounding may take the other side."""

    def __init__(self, tolerance=1e-13, cautions=()):
        self.tolerance, self.cautions, self.kink, self.unknown = tolerance, cautions, False, False

    def is_less(self, a, b):
        a, b = value(a), value(b)
        if abs(a - b) <= self.tolerance * (abs(a) + abs(b)):
            self.kink = True
        return a < b


class Jet:
    """value, {i: derivative}, {(i, j): second derivative} with i <= j."""

    __slots__ = ("a", "g", "h")

    def __init__(self, a, g=None, h=None):
        self.a, self.g, self.h = a, g or {}, h or {}

    def __add__(self, other):
        if not isinstance(other, Jet):
            return Jet(self.a + other, self.g, self.h)
        return Jet(self.a + other.a, _sum(self.g, other.g), _sum(self.h, other.h))

    def __mul__(self, other):
        if not isinstance(other, Jet):
            return Jet(self.a * other, _scaled(self.g, other), _scaled(self.h, other))
        g = _sum(_scaled(self.g, other.a), _scaled(other.g, self.a))
        h = _sum(_scaled(self.h, other.a), _scaled(other.h, self.a))
        for i, gi in self.g.items():
            for j, gj in other.g.items():
                key = (min(i, j), max(i, j))
                h[key] = h.get(key, 0) + gi * gj * (2 if i == j else 1)
        return Jet(self.a * other.a, g, h)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * reciprocal(other)

    def __rtruediv__(self, other):
        return reciprocal(self) * other

    __radd__, __rmul__ = __add__, __mul__


def _sum(a, b):
    result = dict(a)
    for key, x in b.items():
        result[key] = result[key] + x if key in result else x
    return result


def _scaled(a, factor):
    return {key: x * factor for key, x in a.items()}


def value(x):
    return x.a if isinstance(x, Jet) else x


def variable(a, i):
    return Jet(mpf(a), {i: mpf(1)})


def unary(x, f, f1, f2):
    """A function of x whose value and derivatives at x are these."""
    if not isinstance(x, Jet):
        return f
    h = _scaled(x.h, f1)
    keys = list(x.g)
    for n, i in enumerate(keys):
        for j in keys[n:]:
            key = (min(i, j), max(i, j))
            h[key] = h.get(key, 0) + f2 * x.g[i] * x.g[j]
    return Jet(f, _scaled(x.g, f1), h)


def reciprocal(x):
    a = value(x)
    if a == 0:
        raise Undefined
    return unary(x, 1 / a, -1 / a**2, 2 / a**3)


def exp(x):
    e = mp.exp(value(x))
    return unary(x, e, e, e)


def expm1(x):
    e = mp.exp(value(x))
    return unary(x, mp.expm1(value(x)), e, e)


def log(x):
    a = value(x)
    if a < 0:
        raise Undefined
    if a >= INFINITE:
        return unary(x, INFINITE, 1 / a, -1 / a**2)
    if a == 0:
        a = 1 / INFINITE**2  # its logarithm is large, its limits are right
        return unary(x, -INFINITE, 1 / a, -1 / a**2)
    return unary(x, mp.log(a), 1 / a, -1 / a**2)


def log1p(x):
    a = value(x)
    return unary(x, mp.log1p(a), 1 / (1 + a), -1 / (1 + a) ** 2)


def sqrt(x):
    root = mp.sqrt(value(x))
    if root == 0:
        return unary(x, root, mpf(0), mpf(0))
    return unary(x, root, 1 / (2 * root), -1 / (4 * root**3))


def power(x, n):
    a, n = value(x), mpf(n)
    if a == 0 or n == 0:
        return unary(x, mpf(1 if n == 0 else 0), mpf(1 if n == 1 else 0), mpf(2 if n == 2 else 0))
    p = mpmath.power(a, n)
    return unary(x, p, n * p / a, n * (n - 1) * p / a**2)


def _logistic(a):
    return 1 / (1 + mp.exp(-a)) if a >= 0 else mp.exp(a) / (1 + mp.exp(a))


def sigmoid(x):
    s, r = _logistic(value(x)), _logistic(-value(x))
    return unary(x, s, s * r, s * r * (r - s))


def tanh(x):
    a = value(x)
    t, slope = mp.tanh(a), 4 * _logistic(2 * a) * _logistic(-2 * a)
    return unary(x, t, slope, -2 * t * slope)


def softplus(x):
    a = value(x)
    s, r = _logistic(a), _logistic(-a)
    return unary(x, (a if a > 0 else mpf(0)) + mp.log1p(mp.exp(-abs(a))), s, s * r)


def log_cosh(x):
    a = abs(value(x))
    e = mp.exp(-2 * a)
    f = a + mp.log1p(e) - mp.log(2) if a > 10 else mp.log1p(2 * mp.sinh(a / 2) ** 2)
    t = (1 - e) / (1 + e) if a > 10 else mp.tanh(a)
    return unary(x, f, t if value(x) >= 0 else -t, 4 * e / (1 + e) ** 2)


def absolute(x, notes):
    return -x if notes.is_less(x, 0) else x


def maximum(x, y, notes):
    return y if notes.is_less(x, y) else x


def hinge(x, y, notes):
    """max(x - y, 0)"""
    return mpf(0) if notes.is_less(x, y) else -y + x


def minimum(x, y, notes):
    return x if notes.is_less(x, y) else y
