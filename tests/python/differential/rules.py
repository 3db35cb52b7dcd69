"""Differences that are meant, each with its reason. Those from torch are in disagreements.py: here the exact result
decides wherever there is one, and torch's is looked at elsewhere."""

import math


def rule_of(draw, kind, name, what):
    """The name of the rule that covers a difference, or None. what: (element, what Perdita gives), or the error's text."""
    for rule, _, covers in RULES:
        if covers(draw, kind, name, what):
            return rule
    return None


def _soft_margin_by_the_target(draw, kind, name, what):
    if draw.function != "soft_margin_loss" or "target" not in draw.wanted or kind == "value":
        return False
    return math.isnan(what[1]) and any(math.isinf(x) for x in draw.values["input"].flat)


# (name, reason, (draw, kind, operand, (element, what Perdita gives) or the error's text) -> whether it covers that)
RULES = [
    (
        "soft_margin_by_the_target_of_an_infinite_score",
        "-x sigmoid(-t x) is inf * 0: its limit is 0, nan is an error that shows, and torch has no such gradient",
        _soft_margin_by_the_target,
    ),
    (
        "mixed_derivatives_at_an_infinite_logit",
        "value and gradients are limits; the second derivative by a logit that is infinite and by its target is not tracked",
        lambda draw, kind, name, what: (
            kind == "second" and "target" in draw.wanted and any(math.isinf(x) for x in draw.values["input"].flat)
        ),
    ),
    (
        "focus_on_the_target_of_an_infinite_logit",
        "the derivative by the target is 0 * inf there, once for the weight and once for the loss: nan shows",
        lambda draw, kind, name, what: (
            draw.function in ("binary_focal_loss", "asymmetric_loss", "focal_loss")
            and name == "target"
            and kind in ("gradient", "recorded")
            and math.isnan(what[1])
            and any(math.isinf(x) for x in draw.values["input"].flat)
        ),
    ),
    (
        "targets_without_dimensions_promote",
        "float64 decides the dtype, also that of a target without dimensions, which torch takes for a Python number",
        lambda draw, kind, name, what: (
            kind == "kind" and draw.values["target"].ndim == 0 and len(set(draw.dtypes.values())) > 1
        ),
    ),
    (
        "subnormal_weights_twice_differentiated",
        "(1 - p)^gamma below the normal numbers: quotients of them overflow in the second derivative, and nan shows",
        lambda draw, kind, name, what: (
            draw.function in ("binary_focal_loss", "asymmetric_loss")
            and kind == "second"
            and math.isnan(what[1])
            and any(80 < abs(x) < 110 or 700 < abs(x) < 750 for x in draw.values["input"].flat)
        ),
    ),
    (
        "cosine_embedding_overflow",
        "in disagreements.py: torch's squares overflow",
        lambda draw, kind, name, what: (
            draw.function == "cosine_embedding_loss"
            and any(abs(x) > 1e18 for n in ("input1", "input2") for x in draw.values[n].flat)
        ),
    ),
    (
        "target_smoothed_away",
        "label_smoothing = 1 multiplies targets by 0, and the derivative with respect to a masked class's is infinite: "
        "nan shows",
        lambda draw, kind, name, what: (
            draw.options.get("label_smoothing") == 1
            and "target" in draw.wanted
            and kind != "value"
            and math.isnan(what[1])
        ),
    ),
]
