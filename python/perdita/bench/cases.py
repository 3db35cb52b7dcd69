"""What is timed: for each loss and size the tensors, the call of perdita.torch.functional, and that of torch."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as TF

import perdita.torch.functional as PF
from perdita.bench.joint_cases import JOINT_CASES


class Case(NamedTuple):
    loss: str
    shape: str
    ours: Callable
    theirs: Callable
    tensors: tuple
    elements: int

    @property
    def name(self):
        return f"{self.loss} {self.shape}".strip()


def focal_of_torch(x, t, alpha=0.25, gamma=2.0):
    """The binary focal loss as it is commonly written (Lin et al., arXiv 1708.02002, eq. 5)."""
    p = torch.sigmoid(x)
    ce = TF.binary_cross_entropy_with_logits(x, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    alpha_t = alpha * t + (1 - alpha) * (1 - t)
    return (alpha_t * (1 - p_t) ** gamma * ce).mean()


def dice_of_torch(y, t, smooth=1.0):
    """The Dice loss of masks [N, ...] as it is commonly written (Drozdzal et al., arXiv 1608.04117)."""
    p, t = torch.sigmoid(y).flatten(1), t.flatten(1)
    both = (p * t).sum(1)
    return (1 - (2 * both + smooth) / (p.sum(1) + t.sum(1) + smooth)).mean()


def dice_of_classes_of_torch(z, labels, smooth=1.0):
    """The same of each class of [N, C, ...], one-hot."""
    p = torch.softmax(z, 1).flatten(2)
    t = TF.one_hot(labels, z.shape[1]).movedim(-1, 1).flatten(2).to(p.dtype)
    both = (p * t).sum(2)
    return (1 - (2 * both + smooth) / (p.sum(2) + t.sum(2) + smooth)).mean()


def _lovasz_steps(inside):
    """What each pixel of the sorted ones adds to the Jaccard loss (Berman et al. 2018, algorithm 1)."""
    size = inside.sum()
    jaccard = 1 - (size - inside.cumsum(0)) / (size + (1 - inside).cumsum(0))
    return torch.diff(jaccard, prepend=jaccard.new_zeros(1))


def _lovasz_of_mask(errors, inside):
    errors, order = torch.sort(errors, descending=True)
    return torch.dot(errors, _lovasz_steps(inside[order]))


def lovasz_of_torch(y, t):
    """The Lovasz hinge of each item, as in the paper."""
    losses = [
        _lovasz_of_mask(torch.relu(1 - a * (2 * b - 1)), b) for a, b in zip(y.flatten(1), t.flatten(1), strict=True)
    ]
    return torch.stack(losses).mean()


def _masks(items, side):
    shape = (items, side, side)
    return _leaf(torch.randn(shape)), (torch.rand(shape) < 0.2).float()


def _class_masks(items, classes, side):
    return _leaf(torch.randn(items, classes, side, side)), torch.randint(0, classes, (items, side, side))


def _leaf(tensor):
    return tensor.requires_grad_()


def _signs(shape):
    return torch.randint(0, 2, shape).float() * 2 - 1


def _probabilities(shape):
    return torch.rand(shape).clamp(1e-3, 1 - 1e-3)


def _elementwise(n):
    """loss: tensors of n elements."""
    shape = (n,)
    return {
        "mse_loss": (_leaf(torch.randn(shape)), torch.randn(shape)),
        "l1_loss": (_leaf(torch.randn(shape)), torch.randn(shape)),
        "smooth_l1_loss": (_leaf(torch.randn(shape)), torch.randn(shape)),
        "huber_loss": (_leaf(torch.randn(shape)), torch.randn(shape)),
        "binary_cross_entropy": (_leaf(_probabilities(shape)), torch.rand(shape)),
        "binary_cross_entropy_with_logits": (_leaf(torch.randn(shape)), torch.rand(shape)),
        "kl_div": (_leaf(torch.randn(shape)), torch.rand(shape)),
        "poisson_nll_loss": (_leaf(torch.randn(shape)), torch.rand(shape)),
        "gaussian_nll_loss": (_leaf(torch.randn(shape)), torch.randn(shape), _leaf(torch.rand(shape) + 0.5)),
        "soft_margin_loss": (_leaf(torch.randn(shape)), _signs(shape)),
        "hinge_embedding_loss": (_leaf(torch.rand(shape)), _signs(shape)),
        "margin_ranking_loss": (_leaf(torch.randn(shape)), _leaf(torch.randn(shape)), _signs(shape)),
    }


def _rows(rows, classes):
    labels = torch.randint(0, classes, (rows,))
    scores = torch.randn(rows, classes)
    listed = torch.full((rows, classes), -1)
    listed[:, : min(3, classes)] = torch.randint(0, classes, (rows, min(3, classes)))
    return {
        "cross_entropy": (_leaf(scores.clone()), labels),
        "nll_loss": (_leaf(torch.log_softmax(scores, 1)), labels),
        "multi_margin_loss": (_leaf(scores.clone()), labels),
        "multilabel_margin_loss": (_leaf(scores.clone()), listed),
        "multilabel_soft_margin_loss": (_leaf(scores.clone()), torch.randint(0, 2, scores.shape).float()),
    }


def _vectors(rows, size):
    return {
        "cosine_embedding_loss": (_leaf(torch.randn(rows, size)), _leaf(torch.randn(rows, size)), _signs((rows,))),
        "triplet_margin_loss": tuple(_leaf(torch.randn(rows, size)) for _ in range(3)),
    }


def _ctc(frames, items, classes, length):
    return (
        _leaf(torch.randn(frames, items, classes).log_softmax(2)),
        torch.randint(1, classes, (items, length)),
        torch.full((items,), frames),
        torch.full((items,), length),
    )


ROW_SHAPES = {
    1_000: [(100, 10)],
    100_000: [(10_000, 10)],
    10_000_000: [(1_048_576, 10), (8_192, 1_000), (1_024, 50_257)],
}
VECTOR_SHAPES = {1_000: (8, 128), 100_000: (1_024, 128), 10_000_000: (65_536, 128)}
MASK_SHAPES = {1_000: (4, 16), 100_000: (6, 128), 10_000_000: (8, 512)}
CTC_SHAPES = {1_000: (50, 1, 28, 10), 100_000: (150, 16, 28, 40), 10_000_000: (1_000, 16, 100, 200)}


def cases(size):
    """All cases of about `size` elements. A generator: the tensors of one are freed before those of the next are made."""
    torch.manual_seed(0)
    for loss, tensors in _elementwise(size).items():
        yield _case(loss, f"{size}", tensors)
    x, t = _leaf(torch.randn(size)), torch.randint(0, 2, (size,)).float()
    yield Case("binary_focal_loss", f"{size}", PF.binary_focal_loss, focal_of_torch, (x, t), size)
    for rows, classes in ROW_SHAPES[size]:
        for loss, tensors in _rows(rows, classes).items():
            if loss == "multilabel_margin_loss" and rows * classes > 2_000_000 and classes > 10:
                continue  # torch's takes minutes
            yield _case(loss, f"{rows}x{classes}", tensors)
    rows, dimensions = VECTOR_SHAPES[size]
    for loss, tensors in _vectors(rows, dimensions).items():
        yield _case(loss, f"{rows}x{dimensions}", tensors)
    items, side = MASK_SHAPES[size]
    masks, shape = _masks(items, side), f"{items}x{side}x{side}"
    yield Case("dice_loss", shape, PF.dice_loss, dice_of_torch, masks, masks[0].numel())
    yield Case("lovasz_loss", shape, PF.lovasz_loss, lovasz_of_torch, masks, masks[0].numel())
    masks = _class_masks(items, 4, side)
    yield Case("dice_loss", f"{items}x4x{side}x{side}", PF.dice_loss, dice_of_classes_of_torch, masks, masks[0].numel())
    for loss, make, theirs, _ in JOINT_CASES:
        tensors = make(size)
        shape = "x".join(map(str, tensors[0].shape))
        yield Case(loss, shape, getattr(PF, loss), theirs, tensors, tensors[0].numel())
    if "ctc_loss" in PF.__all__:
        sizes = CTC_SHAPES[size]
        yield _case("ctc_loss", "x".join(map(str, sizes)), _ctc(*sizes))


def _case(loss, shape, tensors):
    return Case(loss, shape, getattr(PF, loss), getattr(TF, loss), tensors, tensors[0].numel())
