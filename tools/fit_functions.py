#!/usr/bin/env python3
"""Derives the polynomials of perdita/math: minimax fits by the Remez exchange, in 60-digit arithmetic (mpmath).

Each row of FITS names a polynomial: what it approximates, the weight that turns its absolute error into the relative
error of the function it serves, its interval and degree. Prints the coefficients, lowest first, rounded to the type
that uses them, and the largest weighted error.

    python3 tools/fit_functions.py [NAME...] [--check perdita/math]
"""

import argparse
import pathlib
import re
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
        for x, e in zip(grid, error, strict=True):
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


LN2 = mp.log(2)
HALF_STEP = LN2 / 2 * mpf("1.0005")  # rounding x / ln 2 in working precision may overshoot a little


def root(f):
    """x -> f(sqrt(x)): odd and even functions as polynomials in the square of their argument."""
    return lambda y: f(mp.sqrt(y))


def inverse_root(f):
    """w -> f(1/sqrt(w)): asymptotic series in 1/z^2."""
    return lambda w: f(1 / mp.sqrt(w))


def log_cosh(x):
    return mp.log(mp.cosh(x))


def lgamma_tail(z):
    return (mp.loggamma(z) - (z - mpf(1) / 2) * (mp.log(z) - 1) - (mp.log(2 * mp.pi) - 1) / 2) * z


# name: (what is approximated, weight, lo, hi, {type: degree}). In each the argument of the polynomial is the lambda's.
FITS = {
    # exp(r) = 1 + r + r^2 p(r), exact to the relative error of expm1
    "exp": (
        lambda r: (mp.expm1(r) - r) / r**2,
        lambda r: abs(r**2 / mp.expm1(r)),
        -HALF_STEP,
        HALF_STEP,
        {"float": 4, "double": 10},
    ),
    # log(1 + f) = f - f^2/2 + f^3 p(f)
    "log1p_unit": (
        lambda x: (mp.log1p(x) - x + x * x / 2) / x**3,
        lambda x: x**3 / mp.log1p(x),
        mpf("1e-6"),
        mpf(1),
        {"float": 7},
    ),
    "log1p": (
        lambda f: (mp.log1p(f) - f + f * f / 2) / f**3,
        lambda f: f**3 / mp.log1p(f),
        mpf("-0.2501"),
        mpf("0.5001"),
        {"float": 7},
    ),
    # log(1 + f) = 2 atanh(s) = 2 s + s z p(z), with s = f / (2 + f), z = s^2
    "atanh": (root(lambda s: (2 * mp.atanh(s) / s - 2) / s**2), lambda z: z, 0, mpf("0.0401"), {"double": 7}),
    # the same without the term 2/3 z, for pow in double; as log2, for pow in float
    "atanh_pow": (
        root(lambda s: ((2 * mp.atanh(s) / s - 2) / s**2 - mpf(2) / 3) / s**2),
        lambda z: z,
        0,
        mpf("0.0401"),
        {"double": 7},
    ),
    "atanh_log2": (root(lambda s: 2 * mp.atanh(s) / s / LN2), lambda z: mpf(1), 0, mpf("0.0401"), {"double": 5}),
    # 2^g, for pow in float
    "exp2": (lambda g: mpf(2) ** g, lambda g: mpf(2) ** -g, mpf("-0.5"), mpf("0.5"), {"double": 6}),
    # tanh(x) = x + x y p(y), y = x^2
    "tanh": (root(lambda x: (mp.tanh(x) / x - 1) / x**2), lambda y: y, 0, mpf("0.3601"), {"float": 4, "double": 10}),
    # log(cosh(x)) = y p(y), y = x^2
    "log_cosh": (
        root(lambda x: log_cosh(x) / x**2),
        root(lambda x: x**2 / log_cosh(x)),
        0,
        mpf("0.5626"),
        {"float": 5, "double": 12},
    ),
    # erf(x) = x p(x^2) below 1, 1 - exp(-p(x)) above
    "erf_small": (root(lambda x: mp.erf(x) / x), root(lambda x: x / mp.erf(x)), 0, mpf(1), {"double": 11}),
    "erf_large": (lambda x: -mp.log(mp.erfc(x)), lambda x: mp.erfc(x) / mp.erf(x), mpf(1), mpf(6), {"double": 16}),
    # lgamma(2 + d) = d p(d)
    "lgamma_center": (
        lambda d: mp.loggamma(2 + d) / d,
        lambda d: d / mp.loggamma(2 + d),
        mpf("-0.5"),
        mpf("0.5"),
        {"double": 18},
    ),
    # Stirling's tails, in w = 1/z^2 for z >= 8
    "lgamma_tail": (
        inverse_root(lgamma_tail),
        inverse_root(lambda z: 1 / (z * mp.loggamma(z))),
        0,
        mpf(1) / 64,
        {"double": 5},
    ),
    "digamma_tail": (
        inverse_root(lambda z: (mp.log(z) - 1 / (2 * z) - mp.digamma(z)) * z**2),
        inverse_root(lambda z: 1 / (z**2 * mp.digamma(z))),
        0,
        mpf(1) / 64,
        {"double": 6},
    ),
    "trigamma_tail": (
        inverse_root(lambda z: (mp.psi(1, z) - 1 / z - 1 / (2 * z**2)) * z**3),
        inverse_root(lambda z: 1 / (z**3 * mp.psi(1, z))),
        0,
        mpf(1) / 64,
        {"double": 6},
    ),
    # sin(pi r) = r p(r^2)
    "sin_pi": (root(lambda r: mp.sinpi(r) / r), root(lambda r: r / mp.sinpi(r)), 0, mpf("0.25"), {"double": 8}),
}


def rounded(c, kind):
    if kind == "float":
        return struct.unpack("f", struct.pack("f", float(c)))[0]
    return float(c)


def numbers_in(folder):
    """Every number in the headers of a folder."""
    text = " ".join(path.read_text() for path in sorted(pathlib.Path(folder).glob("*.hpp")))
    return {abs(float(n)) for n in re.findall(r"\d+\.\d+(?:e[-+]?\d+)?", text)}


def main():
    parser = argparse.ArgumentParser(description="Minimax polynomials of perdita/math")
    parser.add_argument("names", nargs="*", help="which fits, all by default")
    parser.add_argument("--check", metavar="FOLDER", help="fail unless the headers there hold every coefficient")
    options = parser.parse_args()
    known = numbers_in(options.check) if options.check else None
    missing = 0
    for name in options.names or FITS:
        f, weight, lo, hi, degrees = FITS[name]
        for kind, degree in degrees.items():
            coefficients, worst = remez(f, weight, lo, hi, degree)
            texts = [format(rounded(c, kind), ".9g" if kind == "float" else ".17g") for c in coefficients]
            print(f"{name} {kind}: error 2^{mp.nstr(mp.log(worst, 2), 4)}\n  {', '.join(texts)}")
            if known is not None:
                absent = [t for t in texts if abs(float(t)) not in known]
                missing += len(absent)
                for t in absent:
                    print(f"  NOT IN THE HEADERS: {t}")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
