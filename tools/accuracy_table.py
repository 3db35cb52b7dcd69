"""How exact each loss and its gradient are at hard points, beside torch's: errors in units in the last place (ULP).

The truth is mpmath's, with 50 digits beyond what cancels. Prints a Markdown table; with --points, also each point where
one side is more than 4 ULP away.

usage: accuracy_table.py [--points]
needs: perdita, torch, mpmath
"""

import argparse
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp
import torch
import torch.nn.functional as torch_functional

import perdita.torch.functional as perdita_functional

mp.mp.dps = 130  # 50, and what differences with a step of 1e-40 lose
STEP = mp.mpf(10) ** -40


@dataclass(frozen=True)
class Row:
    """A loss with its points: for each, one operand to differentiate by (a number or a vector) and the others."""

    name: str
    formula: Callable  # (x, *others) in mpmath
    points: tuple  # of (x, *others)
    call: Callable  # (functional, x, *others) with a first dimension of points: losses that are not reduced
    cancels: bool = False  # its gradient is a difference of unit vectors or probabilities: in ULP of 1

    def __str__(self):
        return self.name


def softplus(x):
    return mp.log1p(mp.exp(-abs(x))) + max(x, 0)


def log_sum_exp(x):
    top = max(x)
    return top + mp.log(mp.fsum(mp.exp(a - top) for a in x))


def norm(x, p):
    return max(map(abs, x)) if p == math.inf else mp.fsum(abs(a) ** p for a in x) ** (mp.mpf(1) / p)


def huber(r, delta):
    r = abs(r)
    return r * r / 2 if r < delta else delta * (r - mp.mpf(delta) / 2)


def binary_cross_entropy(x, t):
    return -(t * max(mp.log(x), -100) + (1 - t) * max(mp.log1p(-x), -100))


def cross_entropy(x, y, smoothing):
    total = log_sum_exp(x)
    spread = mp.fsum(total - a for a in x) / len(x)
    return (1 - smoothing) * (total - x[int(y)]) + smoothing * spread


def cosine(a, b):
    eps = mp.mpf(10) ** -12
    dot = mp.fsum(p * q for p, q in zip(a, b, strict=True))
    return dot / mp.sqrt((norm(a, 2) ** 2 + eps) * (norm(b, 2) ** 2 + eps))


def distance(a, b, p):
    return norm([x - y + mp.mpf(1e-6) for x, y in zip(a, b, strict=True)], p)


def multilabel_soft(x, t):
    return mp.fsum(q * softplus(-a) + (1 - q) * softplus(a) for a, q in zip(x, t, strict=True)) / len(x)


def ctc(flat, labels):
    """Of log-probabilities of 3 classes, by enumerating all paths."""
    steps = len(flat) // 3
    total = mp.mpf(0)
    for code in range(3**steps):
        path = [code // 3**i % 3 for i in range(steps)]
        folded = [c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c)]
        if folded == [int(c) for c in labels]:
            total += mp.exp(mp.fsum(flat[3 * i + c] for i, c in enumerate(path)))
    return -mp.log(total)


def call_ctc(functional, x, labels):
    """torch's gradient is right behind log_softmax only, so both are called there; the formula likewise."""
    log_probs = x.reshape(len(x), -1, 3).transpose(0, 1).log_softmax(-1)
    count, steps = len(x), log_probs.shape[0]
    sizes = torch.full((count,), steps), torch.full((count,), labels.shape[1])
    return functional.ctc_loss(log_probs, labels.long(), *sizes, reduction="none")


def ctc_of_logits(x, labels):
    rows = [x[i : i + 3] for i in range(0, len(x), 3)]
    return ctc([a - log_sum_exp(row) for row in rows for a in row], labels)


REALS = (0.0, 1e-30, -1e-7, 3e-4, 0.1, -0.3, 0.7, 1.0, -1.5, 4.0, -7.25, 17.0, -20.0, 40.0, -80.0)
PAIRS = tuple((x, t) for x in REALS for t in (0.3, -1.7, 1e-3) if x != t)
NEAR = tuple((1.0 + d, 1.0) for d in (1e-6, -1e-6, 1e-3, -1e-3, 0.03))
UNIT = tuple(
    (x, t) for x in (1e-30, 1e-6, 0.01, 0.3, 0.5, 0.75, 0.999, 0.9999999) for t in (0.0, 1e-3, 0.4, 1.0) if x != t
)
LOGITS = tuple((x, t) for x in (*REALS, 100.0, -300.0) for t in (0.0, 0.25, 1.0))
SIGNED = tuple((x, t) for x in (*REALS, 60.0, -60.0) for t in (1.0, -1.0))
VECTORS = (
    (1.0, 2.0, 3.0),
    (0.1, -0.2, 0.3),
    (20.0, 0.0, -5.0),
    (1e4, 9999.0, 9990.0),
    (-1e4, -1e4 + 1, -9999.5),
    (0.0, 0.0, 0.0),
    (40.0, 0.0, 1.0),
    (-30.0, 30.0, 0.5),
)
LABELLED = tuple((x, y) for x in VECTORS for y in (0.0, 1.0, 2.0))
WITH_PROBABILITIES = tuple((x, t) for x in VECTORS for t in ((0.25, 0.25, 0.5), (1.0, 0.0, 0.0), (0.0, 0.125, 0.875)))
TRIPLES = tuple(
    (a, b, c)
    for a in ((1.0, 2.0, 3.0), (0.1, -0.2, 0.3), (1e-3, 2e-3, -1e-3), (100.0, -50.0, 3.0))
    for b, c in (((0.5, -1.0, 2.0), (3.0, 1.0, -2.0)), ((1e-2, 0.0, 0.5), (0.25, 0.75, 0.1)))
)
SEQUENCES = tuple(
    (tuple(scale * math.sin(7 * i + seed) for i in range(12)), (1.0, 2.0))
    for scale in (0.1, 1.0, 20.0)
    for seed in (0, 1)
)


def plain(name, **options):
    return lambda functional, *operands: getattr(functional, name)(*operands, reduction="none", **options)


def rows():
    """All losses of torch's that have a formula."""
    yield Row("l1_loss", lambda x, t: abs(x - t), PAIRS + NEAR, plain("l1_loss"))
    yield Row("mse_loss", lambda x, t: (x - t) ** 2, PAIRS + NEAR, plain("mse_loss"))
    for beta in (1.0, 0.125):
        yield Row(f"smooth_l1_loss, beta {beta:g}", lambda x, t, b=beta: huber(x - t, b) / b, PAIRS + NEAR,
                  plain("smooth_l1_loss", beta=beta))  # fmt: skip
    for delta in (1.0, 8.0):
        yield Row(f"huber_loss, delta {delta:g}", lambda x, t, d=delta: huber(x - t, d), PAIRS + NEAR,
                  plain("huber_loss", delta=delta))  # fmt: skip
    yield Row("binary_cross_entropy", binary_cross_entropy, UNIT, plain("binary_cross_entropy"))
    yield Row("binary_cross_entropy_with_logits", lambda x, t: softplus(-x) + (1 - t) * x if t else softplus(x), LOGITS,
              plain("binary_cross_entropy_with_logits"))  # fmt: skip
    yield Row("binary_cross_entropy_with_logits, pos_weight 3",
              lambda x, t: 3 * t * softplus(-x) + (1 - t) * softplus(x), LOGITS,
              lambda f, x, t: f.binary_cross_entropy_with_logits(
                  x, t, pos_weight=torch.full_like(t, 3.0), reduction="none"))  # fmt: skip
    yield Row("kl_div", lambda x, t: t * (mp.log(t) - x) if t else mp.mpf(0),
              tuple((x, t) for x in REALS for t in (0.0, 1e-6, 0.3, 0.99)), plain("kl_div"))  # fmt: skip
    yield Row(
        "kl_div, log_target",
        lambda x, t: mp.exp(t) * (t - x),
        tuple((x, t) for x in REALS for t in (-20.0, -0.3, -1e-3) if x != t),
        plain("kl_div", log_target=True),
    )
    yield Row("poisson_nll_loss", lambda x, t: mp.exp(x) - t * x, tuple((x, t) for x in REALS[:12] for t in (0.0, 3.0)),
              plain("poisson_nll_loss"))  # fmt: skip
    yield Row("poisson_nll_loss, not log_input", lambda x, t: x - t * mp.log(x + mp.mpf(1e-8)),
              tuple((x, t) for x in (0.01, 0.5, 0.9, 2.0, 50.0) for t in (0.0, 3.0)),
              plain("poisson_nll_loss", log_input=False))  # fmt: skip
    yield Row(
        "gaussian_nll_loss",
        lambda x, t, v: (mp.log(v) + (x - t) ** 2 / v) / 2,
        tuple((x, 0.3, v) for x in REALS for v in (0.01, 0.9, 1.0, 30.0)),
        plain("gaussian_nll_loss"),
    )
    yield Row("soft_margin_loss", lambda x, t: softplus(-t * x), SIGNED, plain("soft_margin_loss"))
    yield Row("hinge_embedding_loss", lambda x, t: x if t == 1 else max(0, 1 - x),
              tuple(p for p in SIGNED if p[0] != 1), plain("hinge_embedding_loss"))  # fmt: skip
    yield Row("margin_ranking_loss", lambda x, y, t: max(0, -t * (x - y) + 2),
              tuple((x, 0.3, t) for x, t in SIGNED), plain("margin_ranking_loss", margin=2.0))  # fmt: skip
    for smoothing in (0.0, 0.125):
        yield Row(
            f"cross_entropy, label_smoothing {smoothing:g}",
            lambda x, y, s=smoothing: cross_entropy(x, y, s),
            LABELLED,
            lambda f, x, y, s=smoothing: f.cross_entropy(x, y.long(), label_smoothing=s, reduction="none"),
        )
    yield Row(
        "cross_entropy of probabilities",
        lambda x, t: mp.fsum(q * (log_sum_exp(x) - a) for a, q in zip(x, t, strict=True)),
        WITH_PROBABILITIES,
        plain("cross_entropy"),
    )
    yield Row("nll_loss", lambda x, y: -x[int(y)], LABELLED, lambda f, x, y: f.nll_loss(x, y.long(), reduction="none"))
    yield Row("multi_margin_loss, p 2",
              lambda x, y: mp.fsum(max(0, 2 - x[int(y)] + a) ** 2 for i, a in enumerate(x) if i != y) / 3, LABELLED,
              lambda f, x, y: f.multi_margin_loss(x, y.long(), p=2, margin=2.0, reduction="none"))  # fmt: skip
    yield Row("multilabel_soft_margin_loss", multilabel_soft, WITH_PROBABILITIES, plain("multilabel_soft_margin_loss"))
    yield Row("cosine_embedding_loss, similar", lambda a, b, c: 1 - cosine(a, b), TRIPLES,
              lambda f, a, b, c: f.cosine_embedding_loss(a, b, torch.ones_like(a[:, 0]), reduction="none"))  # fmt: skip
    for p in (1.0, 2.0, 3.0):
        yield Row(f"triplet_margin_loss, p {p:g}",
                  lambda a, b, c, p=p: max(0, 200 + distance(a, b, p) - distance(a, c, p)), TRIPLES,
                  plain("triplet_margin_loss", p=p, margin=200.0), cancels=True)  # fmt: skip
    yield Row("ctc_loss of log_softmax", ctc_of_logits, SEQUENCES, call_ctc, cancels=True)


def exact(value):
    return [mp.mpf(v) for v in value] if isinstance(value, (tuple, list)) else mp.mpf(value)


def derivatives(formula, x, others):
    """By each component of x."""
    if not isinstance(x, list):
        return [(formula(x + STEP, *others) - formula(x - STEP, *others)) / (2 * STEP)]
    found = []
    for i in range(len(x)):
        up, down = list(x), list(x)
        up[i], down[i] = up[i] + STEP, down[i] - STEP
        found.append((formula(up, *others) - formula(down, *others)) / (2 * STEP))
    return found


def error(found, truth, scale, dtype):
    """In ULP of the scale; None where the truth is no number of the type."""
    info = torch.finfo(dtype)
    if abs(truth) > info.max:
        return None
    digits = {torch.float32: 24, torch.float64: 53}[dtype]
    _, exponent = mp.frexp(abs(scale))
    unit = max(mp.ldexp(1, int(exponent) - digits), mp.mpf(info.tiny) * mp.mpf(info.eps))
    return float(abs(mp.mpf(found) - truth) / unit) if math.isfinite(found) else math.inf


@dataclass(frozen=True)
class Measured:
    """The errors at one point: (ours, torch's) in ULP."""

    row: str
    what: str
    dtype: torch.dtype
    point: tuple
    errors: tuple


def measure(row, dtype):
    operands = [torch.tensor([point[i] for point in row.points], dtype=dtype) for i in range(len(row.points[0]))]
    sides = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for functional in (perdita_functional, torch_functional):
            x = operands[0].clone().requires_grad_()
            values = row.call(functional, x, *operands[1:])
            (gradient,) = torch.autograd.grad(values.sum(), x)
            sides.append((values.tolist(), gradient.reshape(len(values), -1).tolist()))
    for i, point in enumerate(row.points):
        x, *others = (exact(operand[i].tolist()) for operand in operands)
        truths = {"value": [row.formula(x, *others)], "gradient": derivatives(row.formula, x, others)}
        for what, components in truths.items():
            for j, truth in enumerate(components):
                scale = mp.mpf(1) if row.cancels and what == "gradient" else truth
                pair = tuple(
                    error(values[i] if what == "value" else gradients[i][j], truth, scale, dtype)
                    for values, gradients in sides
                )
                if None not in pair:
                    yield Measured(row.name, what, dtype, point, pair)


def table(results):
    """Lines of Markdown: the largest errors of a loss."""
    worst = {}
    for m in results:
        key = m.row, f"{m.what}, {str(m.dtype)[6:]}"
        before = worst.setdefault(key, (0.0, 0.0))
        worst[key] = tuple(map(max, before, m.errors))
    kinds = ["value, float32", "gradient, float32", "value, float64", "gradient, float64"]
    yield "| loss | " + " | ".join(f"{kind}: ours | torch's" for kind in kinds) + " |"
    yield "|---|" + "--:|--:|" * len(kinds)
    for name in dict.fromkeys(row for row, _ in worst):
        cells = [f"{e:.2g}" if e < 1000 else f"{e:.0e}" for kind in kinds for e in worst.get((name, kind), (0.0, 0.0))]
        yield f"| {name} | " + " | ".join(cells) + " |"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--points", action="store_true", help="the points where one side is beyond 4 ULP")
    points = arguments.parse_args().points
    results = [m for row in rows() for dtype in (torch.float32, torch.float64) for m in measure(row, dtype)]
    print("\n".join(table(results)))
    for m in results if points else ():
        if max(m.errors) > 4:
            print(
                f"{m.row}, {m.what}, {str(m.dtype)[6:]}, at {m.point}: ours {m.errors[0]:.3g}, torch's {m.errors[1]:.3g}"
            )


if __name__ == "__main__":
    main()
