"""Second derivatives in every way torch asks for them, and beyond: right, or an error; never silent zeros."""

import pytest
import torch
from torch.autograd import functional as higher
from torch.utils.checkpoint import checkpoint

import perdita.torch.functional as F
from all_losses import ALL, FIRST

# The gradients of box_ciou and circle are not derivatives: their weights of the aspect ratio and of similarities are
# constants.
OTHERS = ("ctc_loss", "multi_margin_loss", "multilabel_margin_loss", "box_ciou_loss", "circle_loss")
SMOOTH_ENOUGH = [call for call in ALL if call.name not in OTHERS]
LINEAR = [call for call in ALL if "linear" in call.name]
IDS = [str(call) for call in SMOOTH_ENOUGH]


def leading(call, **options):
    """The loss, reduced to a number, as a function of its first operand; and that operand."""
    first, *rest = call.tensors().values()
    loss = call.function(**options)

    def reduced(x):
        value = loss(x, *rest)
        return (value * torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)).sum()

    return first, reduced


def hessian_by_differences(loss, x, step=1e-5):
    """Central differences of gradients, of the kind that torch.autograd.grad gives."""

    def gradient(v):
        v = v.detach().requires_grad_()
        return torch.autograd.grad(loss(v), v)[0]

    columns = []
    for unit in torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape):
        columns.append((gradient(x + step * unit) - gradient(x - step * unit)) / (2 * step))
    return torch.stack(columns).reshape(*x.shape, *x.shape)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("call", SMOOTH_ENOUGH, ids=IDS)
def test_every_way_to_a_second_derivative(call, reduction):
    x, loss = leading(call, reduction=reduction)
    v = torch.linspace(-1, 2, x.numel(), dtype=x.dtype).reshape(x.shape)
    expected = hessian_by_differences(loss, x)
    product = torch.tensordot(expected, v, dims=x.dim())
    close = {"rtol": 1e-5, "atol": 1e-5}
    torch.testing.assert_close(higher.hessian(loss, x), expected, **close)
    torch.testing.assert_close(higher.hessian(loss, x, vectorize=True), expected, **close)
    torch.testing.assert_close(higher.hessian(loss, x, create_graph=True), expected, **close)
    torch.testing.assert_close(higher.vhp(loss, x, v)[1], product, **close)
    torch.testing.assert_close(higher.hvp(loss, x, v)[1], product, **close)
    torch.testing.assert_close(higher.hvp(loss, x, v, create_graph=True)[1], product, **close)
    torch.testing.assert_close(higher.vhp(loss, x, v, create_graph=True)[1], product, **close)


def test_hessian_vector_product_of_cross_entropy():
    """H v = (diag(p) - p p^T) v at (.3, -.2, 1): the product of the first row."""
    x, v = torch.tensor([0.3, -0.2, 1.0], dtype=torch.float64), torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    p = torch.softmax(x, 0)
    expected = p[0] * (v - p)
    for reduction in ("none", "mean", "sum"):
        found = higher.hvp(lambda z, r=reduction: F.cross_entropy(z, torch.tensor(1), reduction=r), x, v)[1]
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)
        torch.testing.assert_close(
            found, torch.tensor([0.1999, -0.0463, -0.1536], dtype=torch.float64), rtol=1e-3, atol=0
        )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("call", ALL, ids=[str(call) for call in ALL])
def test_jacobians(call, reduction):
    """One row after the other, all at once, by batches of upstream gradients: for every operand."""
    tensors, loss = call.tensors(), call.function(reduction=reduction)
    for name in call.differentiable:

        def of_one(x, name=name):
            return loss(*{**tensors, name: x}.values())

        rows = higher.jacobian(of_one, tensors[name])
        torch.testing.assert_close(higher.jacobian(of_one, tensors[name], vectorize=True), rows, rtol=1e-11, atol=1e-13)
        x = tensors[name].clone().requires_grad_()
        value = of_one(x)
        upstream = torch.stack([torch.ones_like(value), 2 * torch.ones_like(value), torch.zeros_like(value)])
        (batch,) = torch.autograd.grad(value, x, upstream, is_grads_batched=True, retain_graph=True)
        (single,) = torch.autograd.grad(value, x, torch.ones_like(value))
        for factor, found in zip((1, 2, 0), batch, strict=True):
            torch.testing.assert_close(found, factor * single, rtol=1e-11, atol=1e-13)


def independent(call):
    """Operands that are not kept at a bound of theirs by a small step."""
    return [n for n in call.differentiable if n not in ("weight", "var")]


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("call", [c for c in FIRST if c in SMOOTH_ENOUGH], ids=str)
def test_gradgradcheck(call, reduction):
    """With respect to operands and upstream gradient, batched upstream gradients too."""
    tensors, loss = call.tensors(), call.function(reduction=reduction)
    names = independent(call)[:2]
    leaves = [tensors[n].clone().requires_grad_() for n in names]

    def of_leaves(*values):
        return loss(*{**tensors, **dict(zip(names, values, strict=True))}.values())

    checks = {"atol": 1e-5, "rtol": 1e-4, "check_batched_grad": True}
    assert torch.autograd.gradcheck(of_leaves, leaves, **checks)
    assert torch.autograd.gradgradcheck(of_leaves, leaves, **checks)


@pytest.mark.parametrize("call", [c for c in FIRST if c in SMOOTH_ENOUGH and "linear" not in c.name], ids=str)
def test_extras_keep_second_derivatives(call):
    x, plain = leading(call, reduction="mean")
    rest = list(call.tensors().values())[1:]
    loss = call.function(reduction="mean", return_extras=True)
    v = torch.ones_like(x)
    found = higher.hvp(lambda z: loss(z, *rest)[0], x, v)[1]
    expected = higher.hvp(lambda z: call.function(reduction="mean")(z, *rest), x, v)[1]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("call", [c for c in FIRST if c in SMOOTH_ENOUGH], ids=str)
def test_a_retained_graph_gives_the_same_again(call):
    x, loss = leading(call)
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x), x, create_graph=True)
    if not gradient.requires_grad:
        return
    v = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).reshape(x.shape)
    first = torch.autograd.grad(gradient, x, v, retain_graph=True, allow_unused=True, materialize_grads=True)[0]
    second = torch.autograd.grad(gradient, x, v, retain_graph=True, allow_unused=True, materialize_grads=True)[0]
    third = torch.autograd.grad(gradient, x, v, create_graph=True, allow_unused=True, materialize_grads=True)[0]
    assert torch.equal(first, second)
    torch.testing.assert_close(third, first, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("call", [c for c in FIRST if c in SMOOTH_ENOUGH and "linear" not in c.name], ids=str)
def test_third_derivatives(call):
    """As differences of second derivatives."""
    x, loss = leading(call)
    v = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).reshape(x.shape)

    def second(z):
        z = z.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(z), z, create_graph=True)
        if not gradient.requires_grad:
            return z, torch.zeros_like(z)
        return z, torch.autograd.grad(gradient, z, v, create_graph=True, allow_unused=True, materialize_grads=True)[0]

    z, along = second(x)
    step = 1e-5
    expected = ((second(x + step * v)[1] - second(x - step * v)[1]) / (2 * step)).detach()
    if not along.requires_grad:
        torch.testing.assert_close(torch.zeros_like(expected), expected, rtol=0, atol=1e-6)
        return
    # The third derivative is symmetric: applied to v twice it is the derivative of the second along v.
    found = torch.autograd.grad(along, z, v, allow_unused=True, materialize_grads=True)[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_third_derivatives_of_the_stored_form():
    """linear_cross_entropy, which keeps its gradient as a product with the weight."""
    weight, labels = torch.eye(4, 3, dtype=torch.float64), torch.tensor([0, 1])

    def third(loss):
        x = torch.arange(6.0, dtype=torch.float64).reshape(2, 3).requires_grad_()
        (gradient,) = torch.autograd.grad(loss(x), x, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), x, create_graph=True)
        return torch.autograd.grad(second.square().sum(), x)[0]

    found = third(lambda x: F.linear_cross_entropy(x, weight, labels))
    torch.testing.assert_close(found, third(lambda x: torch.nn.functional.cross_entropy(x @ weight.T, labels)))


@pytest.mark.parametrize("is_reentrant", [True, False])
@pytest.mark.parametrize("call", [c for c in FIRST if c not in LINEAR], ids=str)
def test_checkpoints(call, is_reentrant):
    x, loss = leading(call)
    expected = torch.autograd.functional.vjp(loss, x)[1]
    leaf = x.clone().requires_grad_()
    checkpoint(loss, leaf, use_reentrant=is_reentrant).backward()
    torch.testing.assert_close(leaf.grad, expected, rtol=1e-12, atol=1e-15)


def test_a_product_with_the_loss_of_another_graph():
    """The upstream gradient depends on parameters too: all mixed second derivatives."""
    x = torch.tensor([0.3, -0.2, 1.0], dtype=torch.float64)
    w = torch.tensor(0.7, dtype=torch.float64)

    def loss(functional):
        return lambda z, u: (
            u.sin() * functional.cross_entropy(z, torch.tensor(1)) + functional.mse_loss(z, z.detach() * u)
        )

    v = (torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64))
    found = higher.hvp(loss(F), (x, w), v)[1]
    expected = higher.hvp(loss(torch.nn.functional), (x, w), v)[1]
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(
        higher.hessian(loss(F), (x, w), vectorize=True),
        higher.hessian(loss(torch.nn.functional), (x, w)),
        rtol=1e-10,
        atol=1e-13,
    )


@pytest.mark.parametrize(
    "name",
    ["binary_cross_entropy_with_logits", "soft_margin_loss", "multilabel_soft_margin_loss", "mse_loss", "kl_div"],
)
@pytest.mark.parametrize("at", [0.0, -0.0, 1e-9, 30.0, -800.0])
def test_second_derivatives_where_a_stable_form_has_its_seam(name, at):
    """max(x, 0) and |x| inside a smooth loss leave no kink."""
    t, seconds = torch.ones(1, 1, dtype=torch.float64), []
    for functional in (torch.nn.functional, F):
        x = torch.full((1, 1), at, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(getattr(functional, name)(x, t, reduction="sum"), x, create_graph=True)
        second = torch.zeros_like(x)
        if gradient.requires_grad:
            second = torch.autograd.grad(gradient.sum(), x, allow_unused=True)[0]
        seconds.append(torch.zeros_like(x) if second is None else second)
    if seconds[0].isnan():  # disagreements: soft_margin_overflow
        seconds[0] = torch.zeros_like(seconds[0])
    torch.testing.assert_close(seconds[1], seconds[0], rtol=1e-9, atol=1e-15)
