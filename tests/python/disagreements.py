"""Where Perdita gives another result than torch on purpose, because torch's is unsound. Nothing else may differ."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

INF, NAN = math.inf, math.nan


@dataclass(frozen=True)
class Disagreement:
    name: str
    losses: tuple  # of torch.nn.functional
    condition: str
    torch_gives: str
    perdita_gives: str
    why: str
    example: Callable  # () -> (tensors, options), one for the test
    by: str  # the operand whose gradient is looked at
    torch_result: Callable  # (value, gradient) -> whether this is what torch gives
    perdita_result: Callable
    where: Callable = lambda tensors, options, what: None  # the elements (or rows) of a grid that it covers


def floats(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def is_nan(tensor):
    return bool(tensor.isnan().any())


def same(tensor, numbers):
    return torch.allclose(tensor, torch.tensor(numbers, dtype=tensor.dtype), rtol=1e-12, atol=0, equal_nan=True)


def _overflows(tensors, options, what):
    return -tensors["target"] * tensors["input"] > 80


def _squares_overflow(tensors, options, what):
    """Rows of finite vectors whose squares are too large for their dtype, but not for double; and, by gradients, for
    double, whose cosine of 0 lies at a kink."""
    squares = [tensors[name].square().sum(-1) for name in ("input1", "input2")]
    is_covered = tensors["input1"].dtype == torch.float32 or what != "value" and not CLAMP_PASSES_AT_ITS_LIMIT
    return torch.stack([total.isinf() for total in squares]).any(0) & is_covered


def _vanishing_terms(tensors, options, what):
    """Rows in which a class of probability 0 has the logit -inf: 0 * inf."""
    target = tensors["target"]
    indexed = not target.is_floating_point()
    if indexed and options.get("label_smoothing", 0) < 1:
        return None
    impossible = (tensors["input"] == -INF).any(-1) & (tensors["input"] < INF).all(-1)
    return impossible if what == "value" else impossible & torch.tensor(what == "target")


def _no_target(tensors, options, what):
    """A target of probability 0, and no logarithm of one. A NaN of the input is to stay."""
    t, x = tensors["target"], tensors["input"]
    return ((t.exp() if options.get("log_target") else t) == 0) & (x.isinf() | t.isinf()) & ~x.isnan()


TABLE = (
    Disagreement(
        "soft_margin_overflow",
        ("soft_margin_loss",),
        "-target * input above log of the largest number (88.7 in single, 709.8 in double)",
        "loss inf, gradient nan",
        "loss -target * input, gradient -target",
        "log(1 + exp(z)) is z for large z; torch computes exp(z), which overflows",
        lambda: ({"input": floats(1000.0, -1.0), "target": floats(-1.0, -1.0)}, {"reduction": "none"}),
        "input",
        lambda value, gradient: value[0] == INF and is_nan(gradient),
        lambda value, gradient: value[0] == 1000 and gradient[0] == 1,
        _overflows,
    ),
    Disagreement(
        "ignored_row_with_nan_logits",
        ("cross_entropy",),
        "a row whose label is ignore_index holds nan or infinite logits",
        "the loss is clean, the gradient of that row is nan",
        "the gradient of that row is 0",
        "the loss does not depend on an ignored row; nan there poisons every parameter of the model",
        lambda: ({"input": torch.tensor([[1.0, 2.0], [NAN, INF]]), "target": torch.tensor([0, -100])}, {}),
        "input",
        lambda value, gradient: value.isfinite() and gradient[1].isnan().all() and gradient[0].isfinite().all(),
        lambda value, gradient: value.isfinite() and (gradient[1] == 0).all() and gradient[0].isfinite().all(),
    ),
    Disagreement(
        "impossible_class",
        ("cross_entropy",),
        "a class of target probability 0 (or, with label_smoothing = 1, the label) has the logit -inf",
        "nan",
        "0 * log 0 = 0: the loss of the other classes",
        "masking classes with -inf is common, and the limit of p log q for p = 0 is 0; the gradient is finite on both sides",
        lambda: ({"input": floats(-INF, 0.0, 1.0), "target": floats(0.0, 1.0, 0.0)}, {}),
        "input",
        lambda value, gradient: is_nan(value),
        lambda value, gradient: same(value, math.log1p(math.e)) and gradient.isfinite().all(),
        _vanishing_terms,
    ),
    Disagreement(
        "cosine_embedding_of_neither",
        ("cosine_embedding_loss",),
        "a target that is neither 1 nor -1, vectors whose cosine is nan",
        "gradient nan",
        "gradient 0 by finite components",
        "the loss is 0 for every cosine, so its gradient is 0 too",
        lambda: (
            {"input1": floats(INF, 1.0)[None], "input2": floats(1.0, 1.0)[None], "target": floats(0.0)},
            {"reduction": "none"},
        ),
        "input1",
        lambda value, gradient: is_nan(gradient),
        lambda value, gradient: same(value, [0.0]) and same(gradient[:, 1], [0.0]),
        lambda tensors, options, what: tensors["target"] == 0 if what != "value" else None,
    ),
    Disagreement(
        "cosine_embedding_overflow",
        ("cosine_embedding_loss",),
        "float32 vectors with components above 1.8e19, whose squares overflow",
        "a cosine of 0 or nan, gradient nan",
        "the loss of their cosine",
        "the cosine does not depend on the vectors' lengths; its sums are taken in double",
        lambda: (
            {
                "input1": torch.tensor([[1e30, 0.0]]),
                "input2": torch.tensor([[3.0, 4.0]]),
                "target": torch.tensor([1.0]),
            },
            {"reduction": "none"},
        ),
        "input2",
        lambda value, gradient: value[0] == 1 and is_nan(gradient),
        lambda value, gradient: abs(value[0] - 0.4) < 1e-6 and gradient.isfinite().all(),
        _squares_overflow,
    ),
    Disagreement(
        "gaussian_nll_overflow",
        ("gaussian_nll_loss",),
        "a finite difference of input and target whose square overflows",
        "loss inf, gradients infinite or nan",
        "(input - target)^2 / var, and its derivatives, where these are numbers",
        "the quotient is a number where var is large too; torch squares first",
        lambda: ({"input": floats(1e300), "target": floats(0.0), "var": floats(1e300)}, {"reduction": "none"}),
        "input",
        lambda value, gradient: value[0] == INF,
        lambda value, gradient: same(value, [5e299]) and same(gradient, [1.0]),
        lambda tensors, options, what: (
            (tensors["input"] - tensors["target"]).square().isinf() & (tensors["input"] - tensors["target"]).isfinite()
        ),
    ),
    Disagreement(
        "kl_div_of_an_absent_target",
        ("kl_div",),
        "target probability 0 (log_target: -inf) where the input is infinite",
        "nan",
        "0",
        "0 * log(0 / q) is 0 for every q, 0 included; torch does so for finite inputs only",
        lambda: ({"input": floats(-INF, -1.0), "target": floats(0.0, 1.0)}, {"reduction": "none"}),
        "input",
        lambda value, gradient: is_nan(value),
        lambda value, gradient: same(value, [0.0, 1.0]) and gradient.isfinite().all(),
        _no_target,
    ),
    Disagreement(
        "kl_div_by_a_target_of_zero",
        ("kl_div",),
        "a target of probability 0",
        "its gradient is nan",
        "the largest float, negative",
        "the derivative of t log t at 0 is -inf; nan would poison what the target is made from even if clipped",
        lambda: ({"input": floats(-1.0, -1.0), "target": floats(0.0, 1.0)}, {"reduction": "none"}),
        "target",
        lambda value, gradient: gradient[0].isnan() and gradient[1] == 2,
        lambda value, gradient: gradient[0] < -3e38 and gradient[1] == 2,
        lambda tensors, options, what: (tensors["target"] == 0) if what == "target" else None,
    ),
    Disagreement(
        "margin_ranking_by_the_target",
        ("margin_ranking_loss",),
        "an infinite score that is larger as it should be",
        "the loss is 0, its gradient by the target nan",
        "0",
        "the clamped term does not depend on the target; torch multiplies its 0 by inf",
        lambda: ({"input1": floats(INF), "input2": floats(0.0), "target": floats(1.0)}, {"reduction": "none"}),
        "target",
        lambda value, gradient: value == 0 and is_nan(gradient),
        lambda value, gradient: value == 0 and same(gradient, [0.0]),
        lambda tensors, options, what: (tensors["input1"] - tensors["input2"]).isinf() if what == "target" else None,
    ),
    Disagreement(
        "binary_cross_entropy_by_the_target",
        ("binary_cross_entropy",),
        "input 0 or 1 (or so near that the logarithm is below -100)",
        "the loss is clamped at 100, its gradient by the target is infinite",
        "the gradient is that of the clamped loss: 100 or -100",
        "the derivative of a number that is at most 100 t is not infinite",
        lambda: ({"input": floats(0.0, 1.0), "target": floats(0.25, 0.25)}, {"reduction": "none"}),
        "target",
        lambda value, gradient: same(gradient, [INF, -INF]),
        lambda value, gradient: same(gradient, [100.0, -100.0]),
        lambda tensors, options, what: (
            (tensors["input"] < 1e-43) | (tensors["input"] == 1) if what == "target" else None
        ),
    ),
    Disagreement(
        "poisson_nll_of_no_events_at_no_rate",
        ("poisson_nll_loss",),
        "a target of 0 and the input -inf, or inf; or a rate of 0 with eps = 0",
        "nan",
        "the limits: 0 for a rate of 0, inf for an infinite one",
        "0 log 0 is 0",
        lambda: ({"input": floats(-INF), "target": floats(0.0)}, {}),
        "input",
        lambda value, gradient: is_nan(value),
        lambda value, gradient: value == 0 and same(gradient, [0.0]),
        lambda tensors, options, what: (tensors["target"] == 0) & tensors["input"].isinf(),
    ),
    Disagreement(
        "poisson_nll_by_a_target_of_zero",
        ("poisson_nll_loss",),
        "full=True and a target of 0",
        "the Stirling term is left out of the loss, and makes the gradient by the target nan",
        "the gradient of what the loss is: -input",
        "nan comes from 0 * (derivative of the term that was not taken)",
        lambda: ({"input": floats(0.5), "target": floats(0.0)}, {"full": True}),
        "target",
        lambda value, gradient: is_nan(gradient) and value.isfinite(),
        lambda value, gradient: same(gradient, [-0.5]),
        lambda tensors, options, what: (tensors["target"] == 0) if what == "target" and options.get("full") else None,
    ),
    Disagreement(
        "infinite_logit",
        ("binary_cross_entropy_with_logits",),
        "input -inf, or inf with a target of 1",
        "nan",
        "0 where the logit is right, inf where it is wrong",
        "-t log sigmoid(y) has these limits; torch adds inf and -inf, or multiplies 0 by inf, on the way",
        lambda: ({"input": floats(-INF, -INF, INF), "target": floats(1.0, 0.0, 1.0)}, {"reduction": "none"}),
        "input",
        lambda value, gradient: bool(value.isnan().all()),
        lambda value, gradient: same(value, [INF, 0.0, 0.0]) and same(gradient, [-1.0, 0.0, 0.0]),
        lambda tensors, options, what: tensors["input"].isinf() if what != "input" else None,
    ),
    Disagreement(
        "infinite_logit_of_several_labels",
        ("multilabel_soft_margin_loss",),
        "an infinite logit that is right",
        "nan",
        "the loss of the other classes",
        "as infinite_logit",
        lambda: ({"input": floats(-INF, 0.0)[None], "target": floats(0.0, 1.0)[None]}, {}),
        "input",
        lambda value, gradient: is_nan(value),
        lambda value, gradient: same(value, math.log(2) / 2) and same(gradient, [[0.0, -0.25]]),
        lambda tensors, options, what: (
            tensors["input"].isinf().any(-1) if what == "value" else tensors["input"].isinf().any(-1, keepdim=True)
        ),
    ),
    Disagreement(
        "unsigned_target",
        ("margin_ranking_loss",),
        "a target of uint8",
        "the loss of -target in uint8: 255 for -1",
        "the loss of the number that the target holds",
        "-1 in uint8 is no -1; torch multiplies by it before it converts",
        lambda: (
            {"input1": floats(1.0, 2.0), "input2": floats(2.0, 1.0), "target": torch.ones(2, dtype=torch.uint8)},
            {"reduction": "none"},
        ),
        "input1",
        lambda value, gradient: same(value, [0.0, 255.0]),
        lambda value, gradient: same(value, [1.0, 0.0]) and same(gradient, [-1.0, 0.0]),
    ),
    Disagreement(
        "mean_of_no_rows",
        ("multi_margin_loss", "multilabel_margin_loss"),
        "a batch of no rows",
        "uninitialised memory",
        "the mean nan, the sum 0, as of every other loss",
        "torch returns before it writes",
        lambda: ({"input": torch.zeros(0, 3), "target": torch.zeros(0, dtype=torch.int64)}, {}),
        "input",
        lambda value, gradient: gradient.shape == (0, 3),  # whatever lay in memory
        lambda value, gradient: is_nan(value) and gradient.shape == (0, 3),
    ),
    Disagreement(
        "labels_without_weight",
        ("cross_entropy", "nll_loss"),
        "the weights of all labels are 0",
        "mean nan, gradient nan",
        "mean nan, gradient 0",
        "torch itself gives gradient 0 where all labels are ignored, which says the same",
        lambda: ({"input": floats(1.0, 2.0), "target": torch.tensor(0), "weight": floats(0.0, 1.0)}, {}),
        "input",
        lambda value, gradient: is_nan(value) and is_nan(gradient),
        lambda value, gradient: is_nan(value) and same(gradient, [0.0, 0.0]),
    ),
    Disagreement(
        "negative_label_smoothing",
        ("cross_entropy",),
        "label_smoothing below 0",
        "taken as 0",
        "an error",
        "torch checks the upper bound only; a sign error of the caller goes unseen",
        lambda: ({"input": floats(1.0, 2.0), "target": torch.tensor(0)}, {"label_smoothing": -0.1}),
        "input",
        lambda value, gradient: value.isfinite(),
        ValueError,
    ),
    Disagreement(
        "ctc_gradient",
        ("ctc_loss",),
        "always",
        "the gradient by log_probs is exp(log_probs) - posterior, which is the gradient by the logits before log_softmax",
        "the derivative by log_probs: -posterior; after log_softmax the two are one",
        "torch's fails its own gradcheck (its issues 52241, 82545)",
        lambda: (
            {
                "log_probs": torch.log_softmax(torch.arange(12.0, dtype=torch.float64).reshape(4, 1, 3).sin(), 2),
                "targets": torch.tensor([[1, 2]]),
                "input_lengths": torch.tensor([4]),
                "target_lengths": torch.tensor([2]),
            },
            {"reduction": "sum"},
        ),
        "log_probs",
        lambda value, gradient: torch.allclose(gradient.sum(-1), torch.zeros(4, 1, dtype=torch.float64), atol=1e-12),
        lambda value, gradient: torch.allclose(gradient.sum(-1), -torch.ones(4, 1, dtype=torch.float64), atol=1e-12),
    ),
)


# Before version 2.14 torch.clamp_min passed the whole gradient at its limit; since then nothing, as relu. Perdita follows
# the newest. Of each loss where its maximum with 0 has its kink.
CLAMP_PASSES_AT_ITS_LIMIT = tuple(map(int, torch.__version__.split(".")[:2])) < (2, 14)


def _hinge_kink(tensors, options):
    return (tensors["input"] == options.get("margin", 1.0)) & (tensors["target"] != 1)


def _ranking_kink(tensors, options):
    return tensors["target"] * (tensors["input1"] - tensors["input2"]) == options.get("margin", 0.0)


def _cosine_kink(tensors, options):
    cosine = torch.cosine_similarity(tensors["input1"], tensors["input2"], dim=-1)
    return (tensors["target"] == -1) & (cosine == options.get("margin", 0.0))


def _triplet_kink(tensors, options):
    near, far = (
        torch.linalg.vector_norm(tensors["anchor"] - tensors[name] + options["eps"], options.get("p", 2.0), -1)
        for name in ("positive", "negative")
    )
    return near + options.get("margin", 1.0) == far


KINKS = {
    "hinge_embedding_loss": _hinge_kink,
    "margin_ranking_loss": _ranking_kink,
    "cosine_embedding_loss": _cosine_kink,
    "triplet_margin_loss": _triplet_kink,
}


def expected_of(loss_name, tensors, options, what):
    """A mask of the elements in which both sides may differ, or None."""
    masks = [entry.where(tensors, options, what) for entry in TABLE if loss_name in entry.losses]
    if CLAMP_PASSES_AT_ITS_LIMIT and what != "value" and loss_name in KINKS:
        masks.append(KINKS[loss_name](tensors, options))
    masks = [mask for mask in masks if mask is not None]
    return torch.stack(masks).any(0) if masks else None
