"""Each deliberate difference from torch, both sides of it: if torch mends its own, the entry goes."""

import pytest
import torch
import torch.nn.functional as torch_functional

import perdita.torch
import perdita.torch.functional as perdita_functional
from disagreements import CLAMP_PASSES_AT_ITS_LIMIT, KINKS, TABLE


def result_of(functional, entry):
    tensors, options = entry.example()
    leaf = tensors[entry.by] = tensors[entry.by].requires_grad_()
    value = getattr(functional, entry.losses[0])(**tensors, **options)
    (gradient,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), gradient


@pytest.mark.parametrize("entry", TABLE, ids=[entry.name for entry in TABLE])
def test_torch_is_unsound(entry):
    assert entry.torch_result(*result_of(torch_functional, entry)), result_of(torch_functional, entry)


@pytest.mark.parametrize("entry", TABLE, ids=[entry.name for entry in TABLE])
def test_perdita_is_sound(entry):
    if isinstance(entry.perdita_result, type):
        with pytest.raises(entry.perdita_result):
            result_of(perdita_functional, entry)
        return
    assert entry.perdita_result(*result_of(perdita_functional, entry)), result_of(perdita_functional, entry)


@pytest.mark.parametrize("entry", TABLE, ids=[entry.name for entry in TABLE])
def test_torch_exact_gives_torchs(entry):
    with perdita.torch.torch_exact():
        assert entry.torch_result(*result_of(perdita_functional, entry)), result_of(perdita_functional, entry)
    test_perdita_is_sound(entry)  # the switch ends with its block


def test_the_docstrings_name_them():
    for entry in TABLE:
        for loss in entry.losses:
            assert loss in perdita.torch.DIFFERING
            assert "Differs from PyTorch" in getattr(perdita_functional, loss).__doc__, loss
    assert {loss for entry in TABLE for loss in entry.losses} == perdita.torch.DIFFERING


def at_the_kink(name):
    """Operands at the limit of the loss's maximum with 0, the first of which is looked at."""
    vectors = [torch.tensor([row], dtype=torch.float64) for row in ([0.0, 0.0], [1.0, 0.0], [2.0, 0.0])]
    signs = torch.tensor([-1.0], dtype=torch.float64)
    return {
        "hinge_embedding_loss": (torch.ones(1, dtype=torch.float64), signs),
        "margin_ranking_loss": (*torch.ones(2, 1, dtype=torch.float64), signs),
        "cosine_embedding_loss": (torch.tensor([[0.0, 1.0]], dtype=torch.float64), vectors[1], signs),
        "triplet_margin_loss": (vectors[1], vectors[1], vectors[0]),
        "triplet_margin_with_distance_loss": (vectors[1], vectors[1], vectors[0]),
    }[name]


@pytest.mark.parametrize("name", [*KINKS, "triplet_margin_with_distance_loss"])
def test_kinks_are_those_of_the_newest_torch(name):
    """A maximum with 0 has the derivative 0 where both are equal."""
    first, *rest = at_the_kink(name)
    options = {"eps": 0.0} if name == "triplet_margin_loss" else {}
    if "distance" in name:
        options = {"distance_function": lambda a, b: (a - b).abs().sum(-1)}
    slopes = []
    for functional in (perdita_functional, torch_functional):
        leaf = first.clone().requires_grad_()
        value = getattr(functional, name)(leaf, *rest, **options)
        assert value.item() == 0
        slopes.append(torch.autograd.grad(value, leaf)[0])
    assert not slopes[0].any()
    assert slopes[1].any() if CLAMP_PASSES_AT_ITS_LIMIT else not slopes[1].any()


def test_kinks_without_torch():
    """NumPy arrays and formulas."""
    import numpy as np

    import perdita
    import perdita.functional as numpy_functional

    one, minus = np.ones(1), -np.ones(1)
    assert perdita.value_and_grad(numpy_functional.hinge_embedding_loss)(one, minus)[1] == 0
    assert perdita.value_and_grad(numpy_functional.margin_ranking_loss)(one, one, minus)[1] == 0
    assert perdita.value_and_grad(perdita.formula("clamp(y - t, 0, 1)"))(one, one)[1] == 0
