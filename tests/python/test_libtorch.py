"""Losses of LibTorch's tensors: values and gradients are those of torch's losses, and of losses by operators of torch."""

import subprocess

import pytest
import torch

from comparing import evaluate, of_torch
from libtorch_ops import CASES, COMPOSED, Functional, assert_equal, built, load, mse, pair
from loss_cases import reductions_of
from loss_operands import Numbers
from own_losses import CALLS, with_reduction
from perdita._catalogue import ARGUMENTS, roles_of


@pytest.fixture(scope="session")
def ops():
    return load()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_losses_of_torch(ops, case):
    """Value and the gradients with respect to every operand for which torch has one, times random upstream gradients."""
    tensors = case.tensors()
    for reduction in reductions_of(case.loss):
        options = {**case.variant.options, "reduction": reduction}
        theirs = of_torch(case.loss, tensors, options)
        ours = evaluate(Functional(ops), case.loss, tensors, options)
        for what, expected in theirs.items():
            if expected is not None:
                assert_equal(ours[what], expected, f"{reduction}: {what}")


@pytest.mark.parametrize("name", sorted(CALLS))
def test_losses_that_torch_lacks(ops, name):
    """The same with the loss by operators of torch."""
    predictions = [n for n, role in zip(ARGUMENTS[name], roles_of(name), strict=True) if role == "prediction"]
    for tensors, options in CALLS[name]:
        wide = {n: t.double() if t.is_floating_point() else t for n, t in tensors.items()}
        leaves = {n: t.detach().requires_grad_() if n in predictions else t for n, t in wide.items()}
        wanted = [leaves[n] for n in predictions if n in leaves]
        for reduction in ("mean", "sum", "none"):
            keywords = {**leaves, **with_reduction(options, reduction)}
            ours, theirs = getattr(Functional(ops), name)(**keywords), COMPOSED[name](**keywords)
            assert_equal(ours, theirs, f"{options} {reduction}")
            upstream = Numbers(1).normal(theirs.shape)
            gradients = (torch.autograd.grad(loss, wanted, upstream) for loss in (ours, theirs))
            for mine, expected in zip(*gradients, strict=True):
                assert_equal(mine, expected, f"{options} {reduction}: gradient", 1e-10, 1e-13)


def test_options_as_structs(ops):
    numbers = Numbers(0)
    logits, labels = numbers.normal((6, 4)).requires_grad_(), torch.tensor([0, 1, 3, 3, 2, 1])
    weight = numbers.uniform((4,), 0.5, 2.0)
    ours = ops.by_options(logits, labels, weight, 3, 0.1)
    theirs = torch.nn.functional.cross_entropy(logits, labels, weight, ignore_index=3, label_smoothing=0.1)
    assert_equal(ours, theirs, "cross_entropy")
    input, target = numbers.normal((5, 3)), numbers.normal((5,))
    levels = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    error = target[:, None] - input
    assert_equal(
        ops.by_quantiles(input, target, levels.tolist()),
        torch.maximum(levels * error, (levels - 1) * error).mean(),
        "quantiles",
    )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_lambda(ops, reduction):
    input, target = pair(5, 3)
    weight = Numbers(4).uniform((5, 3), 0.5, 2.0)
    for factor in (None, weight):
        ours = ops.by_lambda(input, target, factor, reduction)
        losses = torch.log(torch.cosh(input - target)) * torch.exp(0.1 * input) * (1.0 if factor is None else factor)
        theirs = {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]
        assert_equal(ours, theirs, "value")
        upstream = Numbers(1).normal(ours.shape)
        gradients = (torch.autograd.grad(loss, input, upstream)[0] for loss in (ours, theirs))
        assert_equal(*gradients, "gradient", 1e-11)


def test_any_strides(ops):
    base = Numbers(3).normal((6, 8))
    for view in (
        base.t(),
        base[::2, 1::3],
        base[:, :1].expand(6, 5),
        base.unfold(1, 3, 2),
        base.view(2, 3, 8).permute(2, 0, 1),
    ):
        leaf = view.detach().requires_grad_()
        target = Numbers(5).normal(view.shape[::-1]).permute(*reversed(range(view.dim())))
        for reduction in ("none", "mean"):
            upstream = Numbers(6).normal(view.shape[::-1]).permute(*reversed(range(view.dim())))
            upstream = upstream if reduction == "none" else torch.tensor(2.0, dtype=torch.float64)
            losses = (
                mse(ops, leaf, target, reduction),
                torch.nn.functional.mse_loss(leaf, target, reduction=reduction),
            )
            assert_equal(*losses, "value")
            assert_equal(*(torch.autograd.grad(loss, leaf, upstream)[0] for loss in losses), "gradient")


def test_upstream_without_memory(ops):
    """sum() expands one number, and the imaginary part of a conjugate is a negated view."""
    input, target = pair(3, 4)
    mse(ops, input, target, "none").sum().backward()
    assert_equal(input.grad, 2 * (input - target).detach(), "gradient")
    upstream = torch.complex(target, target).conj().imag
    assert upstream.is_neg()
    gradient = torch.autograd.grad(mse(ops, input, target, "none"), input, upstream)[0]
    assert_equal(gradient, -target * 2 * (input - target).detach(), "gradient")
    assert_equal(mse(ops, input.detach(), upstream), ((input + target) ** 2).mean().detach(), "value")


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_types_of_labels(ops, dtype):
    logits, labels = Numbers(0).normal((5, 4)), torch.tensor([3, 0, 2, 1, 1])
    ours = Functional(ops).cross_entropy(input=logits, target=labels.to(dtype))
    assert_equal(ours, torch.nn.functional.cross_entropy(logits, labels), "value")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_types_are_float32_rounded(ops, dtype):
    logits, labels = Numbers(0, dtype).normal((5, 4)).requires_grad_(), torch.tensor([3, 0, 2, 1, 1])
    wide = logits.detach().float().requires_grad_()
    for reduction in ("none", "mean"):
        found, exact = (
            Functional(ops).cross_entropy(input=x, target=labels, reduction=reduction) for x in (logits, wide)
        )
        assert found.dtype == dtype and torch.equal(found, exact.to(dtype))
        upstream = torch.full(found.shape, 0.5, dtype=dtype)
        gradient = torch.autograd.grad(found, logits, upstream)[0]
        assert torch.equal(gradient, torch.autograd.grad(exact, wide, upstream.float())[0].to(dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Functional(ops).cross_entropy(input=logits, target=labels).dtype == torch.float32


def test_example():
    done = subprocess.run([built() / "example/train_network"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    losses = [float(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith("epoch")]
    assert len(losses) == 5 and losses == sorted(losses, reverse=True)
