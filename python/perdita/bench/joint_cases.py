"""Cases of losses of which each depends on all rows of a batch, and their usual forms in torch and JAX."""

import torch


def cox_of_torch(h, time, event):
    """The partial likelihood without ties, as it is commonly written: sorted by time, with a cumulative log-sum-exp."""
    order = torch.argsort(time, descending=True)
    h, event = h[order], event[order].to(h.dtype)
    return ((torch.logcumsumexp(h, 0) - h) * event).sum() / event.sum()


def _cox_of_jax(h, time, event):
    import jax
    import jax.numpy as jnp

    order = jnp.argsort(-time)
    h, event = h[order], event[order]
    return jnp.sum((jax.lax.cumlogsumexp(h) - h) * event) / jnp.sum(event)


def _survival(size):
    return torch.randn(size).requires_grad_(), torch.rand(size), (torch.rand(size) < 0.3).long()


# (loss, tensors of about that many elements, its form in torch, and in JAX)
JOINT_CASES = (("cox_loss", _survival, cox_of_torch, _cox_of_jax),)
