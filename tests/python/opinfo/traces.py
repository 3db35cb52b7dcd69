"""Traces of a loss, run with other numbers, batches and options: make_fx, jit.trace, torch.export, torch.compile."""

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from opinfo.categories import Category, gradients_of, leaves_of
from opinfo.samples import of_wanted


def other_numbers(sample):
    """The operands with another first one."""
    return [0.9 * t if i == 0 else t for i, t in enumerate(sample.tensors)]


def is_batch(sample, tensor, place):
    """Whether the first dimension of an operand counts rows."""
    first = sample.tensors[0]
    is_counted = tensor.dim() > 0 and tensor.shape[0] == first.shape[0] and place not in sample.classes
    return is_counted and _has_rows(sample)


def _has_rows(sample):
    first = sample.tensors[0]
    of_classes = ("cross_entropy", "nll_loss", "multi_margin_loss", "multilabel_margin_loss",
                  "multilabel_soft_margin_loss", "cosine_embedding_loss", "triplet_margin_loss",
                  "triplet_margin_with_distance_loss", "linear_cross_entropy")  # fmt: skip
    if sample.name == "ctc_loss":  # lengths are constants of the sample
        return False
    return first.dim() >= (2 if sample.name in of_classes else 1) and first.shape[0] > 1


def larger(sample):
    """The operands with twice the rows."""
    return [torch.cat([t, t]) if is_batch(sample, t, i) else t for i, t in enumerate(sample.tensors)]


def with_gradients(sample, function, tensors, options=None):
    loss, moved = of_wanted(_Operands(sample, tensors), function)
    leaves = leaves_of(moved)
    value = loss(*leaves, **(options or {}))
    return value.detach(), gradients_of(value.sum(), leaves) if leaves else ()


class _Operands:
    """A sample with other operands."""

    def __init__(self, sample, tensors):
        self.tensors, self.wanted = tensors, sample.wanted


def value_and_gradients(sample, function):
    """A function of all operands that returns the loss and its gradients, of tensors alone."""

    def call(*tensors):
        value, gradients = with_gradients(sample, function, list(tensors))
        return (value, *gradients)

    return call


def plain(sample, function):
    return [value_and_gradients(sample, function)(*sample.tensors),
            value_and_gradients(sample, function)(*other_numbers(sample))]  # fmt: skip


def symbolic_make_fx(sample, function):
    traced = make_fx(value_and_gradients(sample, function), tracing_mode="symbolic")(*sample.tensors)
    return [traced(*sample.tensors), traced(*other_numbers(sample))]


def real_make_fx(sample, function):
    traced = make_fx(value_and_gradients(sample, function))(*sample.tensors)
    return [traced(*sample.tensors), traced(*other_numbers(sample))]


def jit_trace(sample, function):
    traced = torch.jit.trace(lambda *tensors: function(*tensors), tuple(sample.tensors), check_trace=False)
    call = value_and_gradients(sample, traced)
    return [call(*sample.tensors), call(*other_numbers(sample))]


class _Criterion(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *tensors):
        return self.function(*tensors)


def exported(strict):
    def run(sample, function):
        sizes = [{0: torch.export.Dim.AUTO} if is_batch(sample, t, i) else None for i, t in enumerate(sample.tensors)]
        program = torch.export.export(
            _Criterion(function), tuple(sample.tensors), dynamic_shapes=(tuple(sizes),), strict=strict
        )
        assert "perdita" not in str(program.graph), "operators of torch alone"
        module = program.module()
        return [module(*operands) for operands in (sample.tensors, other_numbers(sample), larger(sample))]

    return run


def plain_values(sample, function):
    return [function(*operands) for operands in (sample.tensors, other_numbers(sample), larger(sample))]


_CHANGED = {"margin": 0.375, "beta": 0.625, "delta": 0.75, "eps": 0.0009765625, "label_smoothing": 0.125}


def calls(sample):
    """(operands, options): those of the sample, more rows, other options."""
    yield sample.tensors, {}
    yield larger(sample), {}
    changed = {k: v for k, v in _CHANGED.items() if k in sample.options}
    if sample.name == "cross_entropy":
        changed["label_smoothing"] = 0.125
    defaults = {"huber_loss": "delta", "smooth_l1_loss": "beta", "hinge_embedding_loss": "margin"}
    if sample.name in defaults:
        changed[defaults[sample.name]] = _CHANGED[defaults[sample.name]]
    if changed:
        yield sample.tensors, changed
        yield sample.tensors, {name: value * 0.5 for name, value in changed.items()}
    if "ignore_index" in sample.options:
        yield sample.tensors, {"ignore_index": sample.options["ignore_index"] + 1}
    if sample.options.get("reduction") != "sum":
        yield sample.tensors, {"reduction": "sum"}


def compiled(sample, function):
    torch.compiler.reset()
    step = torch.compile(
        lambda *tensors, **options: function(*tensors, **options), fullgraph=True, dynamic=True, backend="aot_eager"
    )
    return [with_gradients(sample, step, operands, options) for operands, options in calls(sample)]


def not_compiled(sample, function):
    return [with_gradients(sample, function, operands, options) for operands, options in calls(sample)]


CATEGORIES = [
    Category("make_fx", real_make_fx, plain, selected=24, is_slow=True),
    Category("make_fx, symbolic", symbolic_make_fx, plain, selected=12, is_slow=True),
    Category("torch.jit.trace", jit_trace, plain, selected=24, is_slow=True),
    Category("torch.export", exported(False), plain_values, selected=12, is_slow=True),
    Category("torch.export, strict", exported(True), plain_values, selected=8, is_slow=True),
    Category("torch.compile, dynamic", compiled, not_compiled, selected=12, is_slow=True),
]
