"""What is timed: for each loss and size the tensors, the call of perdita.torch.functional, and that of torch."""
from typing import Callable, NamedTuple

import torch
import torch.nn.functional as TF

import perdita.torch.functional as PF


class Case(NamedTuple):
    loss: str
    shape: str
    ours: Callable
    theirs: Callable
    tensors: tuple
    elements: int

    @property
    def name(self):
        return f"{self.loss} {self.shape}"


def focal_of_torch(x, t, alpha=0.25, gamma=2.0):
    """The binary focal loss as it is commonly written (Lin et al., arXiv 1708.02002, eq. 5)."""
    p = torch.sigmoid(x)
    ce = TF.binary_cross_entropy_with_logits(x, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    alpha_t = alpha * t + (1 - alpha) * (1 - t)
    return (alpha_t * (1 - p_t) ** gamma * ce).mean()


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


ROW_SHAPES = {1_000: [(100, 10)], 100_000: [(10_000, 10)], 10_000_000: [(1_048_576, 10), (8_192, 1_000), (1_024, 50_257)]}
VECTOR_SHAPES = {1_000: (8, 128), 100_000: (1_024, 128), 10_000_000: (65_536, 128)}
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
    if "ctc_loss" in PF.__all__:
        shape = CTC_SHAPES[size]
        yield _case("ctc_loss", "x".join(map(str, shape)), _ctc(*shape))


def _case(loss, shape, tensors):
    return Case(loss, shape, getattr(PF, loss), getattr(TF, loss), tensors, tensors[0].numel())
