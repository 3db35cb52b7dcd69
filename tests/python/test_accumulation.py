"""Means with a denominator that is given: micro-batches of unequal size, and processes, equal one batch of torch."""

import pytest
import torch

import accumulation_cases
import perdita.torch.functional as F
import perdita.torch.nn as nn
from accumulation_cases import CASES, CLASS_WEIGHT, CLASSES, INPUT, LABELS, PARTS, ROWS, WEIGHT_OF_LABELS

KINDS = {
    "float": float,
    "tensor": lambda n: torch.tensor(n, dtype=torch.float64),
    "expanded": lambda n: torch.tensor([n], dtype=torch.float64).sum(),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_micro_batches(case, kind):
    denominator = KINDS[kind](case.denominator)
    parts, whole = accumulation_cases.model(), accumulation_cases.model()
    total = 0.0
    for rows in PARTS:
        loss = case.loss(parts(INPUT[rows]), rows, denominator)
        loss.backward()
        total += loss.item()
    expected = case.expected(whole(INPUT))
    expected.backward()
    assert total == pytest.approx(expected.item(), rel=1e-13)
    for found, parameter in zip(parts.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(found.grad, parameter.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("denominator", [34, torch.tensor(34)], ids=["number", "tensor"])
def test_an_integer(denominator):
    """A count of elements as torch.numel() and Tensor.sum() give it; the rows end in padding."""
    numbers = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, ROWS, CLASSES, generator=numbers, dtype=torch.float64).unbind()
    lengths = torch.tensor([4, 4, 1, 2, 3, 4, 2, 2, 4, 3, 1, 4])
    is_token = torch.arange(CLASSES) < lengths[:, None]
    assert is_token.sum() == 34
    found, expected = x.clone().requires_grad_(), x.clone().requires_grad_()
    torch.nn.functional.l1_loss(expected[is_token], y[is_token]).backward()
    for rows in PARTS:
        F.l1_loss(found[rows][is_token[rows]], y[rows][is_token[rows]], normalize_by=denominator).backward()
    torch.testing.assert_close(found.grad, expected.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("denominator", [WEIGHT_OF_LABELS, torch.tensor(WEIGHT_OF_LABELS)], ids=["number", "tensor"])
def test_modules(denominator):
    criterion = nn.CrossEntropyLoss(weight=CLASS_WEIGHT, normalize_by=denominator)
    numbers = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, CLASSES, generator=numbers, dtype=torch.float64)
    found, expected = x.clone().requires_grad_(), x.clone().requires_grad_()
    for rows in PARTS:
        criterion(found[rows], LABELS[rows]).backward()
    torch.nn.CrossEntropyLoss(weight=CLASS_WEIGHT)(expected, LABELS).backward()
    precision = 1e-7 if isinstance(denominator, torch.Tensor) else 1e-12  # the tensor is of float32
    torch.testing.assert_close(found.grad, expected.grad, rtol=precision, atol=1e-15)


def test_rows_that_are_all_ignored():
    """A micro-batch that is all padding adds 0, although the mean of its losses is NaN."""
    x = torch.randn(3, CLASSES, dtype=torch.float64, requires_grad=True)
    loss = F.cross_entropy(x, torch.full((3,), -100), normalize_by=torch.tensor(7))
    loss.backward()
    assert loss == 0 and not x.grad.any()


@pytest.mark.parametrize("size", [2])
def test_processes(size, tmp_path):
    """DistributedDataParallel averages gradients: losses are multiplied by the number of processes."""
    torch.multiprocessing.spawn(accumulation_cases.check_shares, (size, tmp_path / "store"), nprocs=size)
