"""Losses of sequences over numbers of 50 digits: all alignments, one by one."""

from mpmath import mpf

from . import embeddings, formulas
from .jets import Notes

PARAMETERS = {
    # Others have a gradient that is not the derivative of the value.
    ("rnnt_loss", "clamp"): (-1.0, 1e30),
    ("rnnt_loss", "fastemit"): (0.0,),
}


def _alignments(frames, labels, t=0, u=0):
    """The transitions ((t, u), emits a label) of each alignment."""
    if u < labels:
        yield from ([((t, u), True), *rest] for rest in _alignments(frames, labels, t, u + 1))
    if t + 1 < frames:
        yield from ([((t, u), False), *rest] for rest in _alignments(frames, labels, t + 1, u))
    elif u == labels:
        yield [((t, u), False)]


def _rnnt(draw, evaluate, Unit):
    logits, targets = draw.values["logits"], draw.values["targets"]
    count, steps, states, classes = logits.shape
    blank = draw.options["blank"] % classes
    units = []
    for i in range(count):
        frames, labels = int(draw.values["logit_lengths"][i]), int(draw.values["target_lengths"][i])
        used = [(t, u) for t in range(frames) for u in range(labels + 1)]

        def formula(notes, *x, i=i, frames=frames, labels=labels, used=used):
            rows = (list(x[k : k + classes]) for k in range(0, len(x), classes))
            log_p = dict(zip(used, map(formulas.log_softmax, rows), strict=True))
            paths = [
                sum((log_p[at][targets[i, at[1]] if is_label else blank] for at, is_label in path), mpf(0))
                for path in _alignments(frames, labels)
            ]
            return -embeddings.logsumexp(paths)

        places = [((i * steps + t) * states + u) * classes for t, u in used]
        unit = Unit(i, [("logits", place + k) for place in places for k in range(classes)])
        evaluate(unit, draw.values, formula, Notes(draw.tolerance))
        unit.floor += 4  # a derivative is a probability minus another
        unit.value_floor = mpf(frames + labels)
        units.append(unit)
    return units, mpf(count)


MAKERS = {"rnnt_loss": _rnnt}


def operands_of(random, dtype, reals, rounded):
    """(values, names of integers, options)"""
    count, steps, labels, classes = (int(random.integers(low, 4)) for low in (1, 1, 0, 2))
    blank = int(random.integers(-1, classes))
    drawn = random.integers(0, classes - 1, (count, labels))
    values = {
        "logits": reals(random, (count, steps, labels + 1, classes), False, dtype),
        "targets": drawn + (drawn >= blank % classes),
        "logit_lengths": random.integers(1, steps + 1, count),
        "target_lengths": random.integers(0, labels + 1, count),
    }
    return values, ("targets", "logit_lengths", "target_lengths"), {"blank": blank}
