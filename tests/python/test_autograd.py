"""The losses inside torch's autograd: every habit of a training loop, with torch's own losses beside."""

import pytest
import torch
import torch.nn.functional as torch_functional

import perdita.torch.functional as perdita_functional
from comparing import bound
from loss_cases import cases, function_name

FIRST = cases(variants=slice(1), shapes=slice(1))
IDS = [case.loss.name for case in FIRST]


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_backward_twice(case, reduction):
    x, loss = bound(case, case.tensors(), reduction=reduction)
    x.requires_grad_()
    value = loss(x).sum()
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    kept = first.clone()
    first.zero_()  # a gradient belongs to its receiver
    (second,) = torch.autograd.grad(value, x)
    assert torch.equal(kept, second)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(value, x)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_gradients_accumulate_in_memory_of_their_own(case, reduction):
    tensors = case.tensors()
    leaves = {n: t.requires_grad_() for n, t in tensors.items() if n in case.loss.differentiable}
    call = lambda: getattr(perdita_functional, function_name(case.loss))(  # noqa: E731
        **tensors, **case.variant.options, reduction=reduction
    )
    call().sum().backward()
    once = {name: leaf.grad.clone() for name, leaf in leaves.items()}
    addresses = [t.data_ptr() for t in tensors.values()] + [leaf.grad.data_ptr() for leaf in leaves.values()]
    assert len(set(addresses)) == len(addresses), "a gradient shares memory"
    call().sum().backward()
    for name, leaf in leaves.items():
        torch.testing.assert_close(leaf.grad, 2 * once[name], rtol=1e-15, atol=0)
        assert leaf.grad.is_contiguous() or leaf.grad.stride() == leaf.stride()


@pytest.mark.parametrize("reduction", ["none", "sum"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "kl_div", "cosine_embedding_loss"])
def test_gradients_may_be_written_to(name, reduction):
    """d/d input is -d/d target for some losses: they must not be one tensor, nor the upstream gradient itself."""
    x, y = (torch.randn(3, 4, generator=torch.Generator().manual_seed(i)).abs().requires_grad_() for i in (0, 1))
    operands = (x, y, torch.ones(3)) if name == "cosine_embedding_loss" else (x, y)
    value = getattr(perdita_functional, name)(*operands, reduction=reduction)
    upstream = torch.ones_like(value)
    by_x, by_y = torch.autograd.grad(value, (x, y), upstream)
    kept = by_y.clone()
    by_x.fill_(7.0)
    assert torch.equal(by_y, kept) and torch.equal(upstream, torch.ones_like(value))
    assert x.max() < 7 and y.max() < 7


@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_without_gradients(case):
    tensors = case.tensors()
    x, loss = bound(case, tensors)
    expected = loss(x)
    assert not expected.requires_grad
    x = x.clone().requires_grad_()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found = loss(x)
            assert not found.requires_grad and found.grad_fn is None
            assert torch.equal(found, expected)
    with torch.inference_mode():
        made = x.detach() * 1
        assert torch.equal(loss(made), expected)
    assert torch.equal(loss(x).detach(), expected)


@pytest.mark.parametrize("case", [c for c in FIRST if len(c.loss.differentiable) > 1], ids=str)
def test_gradient_by_one_operand_only(case):
    """Each alone is what it is together with the others."""
    tensors = case.tensors()
    names = [n for n in case.loss.differentiable if n in tensors]
    function = getattr(perdita_functional, function_name(case.loss))
    leaves = [tensors[n].clone().requires_grad_() for n in names]
    together = torch.autograd.grad(
        function(**{**tensors, **dict(zip(names, leaves, strict=True))}, **case.variant.options), leaves
    )
    for name, expected in zip(names, together, strict=True):
        leaf = tensors[name].clone().requires_grad_()
        (alone,) = torch.autograd.grad(function(**{**tensors, name: leaf}, **case.variant.options), leaf)
        torch.testing.assert_close(alone, expected, rtol=1e-13, atol=1e-16)


UPSTREAM = {
    "scalar": lambda value: torch.tensor(0.25, dtype=value.dtype).expand_as(value),
    "dense": lambda value: torch.linspace(-1, 1, value.numel(), dtype=value.dtype).reshape(value.shape),
    "transposed": lambda value: torch.linspace(-1, 1, value.numel(), dtype=value.dtype).reshape(value.T.shape).T,
    "zeros": torch.zeros_like,
    "infinite": lambda value: torch.full_like(value, float("inf")),
    "nan": lambda value: torch.full_like(value, float("nan")),
}


@pytest.mark.parametrize("kind", UPSTREAM)
@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "binary_cross_entropy_with_logits", "huber_loss", "kl_div"])
def test_upstream_gradients(name, reduction, kind):
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(3, 4)
    t = torch.linspace(0.1, 0.9, 12, dtype=torch.float64).reshape(3, 4)
    found = []
    for functional in (torch_functional, perdita_functional):
        leaf = x.clone().requires_grad_()
        value = getattr(functional, name)(leaf, t, reduction=reduction)
        found.append(torch.autograd.grad(value, leaf, UPSTREAM[kind](value.detach()))[0])
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-15, equal_nan=True)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "kl_div", "soft_margin_loss"])
def test_one_tensor_as_input_and_target(name):
    found = []
    for functional in (torch_functional, perdita_functional):
        x = torch.linspace(0.1, 2, 6, dtype=torch.float64).requires_grad_()
        other = x.detach() if name == "soft_margin_loss" else x
        value = getattr(functional, name)(x, other, reduction="sum")
        found.append((value.detach(), torch.autograd.grad(value, x)[0]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-15)


def test_views_of_one_tensor():
    base = torch.arange(8.0, dtype=torch.float64).requires_grad_()
    perdita_functional.mse_loss(base[:4], base[4:], reduction="sum").backward()
    assert torch.equal(base.grad, torch.tensor([-8.0] * 4 + [8.0] * 4, dtype=torch.float64))


def test_hooks():
    x = torch.arange(3.0).requires_grad_()
    seen = []
    x.register_hook(lambda gradient: seen.append(gradient.clone()) or gradient * 10)
    value = perdita_functional.mse_loss(x, torch.zeros(3))
    value.register_hook(lambda gradient: gradient * 3)
    value.backward()
    assert torch.equal(seen[0], 2 * x.detach()) and torch.equal(x.grad, 20 * x.detach())


def test_inside_larger_graphs():
    """Sums of losses, checkpointing, a custom function above, a penalty on the gradient."""
    from torch.utils.checkpoint import checkpoint

    results = []
    for functional in (torch_functional, perdita_functional):
        w = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3).requires_grad_()
        x, labels = torch.linspace(0, 1, 8, dtype=torch.float64).reshape(2, 4), torch.tensor([0, 2])
        logits = x @ w
        total = functional.cross_entropy(logits, labels) + 0.5 * functional.mse_loss(w, torch.zeros_like(w))
        total = total + checkpoint(
            lambda z: functional.huber_loss(z, labels[:, None].double()), logits, use_reentrant=False
        )
        (gradient,) = torch.autograd.grad(total, w, create_graph=True)
        (gradient.square().sum() + total).backward()
        results.append(w.grad)
    torch.testing.assert_close(results[1], results[0], rtol=1e-11, atol=1e-14)


def test_higher_order_functions():
    x, t = torch.linspace(-1, 1, 5, dtype=torch.float64), torch.linspace(0, 1, 5, dtype=torch.float64)
    for name in ("mse_loss", "binary_cross_entropy_with_logits"):
        jacobians, hessians = [], []
        for functional in (torch_functional, perdita_functional):
            loss = lambda v, f=functional: getattr(f, name)(v, t, reduction="none")  # noqa: E731
            jacobians.append(torch.autograd.functional.jacobian(loss, x))
            hessians.append(torch.autograd.functional.hessian(lambda v, f=loss: f(v).sum(), x))
        torch.testing.assert_close(jacobians[1], jacobians[0])
        torch.testing.assert_close(hessians[1], hessians[0])
