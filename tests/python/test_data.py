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


def test_bad_input():
    for call, message in [
        (lambda: data.class_weights(LABELS, "balancd"), "did you mean 'balanced'"),
        (lambda: data.class_weights([0.5]), "labels holds float64"),
        (lambda: data.class_weights(), "labels or counts"),
        (lambda: data.count_classes([0, 3], num_classes=2), r"label\[1\] is 3"),
        (lambda: data.pos_weight([0, 2]), "0 and 1"),
        (lambda: data.WeightedRandomSampler([1, -1], 3), r"weights\[1\] is -1"),
        (lambda: data.WeightedRandomSampler([1, 1], 3, replacement=False), "without replacement"),
        (lambda: data.ClassBalancedSampler(LABELS, "more"), "oversample"),
        (lambda: data.imbalanced_subset(LABELS, "tail"), "longtail:R"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            call()
