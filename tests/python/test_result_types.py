"""The dtype of every result is torch's: under autocast, of narrow types, of operands of several types. Gradients come
back in the type of their operand."""

import itertools

import pytest
import torch
import torch.nn.functional as torch_functional

import perdita.torch.functional as F
import perdita.torch.nn as nn
from all_losses import ALL, OF_PERDITA, OF_TORCH
from loss_cases import cases, function_name

NARROW = (torch.bfloat16, torch.float16)
FLOATS = (torch.float32, torch.float64, *NARROW)
EPSILON = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 4e-3}


def result_of(loss, operands):
    """The loss, or the exception."""
    try:
        return loss(*operands)
    except Exception as error:  # noqa: BLE001
        return error


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("autocast", NARROW, ids=str)
@pytest.mark.parametrize("call", OF_TORCH, ids=str)
def test_autocast(call, autocast, reduction):
    """Torch's type; the number is that of float32 where torch computes in it."""
    for dtype in FLOATS:
        tensors = call.tensors(dtype)
        leaves = [t.requires_grad_() if n in call.differentiable else t for n, t in tensors.items()]
        with torch.autocast("cpu", autocast):
            expected = result_of(call.of_torch(reduction=reduction), leaves)
            found = result_of(call.function(reduction=reduction), leaves)
        if isinstance(expected, Exception):
            assert isinstance(found, (Exception, torch.Tensor)), f"{dtype}: torch: {expected!r}"
            continue
        assert isinstance(found, torch.Tensor), f"{dtype}: {found!r}, torch {expected}"
        assert found.dtype == expected.dtype, dtype
        tolerance = EPSILON[torch.bfloat16 if "linear" in call.name or "distance" in call.name else dtype]
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance, check_dtype=False)
        wanted = [tensors[n] for n in call.differentiable]
        gradients = torch.autograd.grad(found, wanted, torch.ones_like(found), allow_unused=True)
        assert [g.dtype for g in gradients if g is not None] == [dtype] * len([g for g in gradients if g is not None])


@pytest.mark.parametrize("autocast", NARROW, ids=str)
@pytest.mark.parametrize("call", OF_PERDITA, ids=str)
def test_autocast_of_losses_that_torch_lacks(call, autocast):
    """Computed in float32 and returned so, as torch's losses are."""
    for dtype in NARROW:
        operands = call.tensors(dtype).values()
        exact = call.function()(*(t.float() if t.is_floating_point() else t for t in operands))
        with torch.autocast("cpu", autocast):
            found = call.function()(*operands)
            value, extras = call.function(return_extras=True)(*operands)
            with torch.autocast("cpu", enabled=False):
                assert call.function()(*operands).dtype == dtype
        assert torch.equal(found, exact) and torch.equal(value, exact) and found.dtype == torch.float32
        assert extras.losses.dtype == torch.float32
        assert call.function()(*operands).dtype == dtype


def test_a_linear_layer_under_autocast():
    """The running sum of 1,000 losses near 2.43 does not stop at 1024, as it does in bfloat16."""
    torch.manual_seed(0)
    layer, x, y = torch.nn.Linear(20, 10), torch.randn(64, 20), torch.randint(0, 10, (64,))
    with torch.autocast("cpu", torch.bfloat16):
        logits = layer(x)
        assert logits.dtype == torch.bfloat16
        loss, expected = F.cross_entropy(logits, y), torch_functional.cross_entropy(logits, y)
        total = sum(nn.CrossEntropyLoss()(logits, y).detach() for _ in range(1000))
    assert loss.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(total, 1000 * expected.detach(), rtol=1e-4, atol=0)
    loss.backward()
    assert layer.weight.grad.dtype == torch.float32


def test_sums_beyond_the_range_of_float16():
    """30,000 rows whose losses sum to more than 65504."""
    torch.manual_seed(0)
    logits, y = (2 * torch.randn(30_000, 10)).half(), torch.randint(0, 10, (30_000,))
    with torch.autocast("cpu", torch.float16):
        found = F.cross_entropy(logits, y, reduction="sum")
        expected = torch_functional.cross_entropy(logits, y, reduction="sum")
    assert found.dtype == torch.float32 and found > 65504
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("call", [c for c in OF_TORCH if "linear" not in c.name], ids=str)
def test_promotion(call):
    """One operand of another type than the rest, in every pair of types that torch takes."""
    names = [n for n, t in call.tensors().items() if t.is_floating_point()]
    wrong = []
    for name, rest, one in itertools.product(names, FLOATS, FLOATS):
        tensors = {n: t.to(one if n == name else t.dtype) for n, t in call.tensors(rest).items()}
        for reduction in ("none", "mean"):
            expected = result_of(call.of_torch(reduction=reduction), tensors.values())
            found = result_of(call.function(reduction=reduction), tensors.values())
            if isinstance(expected, Exception):
                continue
            if not isinstance(found, torch.Tensor) or found.dtype != expected.dtype:
                wrong.append(
                    f"{name} {one} of {rest}, {reduction}: {getattr(found, 'dtype', found)}, torch {expected.dtype}"
                )
                continue
            if "distance_function" in call.options:  # which rounds its own results
                continue
            exact = call.of_torch(reduction=reduction)(
                *(t.double() if t.is_floating_point() else t for t in tensors.values())
            )
            tolerance = max(EPSILON[expected.dtype], EPSILON[torch.float32])
            torch.testing.assert_close(found.double(), exact, rtol=tolerance, atol=tolerance)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("call", [c for c in ALL if "linear" not in c.name], ids=str)
def test_gradients_have_the_type_of_their_operand(call):
    for dtypes in itertools.islice(itertools.permutations(FLOATS), 0, 24, 5):
        tensors = call.tensors()
        names = [n for n, t in tensors.items() if t.is_floating_point()]
        mixed = {n: t.to(dtypes[names.index(n) % 4]) if n in names else t for n, t in tensors.items()}
        leaves = {n: t.requires_grad_() if n in call.differentiable else t for n, t in mixed.items()}
        value = call.function()(*leaves.values())
        for name in call.differentiable:
            (gradient,) = torch.autograd.grad(value, leaves[name], retain_graph=True, allow_unused=True)
            assert gradient is None or gradient.dtype == leaves[name].dtype, name


COMPILED = [case for case in cases(variants=slice(1), shapes=slice(1)) if case.loss.name in (
    "mse_loss", "cross_entropy", "gaussian_nll_loss", "huber_loss", "binary_cross_entropy_with_logits")]  # fmt: skip


@pytest.mark.parametrize("case", COMPILED, ids=str)
def test_autocast_within_compiled_code(case):
    torch.compiler.reset()
    tensors, function = case.tensors(torch.bfloat16), getattr(F, function_name(case.loss))

    def step(**operands):
        with torch.autocast("cpu", torch.bfloat16):
            return function(**operands)

    found = torch.compile(step, fullgraph=True, backend="aot_eager")(**tensors)
    assert found.dtype == step(**tensors).dtype
    torch.testing.assert_close(found, step(**tensors))
