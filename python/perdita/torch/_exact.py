"""The switch to torch's exact behaviour."""
import contextlib

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
def torch_exact():
    """Within this block the losses that differ from torch's on purpose are computed by torch itself.

        with perdita.torch.torch_exact():
            loss = F.soft_margin_loss(x, y)     # infinite where torch's exponential overflows

    They are named in perdita.torch.DIFFERING; what differs is in each one's docstring. For all threads of the process.
    normalize_by and return_extras, which torch does not have, are refused within.
    """
    before, switch.on = switch.on, True
    try:
        yield
    finally:
        switch.on = before
