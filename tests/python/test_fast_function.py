"""The faster spelling of torch.autograd.Function and the plain one: the same results, and the plain one where the other
does not work."""

import os
import subprocess
import sys

import pytest
import torch

import perdita.torch.functional as perdita_functional
from loss_cases import LINEAR, LOSSES, cases, function_name
from perdita.torch import _call, _fast_function, _nodes

_COMPOSED = (*LINEAR, *(loss for loss in LOSSES if loss.name == "triplet_margin_with_distance_loss"))
CASES = cases([loss for loss in LOSSES if loss not in _COMPOSED], shapes=slice(1))
SPELLINGS = {
    "fast": _fast_function.fast_apply(_nodes._Loss, _nodes._core.make_forward_of_node),
    "plain": _nodes._Loss.apply,
}


def results_of(case, reduction):
    """Value, gradients, second derivatives, what hooks see, and the errors of a loss."""
    tensors = case.tensors()
    leaves = [tensors[n].requires_grad_() for n in case.loss.differentiable if n in tensors]
    function = getattr(perdita_functional, function_name(case.loss))

    def call(operands=tensors):
        return function(**operands, **case.variant.options, reduction=reduction)

    value = call()
    yield value, str(type(value.grad_fn)), value.grad_fn.next_functions[0][0] is None
    yield torch.autograd.grad(value.sum(), leaves, retain_graph=True)
    yield torch.autograd.grad((value * 3).sum(), leaves)
    with pytest.raises(RuntimeError) as freed:
        torch.autograd.grad(value.sum(), leaves)
    yield str(freed.value)
    if not case.loss.once:
        firsts = torch.autograd.grad(call().square().sum(), leaves, create_graph=True)
        total = sum(first.square().sum() for first in firsts)
        yield torch.autograd.grad(total, leaves, allow_unused=True)

    seen = []
    hooked = call()
    hooked.grad_fn.register_hook(lambda outputs, inputs: seen.extend((*outputs, *inputs)))
    hooked.sum().backward()
    yield [leaf.grad for leaf in leaves], seen

    packed = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: packed.append(tensor) or tensor, lambda tensor: tensor
    ):
        hooked = call()
    yield packed, torch.autograd.grad(hooked.sum(), leaves)

    name = case.loss.differentiable[0]
    inner = tensors[name] * 1
    value = call({**tensors, name: inner}).sum()
    first = torch.autograd.grad(value, leaves[0], retain_graph=True)
    with torch.no_grad():
        inner.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as changed:
        torch.autograd.grad(value, leaves[0])
    yield first, str(changed.value)

    with torch.no_grad():
        yield call().requires_grad


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(found, torch.Tensor):
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
    elif isinstance(found, (list, tuple)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
    else:
        assert found == expected


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_spellings_give_the_same(case, reduction, monkeypatch):
    found = {}
    for spelling, apply in SPELLINGS.items():
        calls = []
        monkeypatch.setattr(_call, "apply_loss", lambda *operands, a=apply, c=calls: c.append(1) or a(*operands))
        found[spelling] = list(results_of(case, reduction))
        assert calls
    assert_same(found["fast"], found["plain"])


def test_this_torch_has_the_faster_spelling():
    assert _fast_function.IS_FAST and _nodes.apply_loss is not _nodes._Loss.apply
    assert "PERDITA_PLAIN_AUTOGRAD" not in os.environ


def broken_attribute(monkeypatch):
    monkeypatch.setattr(_fast_function, "_SAVED_AS", "tensors")


def other_backward(monkeypatch):
    def fast_apply(function, make_forward):
        apply = before(function, make_forward)
        apply.__self__._backward_cls.apply = lambda ctx, upstream: (upstream, upstream)
        return apply

    before = _fast_function.fast_apply
    monkeypatch.setattr(_fast_function, "fast_apply", fast_apply)


def forward_that_saves_copies(monkeypatch):
    def make(saved_as):
        def forward(ctx, a, b):
            setattr(ctx, saved_as, (a.clone(), b.clone()))
            return a * b

        return forward

    monkeypatch.setattr(_fast_function, "_make_forward_of_product", make)


@pytest.mark.parametrize("change", [broken_attribute, other_backward, forward_that_saves_copies])
def test_a_torch_without_it_is_noticed(change, monkeypatch):
    assert _fast_function.is_fast_apply_right()
    change(monkeypatch)
    assert not _fast_function.is_fast_apply_right()


PROGRAM = """
import torch, perdita.torch.functional as F
from perdita.torch import _fast_function, _nodes
x = torch.tensor([1.0, 3.0], requires_grad=True)
F.mse_loss(x, torch.zeros(2)).backward()
print(_fast_function.IS_FAST, _nodes.apply_loss == _nodes._Loss.apply, x.grad.tolist())
"""


@pytest.mark.parametrize("value, expected", [("1", "False True [1.0, 3.0]"), ("0", "True False [1.0, 3.0]")])
def test_the_environment_selects_the_plain_spelling(value, expected):
    environment = {**os.environ, "PERDITA_PLAIN_AUTOGRAD": value}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == expected
    assert run.stderr == ""
