"""Operands at the edges: 0 and 1, infinities, NaN, subnormals, huge logits. NaN and infinities are torch's, and so is
every number, but where disagreements.py says why not."""

import pytest
import torch

from comparing import assert_same_shape, of_perdita, of_torch
from disagreements import expected_of
from edge_cases import edges
from loss_cases import cases, function_name, reductions_of

# An edge is looked at for its kind of result; test_accuracy_table.py measures.
CLOSE = {torch.float64: {"rtol": 1e-12, "atol": 1e-14}, torch.float32: {"rtol": 1e-5, "atol": 1e-6}}
EDGES = [(edge, dtype) for dtype in CLOSE for edge in edges(dtype)]


def covered(edge, what, like):
    mask = expected_of(function_name(edge.loss), edge.tensors, {**edge.options}, what)
    if mask is None:
        return torch.zeros(like.shape, dtype=torch.bool)
    while mask.dim() < like.dim():
        mask = mask[..., None]
    return mask.expand_as(like)


@pytest.mark.parametrize(("edge", "dtype"), EDGES, ids=[f"{edge}-{dtype}" for edge, dtype in EDGES])
def test_edges(edge, dtype):
    options = {**edge.options, "reduction": "none"}
    shape = of_torch(edge.loss, edge.tensors, options, differentiable=())["value"].shape
    ones = torch.ones(shape, dtype=dtype)
    theirs = of_torch(edge.loss, edge.tensors, options, ones)
    ours = of_perdita(edge.loss, edge.tensors, options, ones)
    undefined = theirs["value"].isnan()
    wrong = []
    for what, expected in theirs.items():
        if expected is None:
            continue
        assert_same_shape(ours[what], expected, f"{edge}: {what}")
        agrees = torch.isclose(ours[what], expected, **CLOSE[dtype], equal_nan=True) | covered(edge, what, expected)
        if what != "value":  # of a loss that is NaN: torch's gradient is NaN or a number of no meaning, ours NaN or 0
            rows = undefined.reshape(undefined.shape + (1,) * (expected.dim() - undefined.dim()))
            agrees |= rows & (ours[what].isnan() | (ours[what] == 0))
        for i in map(tuple, (~agrees).nonzero().tolist()):
            operands = {n: t[i[0]].tolist() for n, t in edge.tensors.items() if t.dim() and len(t) == len(expected)}
            wrong.append(f"{what}{list(i)} of {operands}: ours {ours[what][i].item()!r}, torch {expected[i].item()!r}")
    assert not wrong, f"{edge}: {len(wrong)} differ:\n" + "\n".join(wrong[:12])


ALL_IGNORED = [
    (case, reduction)
    for case in cases(shapes=slice(2))
    for reduction in reductions_of(case.loss)
    if "ignore_index" in case.variant.options or case.loss.name in ("cross_entropy", "nll_loss")
]


@pytest.mark.parametrize(
    ("case", "reduction"), ALL_IGNORED, ids=[f"{case}-{reduction}" for case, reduction in ALL_IGNORED]
)
@pytest.mark.parametrize("kind", ["ignored", "weightless"])
def test_nothing_counts(case, reduction, kind):
    """All labels ignored, or of weight 0."""
    tensors, options = case.tensors(), {**case.variant.options, "reduction": reduction}
    if kind == "ignored":
        tensors["target"] = torch.full_like(tensors["target"], options.get("ignore_index", -100))
    elif "weight" in tensors:
        tensors["weight"] = torch.zeros_like(tensors["weight"])
    else:
        return
    theirs, ours = of_torch(case.loss, tensors, options), of_perdita(case.loss, tensors, options)
    for what, expected in theirs.items():
        if expected is None:
            continue
        if what != "value" and kind == "weightless":
            expected = expected.nan_to_num()  # disagreements: labels_without_weight
        assert torch.allclose(ours[what], expected, rtol=1e-12, atol=0, equal_nan=True), f"{case} {kind}: {what}"
