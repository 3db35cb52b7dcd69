"""Derivatives: by autograd, by torch.func, of the first to the third order."""

import torch
from torch.func import grad, hessian, jvp

from opinfo.categories import Category, NotApplicable, gradients_of, leaves_of
from opinfo.samples import directions, of_wanted, scalar


def _moved(sample, function):
    loss, moved = of_wanted(sample, function)
    if not moved:
        raise NotApplicable
    return loss, moved


def value_and_gradient(sample, function):
    loss, moved = of_wanted(sample, function)
    leaves = leaves_of(moved)
    value = loss(*leaves)
    upstream = torch.linspace(0.5, 1.5, value.numel(), dtype=torch.float64).to(value.dtype).reshape(value.shape)
    return value.detach(), gradients_of((value * upstream).sum(), leaves)


def func_grad(sample, function):
    loss, moved = _moved(sample, scalar(function))
    return grad(loss, argnums=tuple(range(len(moved))))(*moved)


def autograd_grad(sample, function):
    loss, moved = _moved(sample, scalar(function))
    leaves = leaves_of(moved)
    return gradients_of(loss(*leaves), leaves)


def func_jvp(sample, function):
    loss, moved = _moved(sample, function)
    return jvp(loss, moved, directions(moved))


def jvp_by_reverse(sample, function):
    """The tangent of each loss from its gradients."""
    loss, moved = _moved(sample, function)
    leaves = leaves_of(moved)
    value = loss(*leaves)
    tangents = []
    for element in value.reshape(-1):
        gradients = torch.autograd.grad(element, leaves, retain_graph=True, allow_unused=True)
        pairs = zip(gradients, directions(moved), strict=True)
        tangents.append(sum(((g * v).sum() for g, v in pairs if g is not None), start=torch.zeros_like(element)))
    tangent = torch.stack(tangents).reshape(value.shape) if tangents else torch.zeros_like(value)
    return value.detach(), tangent.detach()


_MOST = 1000
"""Operands of a Hessian, which has the square of so many numbers."""


def func_hessian(sample, function):
    loss, moved = _moved(sample, scalar(function))
    if sum(t.numel() for t in moved) > _MOST:
        raise NotApplicable
    return hessian(loss, argnums=tuple(range(len(moved))))(*moved)


def hessian_by_autograd(sample, function):
    loss, moved = _moved(sample, scalar(function))
    return torch.autograd.functional.hessian(loss, moved)


def hessian_by_differences(sample, function):
    """From gradients at points next to the sample's."""
    loss, moved = _moved(sample, scalar(function))
    step = 1e-5
    rows = []
    for at, tensor in enumerate(moved):
        columns: list[list] = [[] for _ in moved]
        for place in range(tensor.numel()):
            offset = torch.zeros_like(tensor).reshape(-1)
            offset[place] = step
            ends = []
            for sign in (1, -1):
                leaves = leaves_of(moved[:at] + (tensor + sign * offset.reshape(tensor.shape),) + moved[at + 1 :])
                ends.append(gradients_of(loss(*leaves), leaves))
            for column, above, below in zip(columns, *ends, strict=True):
                column.append((above - below) / (2 * step))
        rows.append(
            tuple(
                torch.stack(column, -1).reshape((*other.shape, *tensor.shape))
                if column
                else other.new_zeros((*other.shape, *tensor.shape))
                for column, other in zip(columns, moved, strict=True)
            )
        )
    return tuple(tuple(rows[j][i] for j in range(len(moved))) for i in range(len(moved)))


def forward_over_reverse(sample, function):
    loss, moved = _moved(sample, scalar(function))
    return jvp(grad(loss, argnums=tuple(range(len(moved)))), moved, directions(moved))


def product_by_differences(sample, function):
    """Gradients, and their change along a direction."""
    loss, moved = _moved(sample, scalar(function))
    step, vectors, ends = 1e-5, directions(moved), []
    for sign in (1, -1):
        leaves = leaves_of([t + sign * step * v for t, v in zip(moved, vectors, strict=True)])
        ends.append(gradients_of(loss(*leaves), leaves))
    products = tuple((above - below) / (2 * step) for above, below in zip(*ends, strict=True))
    return autograd_grad(sample, function), products


def reverse_over_reverse(sample, function):
    """hvp and vhp of torch.autograd.functional, as gradients and products."""
    loss, moved = _moved(sample, scalar(function))
    vectors = directions(moved)
    value, products = torch.autograd.functional.hvp(loss, moved, vectors)
    other_value, others = torch.autograd.functional.vhp(loss, moved, vectors)
    torch.testing.assert_close((value, products), (other_value, others), rtol=1e-9, atol=1e-11)
    return autograd_grad(sample, function), tuple(products)


def gradgradcheck(sample, function):
    """torch's own check of second derivatives against differences of the first."""
    loss, moved = _moved(sample, function)
    if sum(t.numel() for t in moved) > _MOST:
        raise NotApplicable
    try:
        torch.autograd.gradgradcheck(loss, leaves_of(moved), fast_mode=True, check_batched_grad=True, atol=1e-4)
    except torch.autograd.gradcheck.GradcheckError as error:  # a result that is wrong, not a refusal
        return f"wrong: {error}"
    return "right"


def right(sample, function):
    """What the check says of every function whose second derivatives are right."""
    return "right"


def third_derivative(sample, function):
    """Of the losses along a direction, by autograd three times."""
    loss, moved = _moved(sample, scalar(function))
    leaves, vectors = leaves_of(moved), directions(moved)
    value = loss(*leaves)
    for _ in range(3):
        gradients = gradients_of(value, leaves, create_graph=True)
        value = sum((g * v).sum() for g, v in zip(gradients, vectors, strict=True))
    return tuple(g.detach() for g in gradients)


def third_by_differences(sample, function):
    """From products of the Hessian next to the sample's point."""
    loss, moved = _moved(sample, scalar(function))
    step, vectors, ends = 1e-4, directions(moved), []
    for sign in (1, -1):
        at = tuple(t + sign * step * v for t, v in zip(moved, vectors, strict=True))
        ends.append(torch.autograd.functional.hvp(loss, at, vectors)[1])
    return tuple((above - below) / (2 * step) for above, below in zip(*ends, strict=True))


CATEGORIES = [
    Category("value and gradient", value_and_gradient, rtol=1e-10, atol=1e-13),
    Category("torch.func.grad", func_grad, autograd_grad),
    Category("torch.func.jvp", func_jvp, jvp_by_reverse),
    Category("torch.func.hessian", func_hessian, hessian_by_autograd, hessian_by_differences),
    Category("forward over reverse", forward_over_reverse, reverse_over_reverse, product_by_differences),
    Category("hvp and vhp", reverse_over_reverse, reverse_over_reverse, product_by_differences),
    Category("gradgradcheck", gradgradcheck, right, selected=24),
    Category("third derivative", third_derivative, third_derivative, third_by_differences),
]
