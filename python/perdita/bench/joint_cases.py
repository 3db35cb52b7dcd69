"""Cases of losses of which each depends on all rows of a batch, and their usual forms in torch and JAX."""

import torch
import torch.nn.functional as TF


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


def list_net_of_torch(scores, relevance):
    """ListNet of [G, L] as it is commonly written (Cao et al., ICML 2007)."""
    return -(torch.softmax(relevance, 1) * torch.log_softmax(scores, 1)).sum(1).mean()


def _list_net_of_jax(scores, relevance):
    import jax

    return -(jax.nn.softmax(relevance, 1) * jax.nn.log_softmax(scores, 1)).sum(1).mean()


def _groups(size):
    shape = size // 20, 20
    return torch.randn(shape).requires_grad_(), torch.randint(0, 5, shape).float()


def info_nce_of_torch(query, positive, temperature=0.1):
    """InfoNCE with the other positives as negatives, as it is commonly written."""
    logits = TF.normalize(query, dim=1) @ TF.normalize(positive, dim=1).T / temperature
    return TF.cross_entropy(logits, torch.arange(len(query)))


def _info_nce_of_jax(query, positive):
    import jax
    import jax.numpy as jnp

    unit = [x / jnp.linalg.norm(x, axis=1, keepdims=True) for x in (query, positive)]
    return -jnp.mean(jnp.diagonal(jax.nn.log_softmax(unit[0] @ unit[1].T / 0.1, 1)))


def _pairs(size):
    count = {1_000: 16, 100_000: 256, 10_000_000: 4_096}[size]
    return torch.randn(count, 128).requires_grad_(), torch.randn(count, 128).requires_grad_()


# (loss, tensors of about that many elements, its form in torch, and in JAX)
JOINT_CASES = (
    ("cox_loss", _survival, cox_of_torch, _cox_of_jax),
    ("list_net_loss", _groups, list_net_of_torch, _list_net_of_jax),
    ("info_nce_loss", _pairs, info_nce_of_torch, _info_nce_of_jax),
)
