"""Losses in the child of a fork, where OpenMP has no threads: answers, and no hang."""

import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch

import perdita
import perdita.functional as numpy_functional
import perdita.torch.functional as torch_functional
from perdita import data

N = 1 << 22  # several blocks for each thread
X, Y = np.linspace(0, 1, N), np.zeros(N)
EXPECTED = (2 * N - 1) / (6 * (N - 1))  # the mean of (i / (N - 1))^2


def of_numpy():
    return float(numpy_functional.mse_loss(X, Y))


def of_torch():
    x = torch.from_numpy(X).requires_grad_()
    loss = torch_functional.mse_loss(x, torch.from_numpy(Y))
    loss.backward()
    return loss.item() if float(x.grad[-1]) * N == 2 else float("nan")


def of_evaluate():
    return perdita.evaluate(X, Y, "mse").regression["mse"]


def of_formula():
    return float(perdita.formula("(y - t)^2")(X, Y))


def drawn():
    return data.RandomSampler(200_001, seed=1).draw().sum() / (200_001 * 100_000) * EXPECTED  # of a permutation


CALLS = [of_numpy, of_torch, of_evaluate, of_formula, drawn]


def in_child(call):
    """What `call` gives in a forked child, or None if it takes a minute."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os.write(writer, repr(call()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    return float(text.partition("(")[2].rstrip(")") or text) if text else None


@pytest.mark.parametrize("call", CALLS)
def test_a_child_computes(call):
    perdita.set_num_threads(2)
    torch.set_num_threads(2)
    assert call() == pytest.approx(EXPECTED, rel=1e-9)
    assert in_child(call) == pytest.approx(EXPECTED, rel=1e-9)
    assert in_child(perdita.num_threads) == 1
    assert call() == pytest.approx(EXPECTED, rel=1e-9) and perdita.num_threads() == 2


def loss_of_pool(factor):
    return float(numpy_functional.mse_loss(factor * X, Y))


def test_a_pool_of_forked_processes():
    of_numpy()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = pool.map_async(loss_of_pool, [1.0, 2.0, 3.0]).get(timeout=120)
    np.testing.assert_allclose(results, [EXPECTED, 4 * EXPECTED, 9 * EXPECTED], rtol=1e-9)


class Losses(torch.utils.data.Dataset):
    """Each item computes a loss in the worker."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch_functional.mse_loss((index + 1) * torch.from_numpy(X), torch.from_numpy(Y))


def test_workers_of_a_data_loader():
    of_torch()
    loader = torch.utils.data.DataLoader(Losses(), batch_size=None, num_workers=2, timeout=120)
    np.testing.assert_allclose([loss.item() for loss in loader], EXPECTED * np.arange(1, 5) ** 2, rtol=1e-9)
