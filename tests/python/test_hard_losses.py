"""Means of the largest losses."""

import math

import numpy as np
import pytest
import torch

import perdita.functional
import perdita.torch.functional as F
from perdita.errors import DomainError, DTypeError, ShapeError

LIBRARIES = [(F, torch.tensor), (perdita.functional, np.array)]


@pytest.mark.parametrize(("functions", "tensor"), LIBRARIES, ids=["torch", "numpy"])
def test_the_mean_of_the_largest(functions, tensor):
    losses = tensor([0.3, 2.0, 0.7, 1.1, 0.05, 0.9])
    for fraction, mean in (
        (0.5, (2.0 + 1.1 + 0.9) / 3),
        (0.51, (2.0 + 1.1 + 0.9 + 0.7) / 4),
        (1e-9, 2.0),
        (1, 5.05 / 6),
    ):
        assert float(functions.top_k_mean(losses, fraction)) == pytest.approx(mean, rel=1e-6)
    assert float(functions.top_k_mean(tensor(np.arange(100.0)), 0.07)) == 96.0
    assert float(functions.ohem_mean(losses, 1.0, 1)) == pytest.approx(3.1 / 2, rel=1e-6)
    assert float(functions.ohem_mean(losses, 5.0, 3)) == pytest.approx(4.0 / 3, rel=1e-6)
    pairs = tensor([[1.0, 5.0, 3.0, 2.0], [0.0, 4.0, 4.0, 8.0]])
    assert functions.top_k_mean(pairs, 0.5, per_item=True).tolist() == [4.0, 6.0]
    assert functions.ohem_mean(pairs, 3.5, 2, per_item=True).tolist() == [4.0, pytest.approx(16 / 3)]
    assert math.isnan(float(functions.top_k_mean(tensor([1.0, math.nan, math.inf]), 0.3)))
    assert float(functions.top_k_mean(tensor([1.0, math.inf, 2.0]), 0.3)) == math.inf


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_both_libraries_select_the_same_losses(count):
    losses = np.random.default_rng(count).integers(0, 5, (4, count)).astype(np.float64)  # with ties
    leaf = torch.tensor(losses, requires_grad=True)
    for fraction in (0.01, 0.3, 0.5, 1.0):
        ours = F.top_k_mean(leaf, fraction, per_item=True)
        assert np.array_equal(ours.detach().numpy(), perdita.functional.top_k_mean(losses, fraction, per_item=True))
        (gradient,) = torch.autograd.grad(ours.sum(), leaf)
        kept = max(1, math.ceil(fraction * count - 1e-9))
        for row, slopes in zip(losses, gradient.numpy(), strict=True):
            first = np.argsort(-row, kind="stable")[:kept]
            assert np.array_equal(np.flatnonzero(slopes), np.sort(first))
            assert np.allclose(slopes[first], 1 / kept, rtol=1e-15)


def test_as_nnu_net_and_mmsegmentation():
    logits = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    labels = torch.randint(4, (2, 6, 5), generator=torch.Generator().manual_seed(1))
    losses = F.cross_entropy(logits, labels, reduction="none")
    theirs = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    k = int(0.1 * theirs.numel())
    torch.testing.assert_close(F.top_k_mean(losses, 0.1), theirs.flatten().topk(k).values.mean())
    p = torch.softmax(logits, 1).gather(1, labels.unsqueeze(1)).flatten()
    threshold = max(p.sort().values[20].item(), 0.3)
    kept = theirs.flatten()[p < threshold].mean()
    torch.testing.assert_close(F.ohem_mean(losses, -math.log(0.3), 20), kept)


def test_transforms_and_narrow_types():
    losses = torch.rand(3, 8, dtype=torch.float64)
    each = torch.func.vmap(lambda row: F.top_k_mean(row, 0.25))(losses)
    torch.testing.assert_close(each, F.top_k_mean(losses, 0.25, per_item=True))
    compiled = torch.func.grad(lambda x: F.top_k_mean(x, 0.25))(losses)
    assert compiled.count_nonzero() == 6
    half = torch.full((5000,), 60000.0, dtype=torch.float16)
    assert F.top_k_mean(half, 1.0) == 60000.0
    assert F.top_k_mean(half, 1.0).dtype == torch.float16


@pytest.mark.parametrize(("functions", "tensor"), LIBRARIES, ids=["torch", "numpy"])
def test_bad_input(functions, tensor):
    losses = tensor([1.0, 2.0])
    for fraction in (0, -1, 1.5, math.nan):
        with pytest.raises(DomainError, match="top_k_mean: fraction is"):
            functions.top_k_mean(losses, fraction)
    with pytest.raises(ShapeError, match="per_item"):
        functions.top_k_mean(losses, 0.5, per_item=True)
    with pytest.raises(ShapeError, match="at least one loss"):
        functions.top_k_mean(tensor([])[:0] + 0.0, 0.5)
    with pytest.raises(DTypeError, match="losses holds"):
        functions.top_k_mean(tensor([1, 2]), 0.5)
    with pytest.raises(DomainError, match="threshold is nan"):
        functions.ohem_mean(losses, math.nan, 1)
    for min_kept in (0, 1.5, True):
        with pytest.raises(DomainError, match="min_kept is"):
            functions.ohem_mean(losses, 1.0, min_kept)
    with pytest.raises(DTypeError):
        F.top_k_mean([1.0, 2.0], 0.5)
