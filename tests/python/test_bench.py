"""python -m perdita.bench times the same loss on each side."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from perdita.bench.cases import cases
from perdita.bench.jax_losses import jax_step

CASES = list(cases(1_000))
IDS = [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_torch_computes_the_same(case):
    torch.testing.assert_close(case.theirs(*case.tensors), case.ours(*case.tensors))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_jax_computes_the_same(case):
    value, gradients = jax_step(case)()
    ours = case.ours(*case.tensors)
    leaves = [tensor for tensor in case.tensors if tensor.requires_grad]
    torch.testing.assert_close(torch.from_numpy(np.array(value)), ours.detach(), rtol=1e-5, atol=1e-6)
    for found, expected in zip(gradients, torch.autograd.grad(ours, leaves), strict=True):
        torch.testing.assert_close(torch.from_numpy(np.array(found)), expected, rtol=1e-4, atol=1e-6)


def test_it_names_the_cells_in_which_a_rival_is_faster():
    command = [sys.executable, "-m", "perdita.bench", "--sizes", "1000", "--losses", "mse_loss", "--rounds", "1",
               "--allocator", "default"]  # fmt: skip
    if shutil.which("g++"):
        command += ["--rivals", "eager", "compile"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line for line in printed.splitlines() if line.startswith("| mse_loss 1000 |")]
    ratios = [float(ratio) for ratio in rows[0].strip("| ").split(" | ")[3::2]] if len(rows) == 1 else []
    assert len(ratios) == (2 if shutil.which("g++") else 1), printed
    assert ("under 1:" in printed) == (min(ratios) < 0.995) or abs(min(ratios) - 1) < 0.006, printed
