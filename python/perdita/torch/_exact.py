"""The switch to the exact behavior of torch."""

import contextlib
from collections.abc import Iterator

# Losses that differ from torch's on purpose: see "Differs from PyTorch" in their docstrings.
DIFFERING = frozenset(
    {
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "cosine_embedding_loss",
        "cross_entropy",
        "ctc_loss",
        "gaussian_nll_loss",
        "kl_div",
        "margin_ranking_loss",
        "multi_margin_loss",
        "multilabel_margin_loss",
        "multilabel_soft_margin_loss",
        "nll_loss",
        "poisson_nll_loss",
        "soft_margin_loss",
    }
)


class _Switch:
    on = False


switch = _Switch()


@contextlib.contextmanager
def torch_exact() -> Iterator[None]:
    """Context manager in which losses that deliberately differ from torch are computed by torch.

        with perdita.torch.torch_exact():
            loss = F.soft_margin_loss(x, y)     # infinite where torch's exponential overflows

    perdita.torch.DIFFERING lists these losses; their docstrings describe the differences. The setting applies to all threads
    of the process. normalize_by and return_extras, which torch does not have, raise an error in the block.
    """
    before, switch.on = switch.on, True
    try:
        yield
    finally:
        switch.on = before
