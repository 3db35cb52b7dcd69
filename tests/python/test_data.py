"""Weights and samplers beside their formulas in NumPy, and inside torch's DataLoader."""

import numpy as np
import pytest
import torch

import perdita
from perdita import data

COUNTS = np.array([900, 90, 10])
LABELS = np.repeat(np.arange(3), COUNTS)


def test_weights():
    np.testing.assert_allclose(data.class_weights(LABELS), 1000 / (3 * COUNTS), rtol=1e-14)
    raw = (1 - 0.99) / (1 - 0.99**COUNTS)
    expected = 3 * raw / raw.sum()
    np.testing.assert_allclose(data.class_weights(LABELS, "effective_number:0.99"), expected, rtol=1e-12)
    np.testing.assert_array_equal(data.class_weights(counts=COUNTS), data.class_weights(torch.from_numpy(LABELS)))
    assert data.class_weights([0, 0, 1], "inverse,cap=1").tolist() == [1, 1]
    assert data.count_classes(LABELS, num_classes=5).tolist() == [900, 90, 10, 0, 0]
    loss = perdita.functional.cross_entropy(
        np.zeros((1000, 3), np.float32), LABELS, weight=data.class_weights(LABELS).astype(np.float32)
    )
    np.testing.assert_allclose(loss, np.log(3), rtol=1e-6)


def test_pos_weight():
    assert data.pos_weight([1, 0, 0, 0]).tolist() == [3]
    labels = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 1, 1]])
    assert data.pos_weight(labels, cap=2).tolist() == [2, 2, 1]


def test_weighted_draws_follow_the_weights():
    weights = np.array([0.1, 0, 3, 1.5, 0.4])
    draws = data.WeightedRandomSampler(weights, 200_000, seed=1).draw()
    counts, expected = np.bincount(draws, minlength=5), 200_000 * weights / weights.sum()
    assert counts[1] == 0
    chi_square = ((counts - expected)[expected > 0] ** 2 / expected[expected > 0]).sum()
    assert chi_square < 16.3  # the 99.9 % point of 3 degrees of freedom; the draws are fixed by the seed
    assert sorted(data.WeightedRandomSampler(weights, 4, replacement=False).draw().tolist()) == [0, 2, 3, 4]


def test_samplers_in_a_data_loader():
    sampler = data.ClassBalancedSampler(LABELS, seed=3)
    assert len(sampler) == 2700
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(LABELS))
    loader = torch.utils.data.DataLoader(dataset, batch_size=100, sampler=sampler)
    first = torch.cat([batch for (batch,) in loader])
    assert torch.bincount(first).tolist() == [900] * 3
    assert not torch.equal(first, torch.cat([batch for (batch,) in loader]))  # the next epoch
    sampler.set_epoch(0)
    assert torch.equal(first, torch.cat([batch for (batch,) in loader]))
    assert len(data.ClassBalancedSampler(LABELS, "undersample")) == 30


def test_subset_and_adjusted_logits():
    labels = np.tile(np.arange(3), 100)
    kept = data.imbalanced_subset(labels, "longtail:100")
    assert np.bincount(labels[kept]).tolist() == [100, 10, 1]
    logits = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    expected = logits - 0.5 * np.log(COUNTS / 1000)
    np.testing.assert_allclose(data.adjust_logits(logits, COUNTS, 0.5), expected, rtol=1e-6)
    assert data.adjust_logits(torch.from_numpy(logits), COUNTS).dtype == torch.float32


def test_splits():
    labels = np.random.default_rng(1).permutation(LABELS)
    parts = data.stratified_split(labels, (0.7, 0.2, 0.1), seed=4)
    assert sorted(np.concatenate(parts).tolist()) == list(range(1000))
    counts = [np.bincount(labels[part], minlength=3).tolist() for part in parts]
    assert counts == [[630, 63, 7], [180, 18, 2], [90, 9, 1]]
    again, other = (data.stratified_split(labels, [0.7, 0.2, 0.1], seed) for seed in (4, 5))
    assert [part.tolist() for part in parts] == [part.tolist() for part in again] != [part.tolist() for part in other]
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(labels))
    subset = torch.utils.data.Subset(dataset, parts[2])
    drawn = torch.cat([batch for (batch,) in torch.utils.data.DataLoader(subset, batch_size=30)])
    assert drawn.tolist() == labels[parts[2]].tolist()
    halves = data.random_split(7, [0.5, 0.5], seed=1)
    assert [len(half) for half in halves] == [4, 3] and sorted(np.concatenate(halves).tolist()) == list(range(7))


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (1 / 3, 1 / 3, 1 / 3), (0.45, 0.05, 0.3, 0.2), (0.1,) * 10])
def test_shares_of_a_stratified_split(fractions):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, rng.integers(1, 9), 97)
        parts = data.stratified_split(labels, fractions, seed)
        assert sorted(np.concatenate(parts).tolist()) == list(range(97)), seed
        counts = np.bincount(labels)
        for part, fraction in zip(parts, fractions, strict=True):
            assert abs(len(part) - 97 * fraction) <= 1, seed
            share = np.bincount(labels[part], minlength=len(counts))
            assert np.abs(share - counts * fraction).max() < (1 if len(parts) == 2 else 2), seed


def test_subsets_and_shards():
    assert sorted(data.RandomSampler(9, seed=2).draw().tolist()) == list(range(9))
    assert len(data.RandomSampler(3, True, 50).draw()) == 50
    assert data.SubsetSampler([4, 2, 4]).draw().tolist() == [4, 2, 4]
    subset = data.SubsetRandomSampler(np.arange(10, 20), seed=1)
    assert sorted(subset.draw(3).tolist()) == list(range(10, 20))
    assert subset.draw(3).tolist() != subset.draw(4).tolist()
    shards = [data.DistributedSampler(data.RandomSampler(10, seed=6), 4, rank) for rank in range(4)]
    assert [len(shard) for shard in shards] == [3] * 4
    drawn = np.stack([shard.draw(2) for shard in shards], 1).reshape(-1)
    order = data.RandomSampler(10, seed=6).draw(2)
    assert drawn.tolist() == [*order, *order[:2]]
    assert len(data.DistributedSampler(data.RandomSampler(10), 4, 0, drop_last=True)) == 2
    dataset = torch.utils.data.TensorDataset(torch.arange(10))
    seen = [batch.tolist() for (batch,) in torch.utils.data.DataLoader(dataset, sampler=shards[1], num_workers=2)]
    assert sum(seen, []) == shards[1].draw(0).tolist()


def test_bad_input():
    for call, message in [
        (lambda: data.class_weights(LABELS, "balancd"), "did you mean 'balanced'"),
        (lambda: data.class_weights([0.5]), "labels holds float64"),
        (lambda: data.class_weights(), "labels and counts"),
        (lambda: data.count_classes([0, 3], num_classes=2), r"label\[1\] is 3"),
        (lambda: data.pos_weight([0, 2]), "0 and 1"),
        (lambda: data.WeightedRandomSampler([1, -1], 3), r"weights\[1\] is -1"),
        (lambda: data.WeightedRandomSampler([1, 1], 3, replacement=False), "without replacement"),
        (lambda: data.ClassBalancedSampler(LABELS, "more"), "oversample"),
        (lambda: data.imbalanced_subset(LABELS, "tail"), "longtail:R"),
        (lambda: data.stratified_split(LABELS, [0.5, 0.4]), "with sum 1"),
        (lambda: data.random_split(5, [1.5, -0.5]), "positive numbers"),
        (lambda: data.random_split(-5, [0.5, 0.5]), "empty"),
        (lambda: data.stratified_split([0, -1], [0.5, 0.5]), "label"),
        (lambda: data.SubsetSampler([-1]), "-1"),
        (lambda: data.DistributedSampler(data.RandomSampler(5), 2, 2), "rank is 2"),
        (lambda: data.DistributedSampler(5, 2, 0), "sampler is a int"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            call()
