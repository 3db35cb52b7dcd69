"""Single precision, number by number: on thousands of operands no loss and no gradient errs more than torch's.

A single number may be far from the truth where terms cancel, and which of two roundings is worse there is luck: what is
compared are quantiles of the error in ULP over many operands.
"""

import pytest
import torch

from comparing import ULPS, of_perdita, of_torch, ulps, widened
from loss_cases import LINEAR, LOSSES, Case

QUANTILES = torch.tensor([0.5, 0.9, 0.99], dtype=torch.float64)
ROUNDS = 20
SLACK = 1.25  # quantiles of some thousand numbers are that uncertain

CASES = [Case(loss, variant, loss.layout_shape) for loss in LOSSES if loss not in LINEAR for variant in loss.variants]


def large(case):
    """The same with more elements."""
    shape = case.shape
    many = ((16, 24), (16, 24)) if isinstance(shape[0], tuple) else (24, 8) if len(shape) == 2 else shape
    return Case(case.loss, case.variant, many)


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("case", CASES, ids=[f"{case.loss}-{case.variant.id}" for case in CASES])
def test_errors_are_no_larger_than_torchs(case, reduction):
    errors = {}
    for seed in range(ROUNDS):
        tensors = large(case).tensors(torch.float32, seed)
        options = {**case.variant.options, "reduction": reduction}
        upstream = torch.tensor(1.0)
        shape = of_torch(case.loss, tensors, options, differentiable=())["value"].shape
        truth, theirs, ours = (
            evaluate(case.loss, operands, options, upstream.expand(shape))
            for evaluate, operands in ((of_torch, widened(tensors)), (of_torch, tensors), (of_perdita, tensors))
        )
        for what, exact in truth.items():
            if exact is not None:
                pair = errors.setdefault(what, ([], []))
                pair[0].append(ulps(ours[what], exact).flatten())
                pair[1].append(ulps(theirs[what], exact).flatten())
    for what, pair in errors.items():
        own, others = (torch.quantile(torch.cat(side), QUANTILES) for side in pair)
        allowed = (SLACK * others).clamp(min=ULPS)
        assert (own <= allowed).all(), (
            f"{case} {reduction}: {what}: quantiles {QUANTILES.tolist()} of the error: "
            f"{[f'{x:.3g}' for x in own.tolist()]} ULP, torch {[f'{x:.3g}' for x in others.tolist()]}"
        )
