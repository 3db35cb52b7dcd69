#!/usr/bin/env python3
"""Derives the polynomials of perdita/math: minimax fits by the Remez exchange, in 60-digit arithmetic (mpmath).

Each row of FITS names a polynomial: what it approximates, the weight that turns its absolute error into the relative
error of the function it serves, its interval and degree. Prints the coefficients, lowest first, rounded to the type
that uses them, and the largest weighted error.

    python3 tools/fit_functions.py [NAME...]
"""
import struct
import sys

from mpmath import mp, mpf

mp.dps = 60


def remez(f, weight, lo, hi, degree):
    """The polynomial of that degree with the least max |weight * (p - f)| on [lo, hi], and that maximum."""
    lo, hi, n = mpf(lo), mpf(hi), degree + 2
    nodes = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * (i + mpf(1) / 2) / n) for i in range(n)]
    grid = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * (i + mpf(1) / 2) / (60 * n)) for i in range(60 * n)]
    samples = [(x, f(x), weight(x)) for x in grid]
    for _ in range(30):
        a = mp.matrix(n, n)
        b = mp.matrix(n, 1)
        for i, x in enumerate(nodes):
            for j in range(degree + 1):
                a[i, j] = x**j
            a[i, degree + 1] = (-1) ** i / weight(x)
            b[i] = f(x)
        solution = mp.lu_solve(a, b)
        coefficients, levelled = [solution[j] for j in range(degree + 1)], abs(solution[degree + 1])
        error = [w * (mp.polyval(coefficients[::-1], x) - fx) for x, fx, w in samples]
        worst = max(abs(e) for e in error)
        if worst < levelled * mpf("1.001"):
            break
        # The new nodes: the largest error of each run of one sign; of too many runs, the smaller end goes.
        runs = []
        for x, e in zip(grid, error):
            if runs and (runs[-1][1] > 0) == (e > 0):
                if abs(e) > abs(runs[-1][1]):
                    runs[-1] = (x, e)
            else:
                runs.append((x, e))
        while len(runs) > n:
            runs.pop(0 if abs(runs[0][1]) < abs(runs[-1][1]) else -1)
        if len(runs) < n:
            raise ArithmeticError("the error does not alternate: raise the precision or change the weight")
        nodes = [x for x, _ in runs]
    return coefficients, worst


def near_zero(f, series, terms):
    """f, but its Taylor coefficients series(k) where the closed form would cancel."""
    return lambda x: f(x) if abs(x) > mpf("1e-6") else mp.fsum(series(k) * x**k for k in range(terms))


LN2 = mp.log(2)
HALF_STEP = LN2 / 2 * mpf("1.0005")  # rounding x / ln 2 in working precision may overshoot a little

exp_tail = near_zero(lambda r: (mp.expm1(r) - r) / r**2, lambda k: 1 / mp.factorial(k + 2), 8)
log1p_tail = near_zero(lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, lambda k: mpf((-1) ** k) / (k + 3), 10)
# log(1+f) = 2 atanh(s), s = f/(2+f): the odd series after 2s, in z = s^2, halved as fdlibm's R: 2 atanh s = 2s + s R(z)
atanh_tail = near_zero(lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z, lambda k: mpf(2) / (2 * k + 3), 8)
tanh_tail = near_zero(lambda y: (mp.tanh(mp.sqrt(y)) / mp.sqrt(y) - 1) / y,
                      lambda k: mp.taylor(mp.tanh, 0, 15)[2 * k + 3], 5)
log_cosh_tail = near_zero(lambda y: mp.log(mp.cosh(mp.sqrt(y))) / y, lambda k: [mpf(1) / 2, mpf(-1) / 12, mpf(1) / 45, mpf(-17) / 2520][k], 4)

# name: (function, weight, lo, hi, {type: degree})
FITS = {
    "exp": (exp_tail, lambda r: abs(r) + mpf("1e-9"), -HALF_STEP, HALF_STEP, {"float": 4, "double": 10}),
    "log1p": (log1p_tail, lambda f: (abs(f**3 / mp.log1p(f)) if f else mpf(0)) + mpf("1e-9"), mpf("-0.2501"), mpf("0.5001"), {"float": 7}),
    "atanh": (atanh_tail, lambda z: z + mpf("1e-12"), 0, mpf("0.0401"), {"double": 7}),
    "tanh": (tanh_tail, lambda y: y + mpf("1e-9"), 0, mpf("0.3601"), {"float": 4, "double": 11}),
    "log_cosh": (log_cosh_tail, lambda y: y / mp.log(mp.cosh(mp.sqrt(y))) if y else mpf(2), 0, mpf("0.5625"), {"float": 6, "double": 13}),
}


def rounded(c, kind):
    if kind == "float":
        return struct.unpack("f", struct.pack("f", float(c)))[0]
    return float(c)


def main():
    for name in sys.argv[1:] or FITS:
        f, weight, lo, hi, degrees = FITS[name]
        for kind, degree in degrees.items():
            coefficients, worst = remez(f, weight, lo, hi, degree)
            print(f"{name} {kind}: error 2^{mp.nstr(mp.log(worst, 2), 4)}")
            print("  " + ", ".join((f"{rounded(c, kind):.9g}" if kind == "float" else repr(rounded(c, kind))) for c in coefficients))


if __name__ == "__main__":
    main()
