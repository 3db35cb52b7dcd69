"""torch.compile takes every loss into one graph, with eager's values and gradients."""

import functools
import shutil

import pytest
import torch

import perdita.torch.functional as perdita_functional
from loss_cases import cases, function_name, reductions_of
from perdita._catalogue import ARGUMENTS, ENTRIES

CASES = [case for case in cases(shapes=slice(1))]
GRID = [
    (case, reduction)
    for case in CASES
    for reduction in (reductions_of(case.loss) if case.variant == case.loss.variants[0] else ("mean",))
]


def value_and_gradients(call, tensors, names):
    leaves = {name: tensors[name].detach().requires_grad_() for name in names}
    value = call(**{**tensors, **leaves})
    upstream = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)
    return value, torch.autograd.grad(value, list(leaves.values()), upstream, allow_unused=True)


def assert_compiles(case, reduction, backend, dtype=torch.float64):
    torch.compiler.reset()
    tensors, options = case.tensors(dtype), {**case.variant.options, "reduction": reduction}
    names = [n for n in tensors if n in case.loss.differentiable and tensors[n].is_floating_point()]

    def call(**operands):
        return getattr(perdita_functional, function_name(case.loss))(**operands, **options)

    value, gradients = value_and_gradients(call, tensors, names)
    compiled = torch.compile(call, fullgraph=True, backend=backend)
    found, found_gradients = value_and_gradients(compiled, tensors, names)
    torch.testing.assert_close(found, value, rtol=1e-14, atol=0)
    for name, gradient, expected in zip(names, found_gradients, gradients, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-13, atol=1e-16, msg=lambda m, name=name: f"{name}: {m}")
    with torch.no_grad():
        torch.testing.assert_close(compiled(**tensors), value, rtol=1e-14, atol=0)


@pytest.mark.parametrize(("case", "reduction"), GRID, ids=[f"{case}-{reduction}" for case, reduction in GRID])
def test_aot_eager(case, reduction):
    assert_compiles(case, reduction, "aot_eager")


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
def test_inductor():
    """With operations around the loss, which inductor fuses."""
    torch.compiler.reset()

    def step(x, weight, labels):
        return perdita_functional.cross_entropy(torch.relu(x @ weight) * 2, labels, label_smoothing=0.1) + 1

    x, labels = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4
    results = []
    for function in (step, torch.compile(step, fullgraph=True, backend="inductor")):
        weight = torch.linspace(-1, 1, 20).reshape(5, 4).requires_grad_()
        value = function(x, weight, labels)
        value.backward()
        results.append((value.detach(), weight.grad))
    torch.testing.assert_close(results[1][0], results[0][0])
    torch.testing.assert_close(results[1][1], results[0][1])


EXTRAS = [(case, reduction) for case, reduction in GRID if function_name(case.loss) != "linear_cross_entropy"
          and "distance_function" not in case.variant.options]  # fmt: skip


@pytest.mark.parametrize(("case", "reduction"), EXTRAS, ids=[f"{case}-{reduction}" for case, reduction in EXTRAS])
def test_extras(case, reduction):
    """The same numbers as in eager mode, here as tensors; the loss keeps its gradients."""
    torch.compiler.reset()
    tensors, options = case.tensors(torch.float64), {**case.variant.options, "reduction": reduction}
    names = [n for n in tensors if n in case.loss.differentiable and tensors[n].is_floating_point()]
    extras = []

    def call(**operands):
        loss, found = getattr(perdita_functional, function_name(case.loss))(**operands, **options, return_extras=True)
        return loss, tuple(found)

    def keeping_extras(function):
        def run(**operands):
            loss, found = function(**operands)
            extras.append(found)
            return loss

        return run

    value, gradients = value_and_gradients(keeping_extras(call), tensors, names)
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    found, found_gradients = value_and_gradients(keeping_extras(compiled), tensors, names)
    torch.testing.assert_close(found, value, rtol=1e-14, atol=0)
    torch.testing.assert_close(found_gradients, gradients, rtol=1e-13, atol=1e-16)
    for own, expected in zip(extras[1], extras[0], strict=True):
        if not isinstance(expected, torch.Tensor) and expected is not None:
            expected = torch.tensor(expected, dtype=torch.float64)
        assert (own is None) == (expected is None)
        if own is not None:
            assert not own.requires_grad
            torch.testing.assert_close(own, expected, rtol=1e-14, atol=0, equal_nan=True)


CLASSES = [name for name, entry in ENTRIES.items() if entry["of_class_rows"]]


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("function", CLASSES)
def test_every_loss_over_classes(function, reduction):
    torch.compiler.reset()
    logits, labels = torch.linspace(-2, 2, 24, dtype=torch.float64).sin().reshape(6, 4), torch.arange(6) % 4
    operands = logits, labels, *([torch.tensor([4, 3, 2, 1])] if "class_counts" in ARGUMENTS[function] else [])
    call = functools.partial(getattr(perdita_functional, function), reduction=reduction)
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*operands), call(*operands), rtol=1e-14, atol=0)


def test_changing_shapes():
    torch.compiler.reset()
    compiled = torch.compile(
        lambda x, t: perdita_functional.mse_loss(x, t), fullgraph=True, backend="aot_eager", dynamic=True
    )
    for rows in (2, 3, 5, 7):
        x, t = torch.arange(3.0 * rows).reshape(rows, 3).requires_grad_(), torch.ones(rows, 3)
        value = compiled(x, t)
        value.backward()
        assert torch.equal(value, perdita_functional.mse_loss(x, t))
        assert x.grad.shape == x.shape


CHANGING = [
    ("cross_entropy", "label_smoothing", (0.1, 0.2, 0.3)),
    ("cross_entropy", "ignore_index", (1, 2, 3)),
    ("huber_loss", "delta", (1.0, 0.5, 2.5)),
    ("smooth_l1_loss", "beta", (1.0, 0.5, 2)),
    ("hinge_embedding_loss", "margin", (1.0, 0.5)),
    ("focal_loss", "gamma", (2.0, 1.0, 3)),
    ("quantile_loss", "q", (0.3, 0.4, (0.1, 0.9))),
    ("huber_loss", "normalize_by", (3.0, 5.0, 7)),
]


@pytest.mark.parametrize(("function", "option", "values"), CHANGING, ids=[f"{f}-{o}" for f, o, _ in CHANGING])
def test_changing_options(function, option, values):
    """With dynamic=True numbers are symbols, also those that Perdita needs as constants."""
    torch.compiler.reset()
    loss = getattr(perdita_functional, function)
    compiled = torch.compile(
        lambda x, t, **options: loss(x, t, **options), fullgraph=True, backend="aot_eager", dynamic=True
    )
    for value in values:
        x = torch.linspace(-2, 2, 24, dtype=torch.float64).sin().reshape(6, 4)
        targets = torch.arange(6) % 4 if function in ("cross_entropy", "focal_loss") else torch.ones_like(x)
        if isinstance(value, tuple):
            targets, x = torch.ones_like(x), torch.stack([x, x + 0.5], -1)
        results = []
        for call in (loss, compiled):
            leaf = x.clone().requires_grad_()
            result = call(leaf, targets, **{option: value})
            results.append((result.detach(), *torch.autograd.grad(result, leaf)))
        torch.testing.assert_close(results[1], results[0], rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_other_types(dtype):
    compiled = torch.compile(perdita_functional.mse_loss, fullgraph=True, backend="aot_eager")
    x = torch.arange(4.0).to(dtype).requires_grad_()
    value = compiled(x, torch.ones(4, dtype=dtype))
    value.backward()
    assert value.dtype == x.grad.dtype == dtype


def test_errors_reach_the_caller():
    compiled = torch.compile(perdita_functional.huber_loss, fullgraph=True, backend="aot_eager")
    with pytest.raises(Exception, match="delta"):
        compiled(torch.ones(2), torch.ones(2), delta=-1.0)


def test_operators_keep_torchs_rules():
    """Schema, fake tensors and autograd registration of the operator itself."""
    from perdita.torch._operator import _loss

    x, t = torch.randn(3, 4, dtype=torch.float64, requires_grad=True), torch.randn(3, 4, dtype=torch.float64)
    torch.library.opcheck(_loss, ("mse_loss", "", "mean", "standard", 1, False, x, t, None, None, None))
    torch.library.opcheck(_loss, ("mse_loss", "", "none", "standard", 1, True, x, t, None, None, None))
