"""Random operands of a loss: shapes, dtypes and values, with those at which losses have gone wrong."""

import math

import numpy as np
import torch

from perdita._catalogue import ENTRIES

from . import formulas, joint, masks

INF, NAN = math.inf, math.nan
EDGES = (0.0, -0.0, 1.0, -1.0, 1e-7, 0.5, 30.0, -30.0, 88.75, -88.75, -104.0, -745.5, 710.0, 1e4, -1e4, 1e30, -1e30, 1e-45,
         -1e-45, 5e-324, 1e300, INF, -INF, NAN)  # fmt: skip
UNIT_EDGES = (0.0, 1.0, 0.5, 1e-45, 1e-30, 1e-13, 1e-7, 1 - 2**-24, 1 - 2**-53)
SHAPES = ((3,), (2, 3), (1,), (), (0,), (2, 1), (4,), (2, 2, 2), (1, 2, 2, 2), (2, 0), (9,), (33,))
ROWS = ((2, 3), (3,), (1, 4), (2, 1), (0, 3), (3, 2), (2, 3, 2), (1, 2, 2, 2))
WEIGHTED = {"mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"}
NO_BROADCAST = {"binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "margin_ranking_loss"}
LOGARITHMS = {"kl_div", "nll_loss"}


def rounded(values, dtype):
    """The nearest numbers of that dtype, as float64."""
    with np.errstate(over="ignore", under="ignore"):
        if dtype == "bfloat16":
            return torch.tensor(values, dtype=torch.float64).to(torch.bfloat16).double().numpy()
        return np.asarray(values, dtype=np.float64).astype(dtype).astype(np.float64)


def reals(random, shape, edgy, dtype):
    values = random.normal(size=shape) * random.choice([0.1, 2.0, 10.0])
    if edgy:
        at = random.random(shape) < 0.4
        values = np.where(at, random.choice(EDGES, size=shape), values)
    return rounded(values, dtype)


def units(random, shape, edgy, dtype):
    values = random.random(shape)
    if edgy:
        values = np.where(random.random(shape) < 0.5, random.choice(UNIT_EDGES, size=shape), values)
    return rounded(values, dtype)


def targets_of_elements(random, function, shape, edgy, dtype, parameters):
    if function in ("quality_focal_loss", "varifocal_loss", "js_div_loss"):
        return units(random, shape, edgy, dtype)
    if function in ("binary_cross_entropy", "binary_cross_entropy_with_logits", "binary_focal_loss", "asymmetric_loss"):
        hard = rounded(random.integers(0, 2, shape), dtype)
        return hard if random.random() < 0.5 else units(random, shape, edgy, dtype)
    if function in (
        "soft_margin_loss",
        "hinge_loss",
        "squared_hinge_loss",
        "hinge_embedding_loss",
        "margin_ranking_loss",
    ):
        return rounded(random.integers(0, 2, shape) * 2 - 1, dtype)
    if function in ("poisson_nll_loss", "tweedie_loss"):
        return rounded(random.poisson(1.5, shape), dtype)
    if function in ("gamma_nll_loss", "gamma_deviance_loss", "inverse_gaussian_deviance_loss"):
        return rounded(np.exp(random.normal(size=shape)) + 2.0**-6, dtype)
    if function == "kl_div":
        values = units(random, shape, edgy, dtype)
        with np.errstate(divide="ignore"):
            return rounded(np.log(values), dtype) if parameters.get("log_target") else values
    return reals(random, shape, edgy, dtype)


def inputs_of_elements(random, function, shape, edgy, dtype, parameters):
    if function == "binary_cross_entropy":
        return units(random, shape, edgy, dtype)
    values = reals(random, shape, edgy, dtype)
    if function == "js_div_loss":
        return -np.abs(values)
    if function == "kl_div" and random.random() < 0.8 or not parameters.get("log_input", True):
        values = -np.abs(values) if function == "kl_div" else np.abs(values)
    return values


def _dtype(random, interface, narrow=True):
    kinds = ["float32", "float64"] * 4 + (
        ["float16", "bfloat16"] if narrow and interface == "torch" else ["float16"] * narrow
    )
    return str(random.choice(kinds))


def _shrunk(random, shape):
    """A shape that broadcasts to it."""
    smaller = [1 if random.random() < 0.4 else size for size in shape]
    return tuple(smaller[random.integers(0, len(smaller) + 1) :] if random.random() < 0.3 else smaller)


def operands_of(random, function, interface, parameters):
    """(values, dtypes, options)"""
    edgy = random.random() < 0.45
    if function in formulas.SEVERAL:
        return _of_several(random, function, interface, edgy)
    if function in formulas.ELEMENTS:
        return _of_elements(random, function, interface, parameters, edgy)
    if function in joint.FUNCTIONS:
        return joint.operands_of(random, function, parameters, _dtype(random, interface), reals, rounded)
    if function == "ctc_loss":
        return _of_sequences(random, edgy)
    if function in ("cosine_embedding_loss", "triplet_margin_loss"):
        return _of_vectors(random, function, interface, edgy)
    if function in masks.FUNCTIONS:
        return _of_masks(random, function, interface, parameters, edgy)
    return _of_rows(random, function, interface, edgy)


def _of_elements(random, function, interface, parameters, edgy):
    dtype = _dtype(random, interface)
    shape = SHAPES[random.integers(len(SHAPES))]
    names = ["input1", "input2"] if function == "margin_ranking_loss" else ["input"]
    values = {n: inputs_of_elements(random, function, shape, edgy, dtype, parameters) for n in names}
    dtypes = dict.fromkeys(names, dtype)
    target_shape = _shrunk(random, shape) if random.random() < 0.15 and function not in NO_BROADCAST else shape
    mixed = random.random() < 0.1 and dtype == "float32" and function not in NO_BROADCAST
    values["target"] = targets_of_elements(random, function, target_shape, edgy, dtype, parameters)
    dtypes["target"] = "float64" if mixed else dtype
    if function == "gaussian_nll_loss":
        values["var"] = np.abs(reals(random, shape, edgy, dtype))
        dtypes["var"] = dtype
    if function in WEIGHTED and random.random() < 0.3:
        # torch's own weights have the input's shape in some of these
        values["weight"] = rounded(random.integers(0, 9, shape) / 4.0, dtype)
        dtypes["weight"] = dtype
        if target_shape != shape:
            values["target"] = targets_of_elements(random, function, shape, edgy, dtype, parameters)
        dtypes["target"] = dtype
    if function == "binary_cross_entropy_with_logits" and random.random() < 0.3 and shape:
        values["pos_weight"] = rounded(random.integers(0, 9, shape[-1:]) / 2.0, dtype)
        dtypes["pos_weight"] = dtype
    return values, dtypes, {}


def _number_of(random, meaning, shape, edgy, dtype):
    """Random numbers of what an operand means."""
    if meaning == "counts":
        return rounded(random.poisson(2.0, shape), dtype)
    values = reals(random, shape, edgy, dtype)
    if meaning == "degrees of freedom":
        return rounded(0.5 + np.abs(values), dtype)
    if meaning in ("scales", "divergences"):
        return np.abs(values)
    if meaning == "log-probabilities":
        return -np.abs(values)
    if meaning == "0 or 1":
        return rounded(random.integers(0, 2, shape), dtype)
    return values


def _interval(random, values, shape, dtype):
    """Ends of intervals of times in order, some of them equal, 0 or infinite."""
    ends = np.sort(np.exp(random.normal(size=(2, *shape)) * random.choice([0.01, 1.0])), 0)
    lower, upper = rounded(ends[0], dtype), rounded(ends[1], dtype)
    kind = random.integers(0, 6, shape)
    values["lower"] = np.where(kind == 0, 0.0, lower)
    values["upper"] = np.where(kind == 1, INF, np.where(kind == 2, values["lower"], upper))
    values["upper"] = np.where(values["upper"] == 0.0, upper, values["upper"])


def _of_several(random, function, interface, edgy):
    """Operands of one shape, or that broadcast to the first one."""
    dtype = _dtype(random, interface)
    shape = SHAPES[random.integers(len(SHAPES))]
    values, dtypes = {}, {}
    for operand in ENTRIES[function]["operands"]:
        if operand["role"] == "weight" and random.random() < 0.7:
            continue
        is_first = not values
        own_shape = shape if is_first or random.random() < 0.85 else _shrunk(random, shape)
        if operand["role"] == "weight":
            values[operand["name"]] = rounded(random.integers(0, 9, own_shape) / 4.0, dtype)
        else:
            values[operand["name"]] = _number_of(random, operand["meaning"], own_shape, edgy, dtype)
        dtypes[operand["name"]] = dtype
    if function == "lognormal_nll_loss":
        values["target"] = np.abs(values["target"])
    if function == "aft_loss":
        _interval(random, values, np.broadcast_shapes(values["lower"].shape, values["upper"].shape), dtype)
    return values, dtypes, {}


def _of_vectors(random, function, interface, edgy):
    dtype = _dtype(random, interface)
    names = ["input1", "input2"] if function == "cosine_embedding_loss" else ["anchor", "positive", "negative"]
    shape = ((2, 3), (3,), (1, 2), (3, 1), (0, 2))[random.integers(5)]
    values = {n: reals(random, shape, edgy and random.random() < 0.3, dtype) for n in names}
    dtypes = dict.fromkeys(names, dtype)
    if function == "cosine_embedding_loss":
        values["target"] = rounded(random.integers(0, 2, shape[:-1]) * 2 - 1, dtype)
        dtypes["target"] = dtype
    return values, dtypes, {}


def _of_sequences(random, edgy):
    """With too little time for some labels in places, whose loss is infinite."""
    dtype = str(random.choice(["float32", "float64"]))
    steps, count, classes, labels = (int(random.integers(1, high)) for high in (9, 4, 5, 4))
    classes += 1
    scores = random.normal(size=(steps, count, classes)) * random.choice([0.1, 2.0, 30.0])
    if edgy:
        scores[random.random(scores.shape) < 0.1] = random.choice([-100.0, 30.0])
    blank = int(random.integers(classes)) if random.random() < 0.5 else 0
    drawn = random.integers(0, classes - 1, (count, labels))
    values = {
        "log_probs": rounded(scores, dtype),
        "targets": drawn + (drawn >= blank),
        "input_lengths": random.integers(1, steps + 1, count),
        "target_lengths": random.integers(0, labels + 1, count),
    }
    dtypes = {"log_probs": dtype, "targets": "int64", "input_lengths": "int64", "target_lengths": "int64"}
    return values, dtypes, {"blank": blank}


def _of_masks(random, function, interface, parameters, edgy):
    dtype = _dtype(random, interface)
    kind = random.choice(["mask", "classes", "multilabel"])
    shapes = ((1, 4), (2, 3), (3,)) if kind == "mask" else ((1, 2, 3), (2, 2, 2), (2, 3, 1), (1, 3, 1, 2))
    shape = shapes[random.integers(len(shapes))]
    values = {"input": reals(random, shape, edgy and random.random() < 0.3, dtype)}
    dtypes = {"input": dtype, "target": dtype}
    parameters.pop("multilabel", None)
    if kind == "classes":
        values["target"], dtypes["target"] = random.integers(0, shape[1], (shape[0], *shape[2:])), "int64"
    elif function == "lovasz_loss" or random.random() < 0.6:
        values["target"] = rounded(random.integers(0, 2, shape), dtype)
    else:
        values["target"] = units(random, shape, False, dtype)
    if kind == "multilabel":
        parameters["multilabel"] = True
    if random.random() < 0.3:
        parameters["ignore_index"] = 0 if kind == "classes" else -100
        values["target"].flat[0] = parameters["ignore_index"]
    of_items = function == "generalized_dice_loss"
    if random.random() < 0.3 and (len(shape) > 1 and not parameters.get("batch") if of_items else kind != "mask"):
        values["weight"] = rounded(random.integers(1, 9, shape[0 if of_items else 1]) / 4.0, dtype)
        dtypes["weight"] = dtype
    return values, dtypes, {}


def _logits(random, function, shape, edgy, dtype):
    values = reals(random, shape, edgy, dtype)
    if edgy and random.random() < 0.5:  # masked classes, the rest plain
        values = np.where(random.random(shape) < 0.3, -INF, rounded(random.normal(size=shape), dtype))
    return -np.abs(values) if function in LOGARITHMS else values


def _of_rows(random, function, interface, edgy):
    dtype = _dtype(random, interface)
    margins = "margin" in function
    shapes = [s for s in ROWS if len(s) <= 2 or not margins]
    shape = shapes[random.integers(len(shapes))]
    classes = shape[-1] if margins or len(shape) == 1 else shape[1]
    positions = shape[:-1] if margins or len(shape) == 1 else (shape[0], *shape[2:])
    values = {"input": _logits(random, function, shape, edgy, dtype)}
    dtypes, options = {"input": dtype}, {}
    if function == "multilabel_soft_margin_loss":
        values["target"], dtypes["target"] = units(random, shape, edgy, dtype), dtype
    elif function == "multilabel_margin_loss":
        lists = [random.permutation(classes) for _ in range(math.prod(positions))]
        for row in lists:
            row[random.integers(0, classes + 1) :] = -1
        values["target"] = np.array(lists, dtype=np.int64).reshape(shape)
        dtypes["target"] = "int64"
    elif function in formulas.CLASSES and random.random() < 0.35:
        raw = random.random(shape) * (random.random(shape) < 0.7)
        values["target"], dtypes["target"] = rounded(raw, dtype), dtype
    else:
        kinds = ["int64"] if margins else ["int64", "int64", "int32", "uint8"]
        dtypes["target"] = str(random.choice(kinds)) if interface == "numpy" else "int64"
        values["target"] = np.asarray(random.integers(0, classes, positions)).astype(dtypes["target"])
        if not margins and random.random() < 0.3:
            options["ignore_index"] = int(random.integers(0, classes))
    if function in formulas.FREQUENCIES:
        values["class_counts"] = random.integers(0, 5, classes).astype(np.float64)
        values["class_counts"][random.integers(classes)] = 7.0
        dtypes["class_counts"] = "float64"
    if function not in ("multilabel_margin_loss",) and random.random() < 0.3:
        values["weight"] = rounded(random.integers(0, 9, classes) / 4.0, dtype)
        dtypes["weight"] = dtype
    if function in (*formulas.CLASSES, *formulas.FREQUENCIES) and random.random() < 0.3:
        options["label_smoothing"] = float(random.choice([0.125, 0.5, 1.0]))
    return values, dtypes, options
