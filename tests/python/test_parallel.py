"""Losses of logits sharded over the classes, with 1 to 4 processes of gloo, next to those of all logits."""

import pytest
import torch

import parallel_cases
import perdita.torch.parallel as P
from perdita.errors import DTypeError


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_as_without_shards(size, tmp_path):
    torch.multiprocessing.spawn(parallel_cases.main, (size, tmp_path / "store"), nprocs=size)


def test_the_functions_say_what_they_take():
    assert "focal_loss" in P.__all__ and "gamma=2.0" in P.focal_loss.__doc__
    with pytest.raises(TypeError):
        P.cross_entropy(torch.randn(2, 3), torch.tensor([0, 1]), no_such_keyword=1)


def test_bad_input(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        with pytest.raises(ValueError, match="target has shape"):
            P.cross_entropy(torch.randn(2, 3), torch.tensor([0, 1, 2]))
        with pytest.raises(ValueError, match="gamma is -1"):
            P.focal_loss(torch.randn(2, 3), torch.tensor([0, 1]), gamma=-1.0)
        with pytest.raises(DTypeError, match="class_counts is missing"):
            P.balanced_softmax_loss(torch.randn(2, 3), torch.tensor([0, 1]))
    finally:
        torch.distributed.destroy_process_group()
