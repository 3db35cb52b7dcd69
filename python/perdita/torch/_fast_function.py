"""Calls of a torch.autograd.Function with less work per call, where this torch allows them.

Around the forward and backward pass of a loss of a few elements, `Function.apply` takes as long as the loss itself: it
looks for transforms of torch.func, which perdita.torch handles before, and its nodes look for other ways to define
backward. The spellings in this file skip that. They are not public in torch, so they are tried when this module is
imported, and the plain `Function.apply` is used unless they give the same results. The environment variable
PERDITA_PLAIN_AUTOGRAD=1 selects the plain one, too.
"""

import os
from typing import Any

import torch

_SAVED_AS = "to_save"
"""The attribute of a context to which `save_for_backward(*tensors)` assigns the tensors."""


def apply_of(function, make_forward):
    """`function.apply`, or a faster callable with the same results.

    Parameters
    ----------
    function : type of torch.autograd.Function
        Has the static methods `forward(ctx, *arguments)` and `backward(ctx, upstream)`.
    make_forward : callable
        `make_forward(saved_as)` returns a function that does what `function.forward` does, but assigns the tuple of
        tensors to the attribute `saved_as` of the context instead of calling `ctx.save_for_backward`.
    """
    return fast_apply(function, make_forward) if IS_FAST else function.apply


def fast_apply(function, make_forward):
    members = {"__module__": function.__module__, "forward": staticmethod(make_forward(_SAVED_AS))}
    fast: Any = type(function)(function.__name__, (function,), members)
    fast._backward_cls.apply = function.backward
    parent: Any = super(torch.autograd.Function, fast)
    return parent.apply


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, upstream):
        a, b = ctx.saved_tensors
        return upstream * b, upstream * a


def _make_forward_of_product(saved_as):
    def forward(ctx, a, b):
        setattr(ctx, saved_as, (a, b))
        return a * b

    return forward


def is_fast_apply_right():
    """Whether `fast_apply` works in this torch, as a function of two tensors shows."""
    try:
        return _observed(fast_apply(_Product, _make_forward_of_product)) == _observed(_Product.apply)
    except Exception:
        return False


def _observed(apply):
    """Value, gradients, saved tensors, edges, and the check for tensors changed in place, of the product of 3 and 4.

    The node is called as the engine calls it, without the engine: where there are GPUs the engine starts threads, after
    which the process cannot be forked.
    """
    with torch.inference_mode(False):
        a, b = (torch.tensor(x, device="cpu", requires_grad=True) for x in (3.0, 4.0))
        with torch.no_grad():
            unrecorded = apply(a, b)
        with torch.enable_grad():
            product = apply(a, b)
        node = product.grad_fn
        with torch.no_grad():
            gradients = [gradient.item() for gradient in node.apply(torch.tensor(5.0, device="cpu"))]
        saved = [tensor is operand for tensor, operand in zip(node.saved_tensors, (a, b), strict=True)]
        edges = [edge.variable is operand for (edge, _), operand in zip(node.next_functions, (a, b), strict=True)]
        with torch.no_grad():
            b.add_(1.0)
        try:
            node.saved_tensors  # noqa: B018
            is_change_seen = False
        except RuntimeError:
            is_change_seen = True
        return product.item(), type(node).__name__, gradients, saved, edges, is_change_seen, unrecorded.requires_grad


IS_FAST = os.environ.get("PERDITA_PLAIN_AUTOGRAD", "0") in ("", "0") and is_fast_apply_right()
"""Whether `apply_of` returns the faster callable."""
