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


def _pairs_of_documents(size):
    """Groups of 20 documents with about as many pairs as `size`."""
    shape = max(1, size // 400), 20
    return torch.randn(shape).requires_grad_(), torch.randint(0, 5, shape).float()


def rank_net_of_torch(scores, relevance):
    """RankNet of [G, L] as it is commonly written, with the differences of all pairs."""
    better = relevance.unsqueeze(2) > relevance.unsqueeze(1)
    return TF.softplus(scores.unsqueeze(1) - scores.unsqueeze(2))[better].mean()


def _rank_net_of_jax(scores, relevance):
    import jax
    import jax.numpy as jnp

    better = relevance[:, :, None] > relevance[:, None, :]
    losses = jnp.where(better, jax.nn.softplus(scores[:, None, :] - scores[:, :, None]), 0)
    return jnp.sum(losses) / jnp.sum(better)


def approx_ndcg_of_torch(scores, relevance, alpha=10.0):
    """ApproxNDCG of [G, L] as it is commonly written (allRank)."""
    gains = torch.exp2(relevance) - 1
    discounts = 1 / torch.log2(torch.arange(scores.shape[1]) + 2.0)
    ideal = (gains.sort(1, descending=True).values * discounts).sum(1)
    ranks = 0.5 + torch.sigmoid(alpha * (scores.unsqueeze(1) - scores.unsqueeze(2))).sum(2)
    return 1 - ((gains / torch.log2(1 + ranks)).sum(1) / ideal).mean()


def _approx_ndcg_of_jax(scores, relevance):
    import jax
    import jax.numpy as jnp

    gains = jnp.exp2(relevance) - 1
    ideal = jnp.sum(-jnp.sort(-gains, 1) / jnp.log2(jnp.arange(scores.shape[1]) + 2.0), 1)
    ranks = 0.5 + jnp.sum(jax.nn.sigmoid(10.0 * (scores[:, None, :] - scores[:, :, None])), 2)
    return 1 - jnp.mean(jnp.sum(gains / jnp.log2(1 + ranks), 1) / ideal)


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


def nt_xent_of_torch(query, positive, temperature=0.5):
    """NT-Xent as it is commonly written: cosines of all embeddings, without their diagonal."""
    e = TF.normalize(torch.cat((query, positive)), dim=1)
    logits = (e @ e.T / temperature).fill_diagonal_(float("-inf"))
    return TF.cross_entropy(logits, torch.arange(len(e)).roll(len(query)))


def _cross_entropy_of_jax(logits, labels):
    import jax
    import jax.numpy as jnp

    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits, 1), labels[:, None], 1))


def _nt_xent_of_jax(query, positive):
    import jax.numpy as jnp

    e = jnp.concatenate([query, positive])
    e = e / jnp.linalg.norm(e, axis=1, keepdims=True)
    logits = jnp.where(jnp.eye(len(e), dtype=bool), -jnp.inf, e @ e.T / 0.5)
    return _cross_entropy_of_jax(logits, jnp.roll(jnp.arange(len(e)), len(query)))


def sup_con_of_torch(x, labels, temperature=0.1):
    """SupCon as it is commonly written, of batches where each class has several samples."""
    e = TF.normalize(x, dim=1)
    own = torch.eye(len(x), dtype=torch.bool)
    log_p = torch.log_softmax((e @ e.T / temperature).masked_fill(own, -1e9), 1)
    positive = ((labels[:, None] == labels) & ~own).to(x.dtype)
    return -((log_p * positive).sum(1) / positive.sum(1)).mean()


def _sup_con_of_jax(x, labels):
    import jax
    import jax.numpy as jnp

    e = x / jnp.linalg.norm(x, axis=1, keepdims=True)
    own = jnp.eye(len(x), dtype=bool)
    log_p = jax.nn.log_softmax(jnp.where(own, -1e9, e @ e.T / 0.1), 1)
    positive = (labels[:, None] == labels) & ~own
    return -jnp.mean(jnp.sum(log_p * positive, 1) / jnp.sum(positive, 1))


def _labelled(size):
    count = {1_000: 16, 100_000: 256, 10_000_000: 4_096}[size]
    return torch.randn(count, 128).requires_grad_(), torch.arange(count) // 4


# (loss, tensors of about that many elements, its form in torch, and in JAX)
JOINT_CASES = (
    ("cox_loss", _survival, cox_of_torch, _cox_of_jax),
    ("list_net_loss", _groups, list_net_of_torch, _list_net_of_jax),
    ("rank_net_loss", _pairs_of_documents, rank_net_of_torch, _rank_net_of_jax),
    ("approx_ndcg_loss", _pairs_of_documents, approx_ndcg_of_torch, _approx_ndcg_of_jax),
    ("info_nce_loss", _pairs, info_nce_of_torch, _info_nce_of_jax),
    ("nt_xent_loss", _pairs, nt_xent_of_torch, _nt_xent_of_jax),
    ("sup_con_loss", _labelled, sup_con_of_torch, _sup_con_of_jax),
)
