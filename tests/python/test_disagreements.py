"""Each deliberate difference from torch, both sides of it: if torch mends its own, the entry goes."""
import pytest
import torch
import torch.nn.functional as torch_functional

import perdita.torch
import perdita.torch.functional as perdita_functional
from disagreements import TABLE


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
