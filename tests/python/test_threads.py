"""Threads: within a call, and calls from several at once."""

import subprocess
import sys
import threading

import pytest
import torch

import perdita.torch.functional as perdita_functional
from comparing import bound
from loss_cases import LOSSES, Case


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_any_number_of_threads_gives_the_same_bits(loss, reduction):
    big = {2: (700, 60), 3: (64, 90, 30), 4: (40, 20, 30, 9)}
    shape = loss.shapes[0]
    shape = ((300, 200),) * 2 if shape and isinstance(shape[0], tuple) else big[len(shape)]
    case = Case(loss, loss.variants[-1], shape)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            tensors = case.tensors(torch.float32)
            x, call = bound(case, tensors, reduction=reduction)
            x.requires_grad_()
            value = call(x)
            results.append((value.detach(), torch.autograd.grad(value.sum(), x)[0]))
    finally:
        torch.set_num_threads(before)
    if "linear" in loss.name or "distance_function" in case.variant.options:  # torch's own sums
        torch.testing.assert_close(results[1], results[0])
    else:
        assert torch.equal(results[0][0], results[1][0]) and torch.equal(results[0][1], results[1][1])


def test_calls_from_many_threads():
    x = torch.randn(200, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.arange(200) % 30

    def step():
        leaf = x.clone().requires_grad_()
        perdita_functional.cross_entropy(leaf, labels, label_smoothing=0.1).backward()
        return leaf.grad

    expected, wrong = step(), []

    def work():
        for _ in range(20):
            if not torch.equal(step(), expected):
                wrong.append(threading.get_ident())

    workers = [threading.Thread(target=work) for _ in range(6)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert not wrong


def test_openmp_is_that_of_torch_whichever_is_imported_first():
    program = (
        "import numpy as np, perdita, perdita.functional as F\n"
        "F.mse_loss(np.zeros(1 << 20), np.ones(1 << 20))\n"  # starts the threads
        "import torch, perdita.torch.functional as F\n"
        "for threads in (3, 1):\n"
        "    torch.set_num_threads(threads)\n"
        "    F.mse_loss(torch.zeros(9, requires_grad=True), torch.ones(9)).backward()\n"
        "    assert perdita.num_threads() == threads, (perdita.num_threads(), threads)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
