"""The dtypes of results: torch's, of operands of one type and of several, and under autocast."""
import functools

import torch

from perdita._catalogue import ARGUMENTS, ENTRIES

_NARROW = (torch.float16, torch.bfloat16)

# Which operands decide, where they are not of one type. Of each of torch's losses what torch does.
_ALL = ("input", "target", "var", "weight")
_DECIDING = {
    "binary_cross_entropy": ("input",),
    "binary_cross_entropy_with_logits": ("target",),
    "cosine_embedding_loss": ("input1", "input2"),
    "cross_entropy": _ALL,
    "ctc_loss": ("log_probs",),
    "gaussian_nll_loss": _ALL,
    "hinge_embedding_loss": ("input",),
    "huber_loss": ("input", "weight"),
    "kl_div": _ALL,
    "l1_loss": _ALL,
    "margin_ranking_loss": ("input1", "input2", "target"),
    "mse_loss": _ALL,
    "multi_margin_loss": ("input",),
    "multilabel_margin_loss": ("input",),
    "multilabel_soft_margin_loss": _ALL,
    "nll_loss": ("input",),
    "poisson_nll_loss": _ALL,
    "smooth_l1_loss": _ALL,
    "soft_margin_loss": ("input",),
    "triplet_margin_loss": ("anchor", "positive", "negative"),
}
# Losses that torch composes of operators that autocast leaves in the type of their operands.
_NOT_CAST = ("gaussian_nll_loss", "multilabel_soft_margin_loss")


def is_narrow(tensor):
    return isinstance(tensor, torch.Tensor) and tensor.dtype in _NARROW


def result_type(function, tensors):
    """The dtype of the loss of these operands, of which some are narrow."""
    types = {
        name: tensor.dtype
        for name, tensor in zip(ARGUMENTS[function], tensors)
        if tensor is not None and tensor.is_floating_point()
    }
    if torch.is_autocast_enabled("cpu") and not _keeps_types(function, types):
        types = {name: torch.float32 if dtype in _NARROW else dtype for name, dtype in types.items()}
    deciding = _deciding(function, types)
    return functools.reduce(torch.promote_types, [dtype for name, dtype in types.items() if name in deciding])


def _deciding(function, types):
    if function == "cross_entropy" and "target" not in types:  # class indices
        return ("input",)
    if function in _DECIDING:
        return _DECIDING[function]
    arguments = ARGUMENTS[function]
    return arguments[:2] if ENTRIES.get(function, {}).get("promotes", True) else arguments[:1]


def _keeps_types(function, types):
    return function in _NOT_CAST or function in ("l1_loss", "mse_loss") and "weight" in types
