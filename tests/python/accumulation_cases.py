"""Losses of a batch whose mean has one denominator, as means of torch, and processes that share it."""

from typing import Any, NamedTuple

import torch
import torch.distributed as dist

import perdita.torch.functional as F

PARTS = (slice(0, 1), slice(1, 5), slice(5, 12))  # unequal
LABELS = torch.tensor([0, 1, 2, 3, -100, 0, 1, -100, 2, 3, 3, 0])
ROWS, CLASSES, FEATURES = len(LABELS), 4, 5
_numbers = torch.Generator().manual_seed(2)
CLASS_WEIGHT = torch.rand(CLASSES, generator=_numbers, dtype=torch.float64) + 0.1
WEIGHT = torch.rand(ROWS, CLASSES, generator=_numbers, dtype=torch.float64)
TARGET = torch.rand(ROWS, CLASSES, generator=_numbers, dtype=torch.float64)
MASKS = torch.randint(0, 2, (ROWS, CLASSES), generator=_numbers)
INPUT = torch.randn(ROWS, FEATURES, generator=_numbers, dtype=torch.float64)
WEIGHT_OF_LABELS = float(CLASS_WEIGHT[LABELS[LABELS >= 0]].sum())
LINEAR = torch.randn(CLASSES, CLASSES, generator=_numbers, dtype=torch.float64)


class Case(NamedTuple):
    """A loss of some rows, its mean over the batch in torch, and the denominator of that mean."""

    name: str
    loss: Any
    expected: Any
    denominator: float


def _torch_focal(x, gamma=2.0):
    """The focal loss of the labels that are not ignored, with class weights, as in its paper."""
    rows, labels = torch.arange(ROWS)[LABELS >= 0], LABELS[LABELS >= 0]
    log_p = x.log_softmax(1)[rows, labels]
    losses = -CLASS_WEIGHT[labels] * (1 - log_p.exp()) ** gamma * log_p
    return losses.sum() / WEIGHT_OF_LABELS


def _torch_dice(x):
    p = x.sigmoid()
    return (1 - (2 * (p * MASKS).sum(1) + 1) / (p.sum(1) + MASKS.sum(1) + 1)).mean()


T = torch.nn.functional
CASES = (
    Case(
        "cross_entropy",
        lambda x, rows, n: F.cross_entropy(x, LABELS[rows], CLASS_WEIGHT, label_smoothing=0.1, normalize_by=n),
        lambda x: T.cross_entropy(x, LABELS, CLASS_WEIGHT, label_smoothing=0.1),
        WEIGHT_OF_LABELS,
    ),
    Case(
        "nll_loss",
        lambda x, rows, n: F.nll_loss(x.log_softmax(1), LABELS[rows], CLASS_WEIGHT, normalize_by=n),
        lambda x: T.nll_loss(x.log_softmax(1), LABELS, CLASS_WEIGHT),
        WEIGHT_OF_LABELS,
    ),
    Case(
        "focal_loss",
        lambda x, rows, n: F.focal_loss(x, LABELS[rows], weight=CLASS_WEIGHT, normalize_by=n),
        _torch_focal,
        WEIGHT_OF_LABELS,
    ),
    Case(
        "linear_cross_entropy",
        lambda x, rows, n: F.linear_cross_entropy(x, LINEAR, LABELS[rows], weight=CLASS_WEIGHT, normalize_by=n),
        lambda x: T.cross_entropy(x @ LINEAR.T, LABELS, CLASS_WEIGHT),
        WEIGHT_OF_LABELS,
    ),
    Case(
        "binary_cross_entropy_with_logits",
        lambda x, rows, n: F.binary_cross_entropy_with_logits(x, TARGET[rows], WEIGHT[rows], normalize_by=n),
        lambda x: T.binary_cross_entropy_with_logits(x, TARGET, WEIGHT),
        ROWS * CLASSES,
    ),
    Case(
        "huber_loss",
        lambda x, rows, n: F.huber_loss(x, TARGET[rows], delta=0.5, normalize_by=n),
        lambda x: T.huber_loss(x, TARGET, delta=0.5),
        ROWS * CLASSES,
    ),
    Case("dice_loss", lambda x, rows, n: F.dice_loss(x, MASKS[rows], normalize_by=n), _torch_dice, ROWS),
)


def model():
    torch.manual_seed(3)
    return torch.nn.Linear(FEATURES, CLASSES, dtype=torch.float64)


def expected_gradients(case):
    """Gradients of one process that has all rows, by torch."""
    whole = model()
    case.expected(whole(INPUT)).backward()
    return [parameter.grad for parameter in whole.parameters()]


def check_shares(rank, size, store):
    """Each process of DistributedDataParallel has its own number of rows, two micro-batches of them."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size)
    mine = torch.arange(ROWS)[:3] if rank == 0 else torch.arange(ROWS)[3:]
    for case in CASES:
        share = torch.nn.parallel.DistributedDataParallel(model())
        denominator = _denominator(case, mine)
        dist.all_reduce(denominator)
        torch.testing.assert_close(denominator.item(), float(case.denominator), rtol=1e-14, atol=0)
        with share.no_sync():
            (size * case.loss(share(INPUT[mine[:1]]), mine[:1], denominator)).backward()
        (size * case.loss(share(INPUT[mine[1:]]), mine[1:], denominator)).backward()
        for parameter, expected in zip(share.parameters(), expected_gradients(case), strict=True):
            torch.testing.assert_close(
                parameter.grad, expected, rtol=1e-12, atol=1e-15, msg=lambda m, n=case.name: f"{n}: {m}"
            )
    dist.destroy_process_group()


def _denominator(case, rows):
    """The contribution of some rows to the denominator."""
    if case.denominator == WEIGHT_OF_LABELS:
        labels = LABELS[rows]
        return CLASS_WEIGHT[labels[labels >= 0]].sum()
    return torch.tensor(case.denominator / ROWS * len(rows), dtype=torch.float64)
