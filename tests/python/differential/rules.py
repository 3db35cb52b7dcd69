"""Differences that are meant, each with its reason. Those from torch are in disagreements.py: here the exact result
decides wherever there is one, and torch's is looked at elsewhere."""

import math

import numpy as np

from . import formulas

NONE = np.zeros(0)


def rule_of(draw, kind, name, what):
    """The name of the rule that covers a difference, or None. what: (element, what Perdita gives), or the error's text."""
    for rule, _, covers in RULES:
        if covers(draw, kind, name, what):
            return rule
    return None


def _at(draw, element, *names):
    """The numbers of operands at an element of the broadcast shape."""
    return [float(x.flat[element]) for x in np.broadcast_arrays(*(draw.values[name] for name in names))]


def _is_far_from_the_prediction(draw, name, element):
    """Whether an end of an interval is more than three scales away, on the scale of logarithms."""
    prediction, end = _at(draw, element, "input", name)
    return end <= 0 or abs(math.log(end) - prediction) > 3 * draw.parameters.get("scale", 1.0)


def _is_small_next_to_its_target(draw, element):
    prediction, target = _at(draw, element, "input", "target")
    return abs(prediction) < 0.1 * abs(target)


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
            kind == "second"
            and "target" in draw.wanted
            and any(math.isinf(x) for x in draw.values.get("input", NONE).flat)
        ),
    ),
    (
        "focus_on_the_target_of_an_infinite_logit",
        "the derivative by the target is 0 * inf there, once for the weight and once for the loss: nan shows",
        lambda draw, kind, name, what: (
            (
                draw.function
                in ("binary_focal_loss", "asymmetric_loss", "focal_loss", "quality_focal_loss", "varifocal_loss")
                or "pos_weight" in draw.values
            )
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
        "derivatives_by_the_ends_of_an_interval",
        "differences of densities, which cancel where the ends are far from the prediction; ends are data",
        lambda draw, kind, name, what: (
            draw.function == "aft_loss"
            and name in ("lower", "upper")
            and kind != "value"
            and _is_far_from_the_prediction(draw, name, what[0])
        ),
    ),
    (
        "relative_errors_by_their_target",
        "1 / |t| - |t - y| / t^2 cancels where y is small next to t; the derivative by the target is y / t^2",
        lambda draw, kind, name, what: (
            draw.function in ("mape_loss", "smape_loss")
            and name == "target"
            and kind != "value"
            and _is_small_next_to_its_target(draw, what[0])
        ),
    ),
    (
        "logarithms_of_subnormal_targets",
        "their derivative 1 / t overflows in recorded operators, and infinity shows",
        lambda draw, kind, name, what: (
            draw.function == "kl_div"
            and name == "target"
            and kind in ("recorded", "second")
            and 0 < _at(draw, what[0], "target")[0] < 2.0**-126
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
        "weights_of_probabilities_that_underflow",
        "(1 - p)^gamma counts as 0 where 1 - p rounds to 0, though a small gamma would lift it: what is left of it is the "
        "derivative with respect to a target",
        lambda draw, kind, name, what: (
            draw.function == "binary_focal_loss"
            and "target" in draw.wanted
            and abs(what[1]) < math.inf
            and (kind == "second" or kind != "value" and 0 < draw.parameters.get("gamma", 2.0) < 0.01)
            and any(abs(x) > 80 for x in draw.values["input"].flat)
        ),
    ),
    (
        "no_amount_at_a_mean_without_reciprocal",
        "log_input=False: where a mean has no finite reciprocal, a target of 0 has no share of its derivative in a dense "
        "pass; recorded operators multiply 0 by infinity, and nan shows, or by a limit of 0",
        lambda draw, kind, name, what: (
            draw.function in ("tweedie_loss", "poisson_nll_loss")
            and draw.parameters.get("log_input") is False
            and kind != "value"
            and (math.isnan(what[1]) or kind == "second")
            and any(t == 0 and abs(x) < 1e-18 for x, t in np.broadcast(draw.values["input"], draw.values["target"]))
        ),
    ),
    (
        "what_is_added_to_a_logit_rounds_away",
        "logarithms of class counts, added to logits of 1e30: the formula loses them, which the second derivative shows",
        lambda draw, kind, name, what: (
            draw.function in formulas.FREQUENCIES
            and kind == "second"
            and any(1e7 < abs(x) < math.inf for x in draw.values["input"].flat)
        ),
    ),
    (
        "hinge_of_a_sum_that_rounds",
        "1 - (1 - 1e-45) is 0: the other side of the kink",
        lambda draw, kind, name, what: (
            draw.function in ("multi_margin_loss", "multilabel_margin_loss")
            and kind in ("gradient", "recorded")
            and any(0 < abs(x) < 1e-6 for x in draw.values["input"].flat)
        ),
    ),
    (
        "probability_less_the_clip",
        "powers of p - clip: where that is of the size of p's roundoff, second derivatives have few digits",
        lambda draw, kind, name, what: (
            draw.function == "asymmetric_loss"
            and kind == "second"
            and any(
                abs(1 / (1 + math.exp(-x)) - draw.parameters.get("clip", 0.05)) < 1e-6
                for x in draw.values["input"].flat
                if abs(x) < 700
            )
        ),
    ),
    (
        "beta_below_the_normal_numbers",
        "smooth_l1_loss of a subnormal beta: 1 / beta overflows in recorded operators, and inf shows",
        lambda draw, kind, name, what: (
            draw.function == "smooth_l1_loss"
            and 0 < draw.parameters.get("beta", 1.0) < 2.0**-1022
            and kind != "value"
            and not math.isfinite(what[1])
        ),
    ),
    (
        "root_of_a_share_that_underflows",
        "focal_tversky_loss: (a share of 0)^(1 / gamma) is 0, though the root would lift what rounded to 0; its second "
        "derivatives are infinite there, and nan shows",
        lambda draw, kind, name, what: (
            draw.function == "focal_tversky_loss"
            and (kind == "value" and draw.parameters.get("gamma", 1.5) > 8 or math.isnan(what[1]))
            and any(abs(x) > 80 for x in draw.values["input"].flat)
        ),
    ),
    (
        "curvature_of_a_short_distance",
        "triplet_margin_loss: the second derivative of a norm n is a difference of terms of the size of 1 / n",
        lambda draw, kind, name, what: (
            draw.function == "triplet_margin_loss"
            and kind == "second"
            and any(
                np.nanmin(np.abs(draw.values[a] - draw.values[b]).sum(-1), initial=math.inf) < 1e-3
                for a, b in (("anchor", "positive"), ("anchor", "negative"), ("positive", "negative"))
            )
        ),
    ),
    (
        "power_without_a_reciprocal",
        "focal_tversky of gamma = 5e-324 has the power 1 / gamma = inf; nan shows",
        lambda draw, kind, name, what: (
            draw.function == "focal_tversky_loss" and draw.parameters.get("gamma") == 5e-324 and math.isnan(what[1])
        ),
    ),
    (
        "mixed_derivatives_where_exp_overflows",
        "a target of 0 of an infinite price: value and gradients are limits, the mixed second derivative is not tracked",
        lambda draw, kind, name, what: (
            draw.function == "tweedie_loss"
            and kind == "second"
            and "target" in draw.wanted
            and any(t == 0 and abs(x) > 80 for x, t in np.broadcast(draw.values["input"], draw.values["target"]))
        ),
    ),
    (
        "squares_of_vectors_overflow",
        "torch takes the norm of a vector of one component for its size, some of its kernels sum in double precision",
        lambda draw, kind, name, what: (
            draw.function == "triplet_margin_loss"
            and any(
                abs(x) > (1e150 if draw.dtypes[n] == "float64" else 1e18)
                for n in ("anchor", "positive", "negative")
                for x in draw.values[n].flat
            )
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
    (
        "reciprocal_of_a_subnormal_target",
        "js_div_loss: t (1 / t) is infinite where the reciprocal of a target overflows, and inf or nan shows",
        lambda draw, kind, name, what: (
            draw.function == "js_div_loss"
            and kind != "value"
            and not math.isfinite(what[1])
            and any(0 < t < 2.0**-126 for t in draw.values["target"].flat)
        ),
    ),
]
