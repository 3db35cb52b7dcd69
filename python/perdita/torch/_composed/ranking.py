"""Losses of the rankings of groups of documents by torch's operators. `groups` is read on the host: the number of losses
depends on it."""

import itertools
import math
from typing import NamedTuple

import torch

from perdita.errors import DomainError, GraphError, ShapeError
from perdita.torch._composed.checks import of_labels
from perdita.torch._composed.formula import softplus
from perdita.torch._composed.reduce import reduce_counted, reduce_elements


class _Groups(NamedTuple):
    """Documents as matrices [groups, longest]."""

    scores: torch.Tensor
    relevance: torch.Tensor
    filled: torch.Tensor
    """Where there are documents."""


def _groups_of(call):
    scores, relevance = call.number("input"), call.number("target").detach()
    if relevance.shape != scores.shape:
        raise ShapeError(
            f"{call.function}: target has shape {list(relevance.shape)}, but input has {list(scores.shape)} (valid: the "
            f"same)"
        )
    if call.given("target").requires_grad:
        raise GraphError(
            f"{call.function}: target requires a gradient (valid: gradients with respect to input and weight)"
        )
    groups = call.given("groups")
    if groups is None and scores.dim() != 2:
        raise ShapeError(f"{call.function}: input has shape {list(scores.shape)} (valid: [G, L], or [N] with groups)")
    if groups is None:
        return _Groups(scores, relevance, torch.ones_like(scores, dtype=torch.bool))
    return _Groups(*_in_groups(call, scores, relevance, groups))


def list_net_loss(call):
    """Cross-entropy of the softmax of a group's scores and the distribution of its relevance."""
    scores, relevance, filled = _groups_of(call)
    targets = _distributions(relevance, filled, call.option("relevance"))
    log_p = torch.log_softmax(torch.where(filled, scores / float(call.option("temperature")), float("-inf")), 1)
    losses = torch.where(filled & (targets > 0.0), -targets * log_p, 0.0).sum(1)
    return reduce_elements(call, losses)


def rank_net_loss(call):
    """Cross-entropy of the order of pairs; a mean divides by their number."""
    groups = _groups_of(call)
    pairs = _is_better(groups)
    weights = pairs.to(groups.scores.dtype)
    return reduce_counted(call, _sum_of_pairs(weights, groups.scores, float(call.option("sigma"))), weights.sum((1, 2)))


def lambda_rank_loss(call):
    """Pairs with the constant weights of LambdaRank."""
    groups = _groups_of(call)
    sigma = float(call.option("sigma"))
    with torch.no_grad():
        weights = _lambda_weights(call, _Groups(groups.scores.detach(), *groups[1:]), sigma)
    return reduce_elements(call, _sum_of_pairs(weights, groups.scores, sigma))


def list_mle_loss(call):
    """The likelihood of the order by relevance."""
    scores, relevance, filled = _groups_of(call)
    count = scores.shape[1]
    order = torch.argsort(torch.where(filled, relevance, -1.0), dim=1, descending=True, stable=True)
    ordered = torch.where(filled, scores, float("-inf")).gather(1, order)
    places = torch.arange(count, device=scores.device)
    behind = torch.where(places >= places.unsqueeze(1), ordered.unsqueeze(1), float("-inf"))
    log_sums = torch.logsumexp(behind, 2) if count else ordered
    weights = _position_weights(call, filled.sum(1, keepdim=True), places, scores.dtype)
    used = weights != 0.0
    terms = torch.where(used, log_sums, 0.0) - torch.where(used, ordered, 0.0)
    return reduce_elements(call, (weights * terms).sum(1))


def approx_ndcg_loss(call):
    """1 - NDCG with approximate ranks."""
    groups = _groups_of(call)
    gains, ideal = _gains_and_ideal(call, groups)
    steps = torch.sigmoid(-float(call.option("alpha")) * _differences(groups.scores))
    ranks = 0.5 + torch.where(groups.filled.unsqueeze(1), steps, 0.0).sum(2)
    dcg = (gains / torch.log2(1.0 + ranks)).sum(1)
    return reduce_elements(call, torch.where(ideal > 0.0, 1.0 - dcg / torch.where(ideal > 0.0, ideal, 1.0), 0.0))


def _differences(scores):
    return scores.unsqueeze(2) - scores.unsqueeze(1)


def _is_better(groups):
    """Where both documents exist, and the first is more relevant."""
    both = groups.filled.unsqueeze(2) & groups.filled.unsqueeze(1)
    return both & (groups.relevance.unsqueeze(2) > groups.relevance.unsqueeze(1))


def _sum_of_pairs(weights, scores, sigma):
    used = weights != 0.0
    x = torch.where(used, -sigma * _differences(scores), 0.0)
    return torch.where(used, weights * softplus(x), 0.0).sum((1, 2))


def _gains_and_ideal(call, groups, k=None):
    """The gains of the documents, and the ideal DCG at k of each group."""
    gains = groups.relevance if call.option("gain") == "linear" else torch.exp2(groups.relevance) - 1.0
    discounts = 1.0 / torch.log2(torch.arange(gains.shape[1], device=gains.device, dtype=gains.dtype) + 2.0)
    best = gains.sort(1, descending=True).values
    return gains, (best * discounts)[:, :k].sum(1)


def _lambda_weights(call, groups, sigma):
    """The weights of the pairs [groups, longest, longest], 0 where there is none."""
    k = int(call.option("k"))
    gains, ideal = _gains_and_ideal(call, groups, k)
    order = torch.argsort(torch.where(groups.filled, groups.scores, float("-inf")), dim=1, descending=True, stable=True)
    ranks = torch.argsort(order, dim=1)  # from 0
    discounts = 1.0 / torch.log2(ranks.to(gains.dtype) + 2.0)
    change = _differences(gains).abs() * _differences(discounts).abs()
    weights = change / torch.where(ideal > 0.0, ideal, 1.0)[:, None, None]
    is_first = ranks < k
    used = _is_better(groups) & (is_first.unsqueeze(2) | is_first.unsqueeze(1))
    weights = torch.where(used, weights, 0.0)
    if not call.option("normalize"):
        return weights
    differences = _differences(groups.scores)
    lowest = torch.where(groups.filled, groups.scores, float("inf")).amin(1) if gains.shape[1] else ideal
    highest = torch.where(groups.filled, groups.scores, float("-inf")).amax(1) if gains.shape[1] else ideal
    divides = (lowest != highest)[:, None, None]
    weights = torch.where(divides & used, weights / (0.01 + differences.abs()), weights)
    slopes = torch.where(used, sigma * weights * torch.sigmoid(-sigma * differences), 0.0)
    total = 2.0 * slopes.sum((1, 2))
    factor = torch.where(total > 0.0, torch.log1p(total) / (math.log(2.0) * torch.where(total > 0.0, total, 1.0)), 1.0)
    return weights * factor[:, None, None]


def _position_weights(call, sizes, places, dtype):
    """The weights of the terms of ListMLE: 0 behind the last document of a group and the first k terms."""
    k = int(call.option("k"))
    exists = places < sizes
    weights = exists.to(dtype)
    if call.option("position_aware"):
        shares = torch.exp2(-(places + 1).to(dtype)) - torch.exp2(-sizes.to(dtype))
        shares = torch.where(exists, shares, 0.0)
        total = shares.sum(1, keepdim=True)
        weights = torch.where(total > 0.0, shares / torch.where(total > 0.0, total, 1.0), 0.0)
    return torch.where(places < k, weights, 0.0) if k else weights


def _distributions(relevance, filled, how):
    if how == "labels":
        return relevance
    if how == "softmax":
        masked = torch.where(filled, relevance, float("-inf"))
        return torch.where(filled.any(1, keepdim=True), torch.softmax(masked, 1), 0.0)
    total = torch.where(filled, relevance, 0.0).sum(1, keepdim=True)
    return torch.where(total > 0.0, relevance / torch.where(total > 0.0, total, 1.0), relevance)


def _in_groups(call, scores, relevance, groups):
    """Scores and relevance as matrices [groups, longest], and which of their places are filled."""
    begins = _begins(call, groups, scores)
    sizes = [end - begin for begin, end in zip(begins, begins[1:], strict=False)]
    longest = max(sizes, default=0)
    places = torch.arange(longest).unsqueeze(0)
    filled = (places < torch.tensor(sizes, dtype=torch.int64).unsqueeze(1)).to(scores.device)
    index = (torch.tensor(begins[:-1], dtype=torch.int64).unsqueeze(1) + places).to(scores.device)
    index = torch.where(filled, index, 0)
    scores, relevance = (
        torch.where(filled, of_labels(x, index), 0.0) if x.shape[0] else x.new_zeros(filled.shape)
        for x in (scores, relevance)
    )
    return scores, relevance, filled


def _check_not_mapped(call, groups):
    """Raises GraphError for groups over which vmap maps."""
    wrapped = groups
    while torch._C._functorch.is_functorch_wrapped_tensor(wrapped):
        if torch._C._functorch.is_batchedtensor(wrapped):
            raise GraphError(
                f"{call.function}: vmap maps over groups, but the number of losses depends on its elements (valid: in_dims "
                f"with None for groups, or one call with the documents of all groups)"
            )
        wrapped = torch._C._functorch.get_unwrapped(wrapped)


def _begins(call, groups, scores):
    """Where groups begin, and behind them the number of documents."""
    if scores.dim() != 1 or groups.dim() != 1:
        raise ShapeError(
            f"{call.function}: input has shape {list(scores.shape)} and groups {list(groups.shape)} (valid: [N] for input "
            f"and one dimension for groups)"
        )
    _check_not_mapped(call, groups)
    given, count = groups.tolist(), len(scores)
    if len(given) == count:
        begins = [i for i, group in enumerate(given) if i == 0 or group != given[i - 1]]
        if len({given[i] for i in begins}) < len(begins):
            raise DomainError(
                f"{call.function}: groups holds one group in separate places (valid: adjacent documents for each group)"
            )
        return [*begins, count]
    if given and given[0] == 0 and given[-1] == count and given == sorted(given):
        return given
    if sum(given) != count or any(size < 0 for size in given):
        raise DomainError(
            f"{call.function}: groups has {len(given)} elements, which add up to {sum(given)}, but input has {count} "
            f"(valid: the group of each document, sizes of groups that add up to {count}, or the indices at which groups "
            f"begin)"
        )
    return [0, *itertools.accumulate(given)]
