"""Outcomes that are not those of torch, each with its reason. Nothing else may differ."""

from dataclasses import dataclass

from opinfo.outcomes import BEYOND, BOTH_REFUSE, DIFFERS, NONE, OF_PLAIN, REFUSED, SAME, UNCOMPARED

_FINE = (SAME, BEYOND, BOTH_REFUSE, NONE)


@dataclass(frozen=True)
class Known:
    categories: tuple[str, ...]  # parts of their names
    operators: tuple[str, ...]  # parts of their names
    outcome: str
    why: str
    text: str = ""  # part of the difference or the error


KNOWN = (
    Known(
        ("third derivative",),
        ("multi_margin_loss", "multilabel_margin_loss", "ctc_loss"),
        UNCOMPARED,
        "torch has no second derivative of these, of which differences could be taken",
    ),
    Known(
        ("torch.func.jvp", "hvp and vhp", "third derivative"),
        ("linear_cross_entropy.chunked",),
        OF_PLAIN,
        "torch's chunked function loses tangents and second derivatives without an error; Perdita's are those of the "
        "function that is not chunked",
    ),
    Known(
        ("types float16",),
        ("soft_margin_loss",),
        DIFFERS,
        "torch's exponential overflows (disagreements.py: soft_margin_overflow)",
        "inf",
    ),
    Known(
        ("types", "autocast"),
        ("margin_ranking_loss", "hinge_embedding_loss", "cosine_embedding_loss", "triplet_margin"),
        DIFFERS,
        "derivatives at a kink, which rounded operands hit: before 2.14 torch.clamp_min passes them (KINKS of "
        "disagreements.py)",
        "item [1]",
    ),
    Known(
        ("autocast to bfloat16", "autocast to float16"),
        ("linear_cross_entropy.chunked",),
        DIFFERS,
        "torch's chunked function has the narrow type under autocast, its plain one float32, as Perdita",
        "dtype",
    ),
    Known(
        ("types",),
        ("linear_cross_entropy.chunked",),
        REFUSED,
        "torch's chunked function takes operands of several types, its plain one refuses them, as Perdita",
        "valid: both float32, or both float64",
    ),
)


def reason_of(category, operator, number, outcome, text):
    """Why a sample may have the outcome; "" where it may not."""
    if outcome in _FINE:
        return "fine"
    for known in KNOWN:
        is_named = any(c in category for c in known.categories) and any(o in operator for o in known.operators)
        if is_named and outcome == known.outcome and known.text in text:
            return known.why
    return ""
