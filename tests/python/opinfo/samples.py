"""Samples of torch's operator database as functions of their tensors."""

import functools

import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_flatten, tree_unflatten

import perdita.torch.functional as perdita_functional

LOSSES = {
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "linear_cross_entropy",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
}
OPERATORS = [op for op in op_db if op.name.startswith("nn.functional.") and op.name.split(".")[-1] in LOSSES]


def torch_and_perdita(op):
    """The functions of both. ctc_loss behind log_softmax, because torch's gradient is right only there."""
    name = op.name.split(".")[-1]
    theirs, ours = op.op, getattr(perdita_functional, name)
    return tuple(map(_behind_log_softmax, (theirs, ours))) if name == "ctc_loss" else (theirs, ours)


def _behind_log_softmax(function):
    return lambda logits, *args, **kwargs: function(logits.log_softmax(-1), *args, **kwargs)


def _without_options(function):
    def call(*args, options=None, **kwargs):
        return function(*args, **kwargs)

    return call


class Sample:
    """One call of the database: its tensors, and `theirs` and `ours` as functions of tensors in their place. `plain` is
    torch's function without options of its execution, which do not support all derivatives.

    Options that are numbers may be given to these functions as keywords, and take the place of those of the sample.
    """

    def __init__(self, op, number, sample):
        self.op, self.number, self.name = op, number, op.name.split(".")[-1]
        leaves, self._tree = tree_flatten(((sample.input, *sample.args), dict(sample.kwargs)))
        self._leaves = [leaf.detach() if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        self.places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
        self.tensors = [self._leaves[i] for i in self.places]
        self.wanted = tuple(n for n, i in enumerate(self.places) if leaves[i].requires_grad)
        self.options = {k: v for k, v in sample.kwargs.items() if isinstance(v, (bool, int, float, str))}
        self.theirs, self.ours = (functools.partial(self._call, f) for f in torch_and_perdita(op))
        self.plain = functools.partial(self._call, _without_options(torch_and_perdita(op)[0]))
        self.classes = self._places_of_classes(sample)

    def _places_of_classes(self, sample):
        """Places of tensors that have one number per class, not per row."""
        positional = len(sample.args) + 1
        named = [k for k, v in sample.kwargs.items() if isinstance(v, torch.Tensor)]
        first = sum(isinstance(a, torch.Tensor) for a in (sample.input, *sample.args))
        found = {first + named.index(k) for k in ("pos_weight", "linear_bias") if k in named}
        if (
            self.name in ("cross_entropy", "nll_loss", "multi_margin_loss", "linear_cross_entropy")
            and "weight" in named
        ):
            found.add(first + named.index("weight"))
        if self.name == "linear_cross_entropy" and positional > 1:
            found.add(1)
        return found

    def _call(self, function, *tensors, **options):
        leaves = list(self._leaves)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        args, kwargs = tree_unflatten(leaves, self._tree)
        return function(*args, **{**kwargs, **options})

    def __str__(self):
        shapes = ", ".join(f"{list(t.shape)} {str(t.dtype)[6:]}" for t in self.tensors)
        return f"{self.op.full_name}[{self.number}]({shapes}; {self.options})"


def samples_of(op, dtype=torch.float64):
    """All samples, the same in every process."""
    torch.manual_seed(0)
    with torch.no_grad():
        found = list(op.sample_inputs("cpu", dtype, requires_grad=True))
    return [Sample(op, number, sample) for number, sample in enumerate(found)]


def scalar(function):
    """The sum of the losses, each with another weight."""

    def call(*tensors, **options):
        losses = function(*tensors, **options)
        weights = torch.linspace(0.5, 1.5, losses.numel(), dtype=torch.float64).to(losses.dtype).reshape(losses.shape)
        return (losses * weights).sum() if losses.dim() else losses

    return call


def of_wanted(sample, function):
    """The function of the operands that have a derivative, and these operands."""

    def call(*moved, **options):
        tensors = list(sample.tensors)
        for place, tensor in zip(sample.wanted, moved, strict=True):
            tensors[place] = tensor
        return function(*tensors, **options)

    return call, tuple(sample.tensors[place] for place in sample.wanted)


def directions(tensors):
    numbers = torch.Generator().manual_seed(3)
    return tuple(torch.rand(t.shape, dtype=torch.float64, generator=numbers).to(t.dtype) for t in tensors)
