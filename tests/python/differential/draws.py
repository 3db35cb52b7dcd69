"""A random call of a loss, from a seed and a number."""

import inspect
import math
import re
from dataclasses import dataclass, field

import numpy as np
import torch

import perdita.torch.functional as F
from perdita._catalogue import ENTRIES

from . import formulas, joint, masks, rows
from .operands import operands_of
from .oracle import BY_TORCH

INF = math.inf
# What each option is drawn from: the usual values first, then the ends of what is valid.
CHOICES = {
    "delta": (1.0, 0.5, 100.0, 1e-50, 5e-324, 1e30, INF),
    "gamma": (2.0, 0.5, 1.0, 0.0, 1.5, 3.0, 0.125, 2**-10, 50.0),
    "alpha": (0.25, 0.5, 1.0, 0.0),
    "eps": (2**-10, 0.5, 2**-20),
    "q": (0.5, 0.25, 0.75, 2**-20, 1 - 2**-20),
    "power": (1.5, 1.25, 1.0625, 1.9375),
    "tau": (1.0, 0.5, 0.0, 8.0),
    "max_margin": (0.5, 0.0, 2.0),
    "scale": (1.0, 30.0, 0.5),
    "log_zero": (-4.0, 0.0, -100.0),
    "clip": (0.0625, 0.0, 0.5),
    "gamma_pos": (0.0, 1.0, 0.5, 2.0),
    "gamma_neg": (4.0, 1.0, 0.5, 0.0, 1.5),
    "margin": (1.0, 0.5, 0.0, -0.5, 8.0),
    "p": (1, 2),
    "beta": (1.0, 0.5, 0.0),
    ("smooth_l1_loss", "beta"): (1.0, 0.5, 0.0, 1e-3, 1e-50, 5e-324, 1e-310, 1e30),
    ("interval_score_loss", "alpha"): (0.125, 0.5, 2**-20),
    ("aft_loss", "scale"): (1.0, 0.5, 2.0),
    "distribution": ("normal", "logistic", "extreme"),
    ("dpo_loss", "beta"): (0.125, 0.5, 1.0),
    ("dpo_loss", "label_smoothing"): (0.0, 0.125, 0.25),
    "kind": ("sigmoid", "robust", "hinge", "ipo"),
    ("simpo_loss", "beta"): (2.0, 0.125, 10.0),
    ("simpo_loss", "gamma"): (1.0, 0.0, 0.5),
    ("orpo_loss", "beta"): (0.125, 1.0),
    ("kto_loss", "beta"): (0.125, 1.0),
    ("grpo_loss", "beta"): (0.0625, 0.0, 1.0),
    "desirable_weight": (1.0, 0.0, 2.0),
    "undesirable_weight": (1.0, 0.0, 2.0),
    "clip_low": (0.25, 0.0, 1.0),
    "clip_high": (0.25, 0.0, 1.0),
    ("js_div_loss", "beta"): (0.5, 0.25, 0.875),
    ("quality_focal_loss", "beta"): (2.0, 1.0, 3.0),
    ("varifocal_loss", "alpha"): (0.75, 0.0, 1.0),
    ("mape_loss", "eps"): (2**-23, 0.5, 1e-30),
    ("smape_loss", "eps"): (2**-23, 0.5, 1e-30),
    ("pseudo_huber_loss", "delta"): (1.0, 0.5, 1e-15, 1e15),
    ("general_adaptive_loss", "alpha"): (1.0, 2.0, 0.0, -2.0, 1.5, -0.5, 3.0, 1e-9, -INF, INF),
    ("general_adaptive_loss", "c"): (1.0, 0.5, 4.0),
    ("expectile_loss", "tau"): (0.5, 0.25, 0.875),
    "epsilon": (0.125, 0.0, 2.0),
    ("charbonnier_loss", "eps"): (2**-10, 1e-15, 1e15, 1.0),
    ("poisson_nll_loss", "eps"): (1e-8, 0.0, 0.5),
    ("gaussian_nll_loss", "eps"): (1e-6, 1e-30, 1.0, 1e-50),
    ("poly_1_loss", "eps"): (1.0, -1.0, 0.0, 4.0),
    ("generalized_cross_entropy", "q"): (0.5, 1.0, 0.75, 2**-10, 1e-20),
    ("triplet_margin_loss", "p"): (2.0, 1.0, 3.0, INF),
    ("triplet_margin_loss", "eps"): (2**-20, 0.0, 0.5),
    ("triplet_margin_loss", "margin"): (1.0, 0.5, 8.0),
    ("tversky_loss", "beta"): (0.5, 0.0, 4.0),
    ("focal_tversky_loss", "beta"): (0.5, 0.0, 4.0),
    ("focal_tversky_loss", "gamma"): (1.5, 0.5, 1.0, 5e-324, 100.0),
    "smooth": (1.0, 0.5, 2**-20, 100.0),
    "z_loss": (0.125, 2**-13, 0.0, 2.0),
    "softcap": (30.0, 2.0, 0.5, INF, 1e30),
    "weighting": ("square", "simple", "uniform"),
    ("cosine_embedding_loss", "margin"): (0.0, 0.5, -0.5),
}
# Drawn too, but as operands or by hand.
NOT_OPTIONS = {"reduction", "normalize_by", "return_extras", "label_smoothing", "ignore_index", "validate"}
CHOICES |= joint.PARAMETERS
FUNCTIONS = [*formulas.ELEMENTS, *rows.FUNCTIONS, *masks.FUNCTIONS, *joint.FUNCTIONS, *BY_TORCH]
missing = set(ENTRIES) - set(FUNCTIONS)
assert not missing, f"{missing} must be given a formula in differential/formulas.py, rows.py or joint.py"

TORCH = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32, "float64": torch.float64,
         "int64": torch.int64, "int32": torch.int32, "uint8": torch.uint8}  # fmt: skip
EPSILON = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}

# Ways to lay out the same values: (rank at least, expression of x).
TORCH_LAYOUTS = {
    "contiguous": (0, "{}"),
    "transposed": (2, "{}.transpose(0, -1).contiguous().transpose(0, -1)"),
    "stepped": (1, "torch.stack([{0}, {0}], -1).flatten(-2)[..., ::2]"),
    "offset": (1, "torch.cat([{0}.flatten(), {0}.flatten()])[{0}.numel():].view({0}.shape)"),
    "channels_last": (4, "{}.contiguous(memory_format=torch.channels_last)"),
    "expanded": (1, "{0}[:1].expand({0}.shape)"),
}
NUMPY_LAYOUTS = {
    "contiguous": (0, "{}"),
    "transposed": (2, "np.asfortranarray({})"),
    "stepped": (1, "np.repeat({}, 2, -1)[..., ::2]"),
    "reversed": (1, "{}[..., ::-1].copy()[..., ::-1]"),
    "expanded": (1, "np.broadcast_to({0}[:1], {0}.shape)"),
}


@dataclass
class Draw:
    seed: int
    number: int
    function: str
    interface: str  # "torch" or "numpy"
    values: dict  # operand -> float64 or integers
    dtypes: dict
    layouts: dict
    parameters: dict  # the loss's own
    options: dict  # common ones
    reduction: str
    wanted: list = field(default_factory=list)

    @property
    def operands(self):
        return list(self.values)

    @property
    def tolerance(self):
        """How near a kink rounding may take its other side."""
        return 16 * max(EPSILON.get(dtype, 0) for dtype in self.dtypes.values())

    def loss_count(self, units):
        if self.function in joint.FUNCTIONS:
            return joint.loss_count(self)
        if self.function in BY_TORCH:
            return self.values["input_lengths"].size
        if self.function in formulas.ELEMENTS:
            names = [name for name in self.values if name not in ("weight", "pos_weight")]
            return math.prod(np.broadcast_shapes(*(self.values[name].shape for name in names)))
        if self.function in ("cosine_embedding_loss", "triplet_margin_loss"):
            names = [name for name in self.values if name != "target"]
            return math.prod(np.broadcast_shapes(*(self.values[name].shape for name in names))[:-1])
        shape = self.values["input"].shape
        if self.function == "generalized_dice_loss":
            return 1 if self.parameters.get("batch") or len(shape) < 2 else shape[0]
        if self.function in masks.FUNCTIONS:
            has_classes = self.parameters.get("multilabel") or self.values["target"].dtype.kind in "iu"
            items = 1 if self.parameters.get("batch") or len(shape) < 2 else shape[0]
            return items * (shape[1] if has_classes else 1)
        classes_dim = 1 if len(shape) > 1 and "margin" not in self.function else len(shape) - 1
        return math.prod(shape[:classes_dim] + shape[classes_dim + 1 :])

    def array_code(self, name):
        dtype, array = self.dtypes[name], self.values[name]
        text = repr(array.tolist()).replace("nan", "NAN").replace("inf", "INF")
        if self.interface == "torch":
            return f"torch.tensor({text}, dtype=torch.{dtype}).reshape({array.shape})"
        return f"np.array({text}, dtype=np.{dtype}).reshape({array.shape})"

    def arrays(self):
        layouts = TORCH_LAYOUTS if self.interface == "torch" else NUMPY_LAYOUTS
        result = {}
        for name, array in self.values.items():
            if self.interface == "torch":
                x = torch.tensor(array, dtype=TORCH[self.dtypes[name]])
            else:
                x = array.astype(self.dtypes[name])
            result[name] = eval(layouts[self.layouts[name]][1].format("x"), {"torch": torch, "np": np, "x": x})
        return result

    def keywords(self):
        return {**self.parameters, **self.options, "reduction": self.reduction}

    def code(self):
        """The call, to paste into a session."""
        layouts = TORCH_LAYOUTS if self.interface == "torch" else NUMPY_LAYOUTS
        module = "perdita.torch.functional" if self.interface == "torch" else "perdita.functional"
        lines = ["import math, numpy as np, torch", f"import {module} as F", "NAN, INF = math.nan, math.inf"]
        for name in self.values:
            lines.append(f"{name} = {self.array_code(name)}")
            if self.layouts[name] != "contiguous":
                lines.append(f"{name} = {layouts[self.layouts[name]][1].format(name)}")
            if name in self.wanted and self.interface == "torch":
                lines.append(f"{name}.requires_grad_()")
        text = re.sub(r"\binf\b", "INF", repr(self.keywords()))
        lines.append(f"loss = F.{self.function}({', '.join(f'{n}={n}' for n in self.values)}, **{text})")
        return "\n".join(lines)


def _choose(random, choices):
    """The first, the usual one, half of the time."""
    return choices[0] if random.random() < 0.5 else choices[random.integers(len(choices))]


def _parameters(random, function):
    names = inspect.signature(getattr(F, function)).parameters
    own = {}
    for name, default in ENTRIES[function]["parameters"]:
        if name not in names or name in NOT_OPTIONS or name == "blank" or random.random() < 0.4:
            continue
        if isinstance(default, bool):
            own[name] = bool(random.integers(2)) and name != "multilabel"  # drawn with the operands
        else:
            own[name] = _choose(random, CHOICES.get((function, name), CHOICES.get(name)))
    return own


def _layouts(random, draw):
    layouts = TORCH_LAYOUTS if draw.interface == "torch" else NUMPY_LAYOUTS
    for name, array in draw.values.items():
        fitting = [key for key, (rank, _) in layouts.items() if array.ndim >= rank and key != "expanded"]
        layout = str(random.choice(fitting)) if random.random() < 0.4 else "contiguous"
        if (
            random.random() < 0.05
            and array.ndim
            and array.size
            and name not in ("class_counts", "groups", "thresholds")
        ):
            layout = "expanded"
            draw.values[name] = np.broadcast_to(array[:1], array.shape).copy()
        draw.layouts[name] = layout


def draw(seed, number):
    random = np.random.default_rng([seed, number])
    function = FUNCTIONS[number % len(FUNCTIONS)]
    interface = "numpy" if random.random() < 0.15 and function not in BY_TORCH else "torch"
    parameters = _parameters(random, function)
    values, dtypes, options = operands_of(random, function, interface, parameters)
    if function == "focal_loss" and "weight" in values:
        parameters.pop("alpha", None)  # one of the two
    reduction = str(random.choice(["none", "mean", "sum"]))
    if random.random() < 0.15 and function in (
        *formulas.ELEMENTS,
        *formulas.CLASSES,
        *formulas.FREQUENCIES,
        *joint.FUNCTIONS,
        "nll_loss",
    ):
        options["normalize_by"] = str(random.choice(["count", "weight_sum", "batch"]))
    if function == "kl_div" and random.random() < 0.25:
        reduction = "batchmean"
    if reduction != "mean":
        options.pop("normalize_by", None)  # refused
    result = Draw(seed, number, function, interface, values, dtypes, {}, parameters, options, reduction)
    _layouts(random, result)
    result.wanted = [
        name for name in values
        if dtypes[name].startswith(("float", "bfloat")) and name not in NOT_DIFFERENTIATED
        and (name not in ("target",) or (function in _BY_TARGET and random.random() < 0.5))
    ]  # fmt: skip
    return result


NOT_DIFFERENTIATED = {"weight", "pos_weight", "class_counts", "time"} | {
    operand["name"]
    for entry in ENTRIES.values()
    for operand in entry["operands"]
    if operand["role"] == "side information"
}
# Losses of which the derivative with respect to the target is looked at.
_BY_TARGET = {*formulas.ELEMENTS, *formulas.CLASSES, "multilabel_soft_margin_loss"} - {
    "hinge_embedding_loss", "hinge_loss", "squared_hinge_loss", "margin_ranking_loss", "gaussian_nll_loss"
}  # fmt: skip
