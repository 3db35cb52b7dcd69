"""What a category is: a transform of a loss, and what its result must equal."""

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Category:
    """A transform that every sample goes through.

    run : (sample, function) -> tensors, or texts that must be equal; function is `sample.ours` or `sample.theirs`.
    plain : the same of torch's function without the transform, where torch may not support it.
    approximately : the same in another way, of any type, accurate to `accuracy`, where torch's function supports neither.
    is_slow : whether torch's function goes through the transform only where ours does not give the result of `plain`.
    selected : how many samples are in the selection of the test.
    processes : of gloo that run it together; 0 without a process group.
    group : of the table, where it has several categories.
    """

    name: str
    run: Callable
    plain: Callable | None = None
    approximately: Callable | None = None
    accuracy: float = 1e-4
    rtol: float = 1e-9
    atol: float = 1e-11
    selected: int = 48
    is_slow: bool = False
    processes: int = 0
    group: str = ""

    @property
    def row(self):
        """Where the category is counted in the table."""
        return self.group or self.name


class NotApplicable(Exception):
    """The sample has nothing that the category transforms."""


def gradients_of(value, tensors, create_graph=False):
    """The derivatives of a number with respect to tensors; zero where it does not depend on one."""
    if not value.requires_grad:
        return tuple(map(torch.zeros_like, tensors))
    found = torch.autograd.grad(value, tensors, create_graph=create_graph, allow_unused=True)
    return tuple(torch.zeros_like(t) if g is None else g for g, t in zip(found, tensors, strict=True))


def leaves_of(tensors):
    return tuple(t.detach().clone().requires_grad_() for t in tensors)
