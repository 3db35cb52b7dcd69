"""What users keep and send to other processes: evaluations, samplers, formulas, extras."""

import copy
import pickle

import numpy as np
import pytest

import perdita
import perdita.functional as F
from perdita import data

RNG = np.random.default_rng(3)
LOGITS, LABELS = RNG.normal(size=(40, 3)), RNG.integers(0, 3, 40)


def copies_of(value):
    yield copy.copy(value)
    yield copy.deepcopy(value)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.loads(pickle.dumps(value, protocol))
    yield pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(value))))


@pytest.mark.parametrize(
    "make",
    [
        lambda: perdita.evaluate(LOGITS, LABELS, class_names=["a", "b", "c"]),
        lambda: perdita.evaluate(LOGITS, LOGITS, "mse"),
    ],
)
def test_evaluations(make, tmp_path):
    result = make()
    result.save(tmp_path / "first")
    for number, other in enumerate(copies_of(result)):
        assert repr(other) == repr(result)
        assert other.to_dict() == result.to_dict()
        assert dir(other) == dir(result)
        other.save(tmp_path / str(number))
        for name in ("evaluation.json", "report.html"):
            assert (tmp_path / str(number) / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


class Subclass(data.RandomSampler):
    """Of a user."""


SAMPLERS = [
    lambda: data.RandomSampler(9, seed=3),
    lambda: data.RandomSampler(4, True, 9, seed=3),
    lambda: data.SubsetSampler([3, 1, 2]),
    lambda: data.SubsetRandomSampler([3, 1, 2, 7], seed=5),
    lambda: data.WeightedRandomSampler([1.0, 2.0, 0.5], 20, seed=1),
    lambda: data.ClassBalancedSampler(LABELS, "undersample", seed=1),
    lambda: data.DistributedSampler(data.WeightedRandomSampler([1.0, 2.0], 9), 2, 1),
    lambda: Subclass(7, seed=2),
]


@pytest.mark.parametrize("make", SAMPLERS)
def test_samplers(make):
    sampler = make()
    list(sampler)  # the next pass is epoch 1
    others = list(copies_of(sampler))
    expected = list(sampler)
    assert expected == make().draw(1).tolist()
    for other in others:
        assert type(other) is type(sampler) and len(other) == len(sampler)
        assert list(other) == expected


def test_formulas_and_extras():
    formula = perdita.formula(lambda y, t: abs(y - t))
    _, extras = F.cross_entropy(LOGITS, LABELS, return_extras=True)
    for other in copies_of(formula):
        assert repr(other) == repr(formula)
        assert other(LOGITS, LOGITS + 1) == pytest.approx(1)
    for other in copies_of(extras):
        assert other.numerator == extras.numerator
        np.testing.assert_array_equal(other.margins, extras.margins)
