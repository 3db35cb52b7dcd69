"""Losses that compare each sample with the others of the batch."""

import itertools

import torch

from perdita.errors import DomainError, GraphError, ShapeError
from perdita.torch._composed.checks import check_integers, of_labels
from perdita.torch._composed.reduce import reduce_elements, reduce_terms


def cox_loss(call):
    """The partial likelihood of a proportional hazards model, in O(N^2) memory."""
    h, time, event = call.number("input"), call.given("time"), call.given("event")
    weight, strata = call.number("weight"), call.given("strata")
    _check_cox(call, h, time, event, strata, weight)
    happened = event != 0
    later = time.unsqueeze(0) >= time.unsqueeze(1)  # [i, j]: j is at risk when i happens
    same = (time.unsqueeze(0) == time.unsqueeze(1)) & happened.unsqueeze(0)
    if strata is not None:
        alike = strata.unsqueeze(0) == strata.unsqueeze(1)
        later, same = later & alike, same & alike
    of_risk_sets = torch.where(later, h.detach().unsqueeze(0), float("-inf"))
    largest = torch.nn.functional.pad(of_risk_sets, (0, 1), value=float("-inf")).amax(1)  # amax refuses no elements
    terms = torch.where(later, torch.exp(h.unsqueeze(0) - largest.unsqueeze(1)), 0.0)
    if weight is not None:
        terms = terms * weight
    at_risk, tied = terms.sum(1), torch.where(same, terms, 0.0).sum(1)
    ties = same.to(h.dtype)
    count = ties.sum(1)
    share = torch.zeros_like(count)
    if call.option("ties") == "efron":  # the l-th of d tied events leaves out l / d of their terms
        share = torch.tril(ties, -1).sum(1) / torch.where(count == 0.0, 1.0, count)
    safe = torch.where(at_risk > 0.0, at_risk, 1.0)
    log_left = torch.log(safe) + largest + torch.log1p(-share * (tied / safe))
    log_left = torch.where(happened, log_left, 0.0)
    mean_log = torch.where(same, log_left.unsqueeze(0), 0.0).sum(1) / torch.where(count == 0.0, 1.0, count)
    losses = torch.where(happened, mean_log - h, 0.0)
    if weight is not None:
        losses = losses * weight

    def events():
        return happened.to(h.dtype).sum()

    def weights():
        return events() if weight is None else torch.where(happened, weight, 0.0).sum()

    result = reduce_terms(call, losses, events, weights)
    if call.reduction != "mean":
        return result
    # A mean over no events is 0, of no samples NaN. Without events and without weights the mean of the losses is 0, too.
    value, *extras = result if call.return_extras else (result,)
    is_nothing = (weights() if call.normalize_by == "weight_sum" else events()) == 0
    value = torch.where(is_nothing, losses.mean(), value)
    return (value, *extras) if extras else value


def _check_cox(call, h, time, event, strata, weight):
    if h.dim() != 1:
        raise ShapeError(f"cox_loss: input has shape {list(h.shape)} (valid: [N])")
    for name, tensor in (("time", time), ("event", event), ("strata", strata), ("weight", weight)):
        if tensor is not None and tensor.shape != h.shape:
            raise ShapeError(
                f"cox_loss: {name} has shape {list(tensor.shape)}, but input has {list(h.shape)} (valid: the same)"
            )
    if strata is not None:
        check_integers("cox_loss", "strata", strata, "int64, int32, uint8")


def info_nce_loss(call):
    """Cross-entropy of the cosines of each query with its positive and the negatives."""
    query, key, negatives = (call.number(name) for name in ("query", "positive", "negatives"))
    if query.dim() != 2 or query.shape != key.shape:
        raise ShapeError(
            f"info_nce_loss: query has shape {list(query.shape)} and positive {list(key.shape)} (valid: [N, D] for both)"
        )
    _check_negatives(query, negatives)
    q, k = _unit(query) / float(call.option("temperature")), _unit(key)
    if negatives is None:
        cosines = q @ k.mT
        own = cosines.diagonal()
    else:
        own = (q * k).sum(1)
        n = _unit(negatives)
        others = q @ n.mT if n.dim() == 2 else torch.einsum("nd,nmd->nm", q, n)
        cosines = torch.cat((own.unsqueeze(1), others), 1)
    return reduce_elements(call, torch.logsumexp(cosines, 1) - own)


def _check_negatives(query, negatives):
    if negatives is None:
        return
    count, size = query.shape
    is_shared = negatives.dim() == 2 and negatives.shape[1] == size
    is_own = negatives.dim() == 3 and (negatives.shape[0], negatives.shape[2]) == (count, size)
    if not is_shared and not is_own:
        raise ShapeError(
            f"info_nce_loss: negatives has shape {list(negatives.shape)}, but query has {list(query.shape)} (valid: [M, "
            f"{size}] or [{count}, M, {size}])"
        )


def _unit(x):
    """x / max(|x|, 1e-12) along the last dimension, with gradient 0 for vectors that short."""
    shortest = 1e-12
    largest = torch.abs(x.detach()).amax(-1, keepdim=True)
    scaled = x / torch.where(largest > 0.0, largest, 1.0)
    squares = torch.square(scaled).sum(-1, keepdim=True)
    norm = torch.sqrt(torch.where(squares > 0.0, squares, 1.0))
    is_short = largest * torch.where(squares > 0.0, norm, 0.0).detach() <= shortest
    return torch.where(is_short, x.detach() / shortest, scaled / norm)


def list_net_loss(call):
    """Cross-entropy of the softmax of a group's scores and the distribution of its relevance. `groups` is read on the
    host: the number of losses depends on it."""
    scores, relevance = call.number("input"), call.number("target").detach()
    if relevance.shape != scores.shape:
        raise ShapeError(
            f"list_net_loss: target has shape {list(relevance.shape)}, but input has {list(scores.shape)} (valid: the same)"
        )
    if call.given("target").requires_grad:
        raise GraphError(
            "list_net_loss: target requires a gradient (valid: gradients with respect to input and weight)"
        )
    filled = torch.ones_like(scores, dtype=torch.bool)
    groups = call.given("groups")
    if groups is None and scores.dim() != 2:
        raise ShapeError(f"list_net_loss: input has shape {list(scores.shape)} (valid: [G, L], or [N] with groups)")
    if groups is not None:
        scores, relevance, filled = _in_groups(scores, relevance, groups)
    targets = _distributions(relevance, filled, call.option("relevance"))
    log_p = torch.log_softmax(torch.where(filled, scores / float(call.option("temperature")), float("-inf")), 1)
    losses = torch.where(filled & (targets > 0.0), -targets * log_p, 0.0).sum(1)
    return reduce_elements(call, losses)


def _distributions(relevance, filled, how):
    if how == "labels":
        return relevance
    if how == "softmax":
        masked = torch.where(filled, relevance, float("-inf"))
        return torch.where(filled.any(1, keepdim=True), torch.softmax(masked, 1), 0.0)
    total = torch.where(filled, relevance, 0.0).sum(1, keepdim=True)
    return torch.where(total > 0.0, relevance / torch.where(total > 0.0, total, 1.0), relevance)


def _in_groups(scores, relevance, groups):
    """Scores and relevance as matrices [groups, longest], and which of their places are filled."""
    begins = _begins(groups, scores)
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


def _begins(groups, scores):
    """Where groups begin, and behind them the number of documents."""
    if scores.dim() != 1 or groups.dim() != 1:
        raise ShapeError(
            f"list_net_loss: input has shape {list(scores.shape)} and groups {list(groups.shape)} (valid: [N] for input and "
            f"one dimension for groups)"
        )
    given, count = groups.tolist(), len(scores)
    if len(given) == count:
        begins = [i for i, group in enumerate(given) if i == 0 or group != given[i - 1]]
        if len({given[i] for i in begins}) < len(begins):
            raise DomainError(
                "list_net_loss: groups holds one group in separate places (valid: adjacent documents for each group)"
            )
        return [*begins, count]
    if given and given[0] == 0 and given[-1] == count and given == sorted(given):
        return given
    if sum(given) != count or any(size < 0 for size in given):
        raise DomainError(
            f"list_net_loss: groups has {len(given)} elements, which add up to {sum(given)}, but input has {count} (valid: "
            f"the group of each document, sizes of groups that add up to {count}, or the indices at which groups begin)"
        )
    return [0, *itertools.accumulate(given)]
