"""Losses of embeddings: of two views of each sample, and of labelled batches. The matrix of all pairs is stored."""

import math

import torch

from perdita.errors import ShapeError
from perdita.torch._composed.checks import check_integers, check_labels
from perdita.torch._composed.formula import softplus
from perdita.torch._composed.reduce import reduce_counted, reduce_elements

_ABSENT = -1e30  # what a masked number is replaced by: exp() of its difference from any other is 0


def unit_vectors(x):
    """x / max(|x|, 1e-12) along the last dimension, with gradient 0 for vectors that short."""
    shortest = 1e-12
    largest = torch.abs(x.detach()).amax(-1, keepdim=True)
    scaled = x / torch.where(largest > 0.0, largest, 1.0)
    squares = torch.square(scaled).sum(-1, keepdim=True)
    norm = torch.sqrt(torch.where(squares > 0.0, squares, 1.0))
    is_short = largest * torch.where(squares > 0.0, norm, 0.0).detach() <= shortest
    return torch.where(is_short, x.detach() / shortest, scaled / norm)


# ---- two views ----


def nt_xent_loss(call):
    """Cross-entropy of each embedding's cosines with all others, where the other view of its sample is right."""
    first, second = _pairs(call, "query", "positive")
    e = torch.cat((unit_vectors(first), unit_vectors(second)))
    logits = e @ e.mT / float(call.option("temperature"))
    own = torch.eye(e.shape[0], dtype=torch.bool, device=e.device)
    others = torch.logsumexp(torch.where(own, _ABSENT, logits), 1)
    return reduce_elements(call, others - torch.where(own.roll(first.shape[0], 1), logits, 0.0).sum(1))


def clip_contrastive_loss(call):
    """Cross-entropies of the rows and columns of the matrix of scaled cosines."""
    query, positive = (unit_vectors(x) for x in _pairs(call, "query", "positive"))
    logits = query @ positive.mT * _scalar(call, "logit_scale", 1 / 0.07)
    return reduce_elements(call, 0.5 * (torch.logsumexp(logits, 1) + torch.logsumexp(logits, 0)) - logits.diagonal())


def siglip_loss(call):
    """Binary cross-entropies of all pairs."""
    query, positive = (unit_vectors(x) for x in _pairs(call, "query", "positive"))
    logits = query @ positive.mT * _scalar(call, "logit_scale", 10.0) + _scalar(call, "logit_bias", -10.0)
    own = torch.eye(logits.shape[0], dtype=torch.bool, device=logits.device)
    return reduce_elements(call, softplus(torch.where(own, -logits, logits)).sum(1))


def contrastive_loss(call):
    """Squared distances of similar pairs, and squared lacks of distance of dissimilar ones."""
    first, second = _pairs(call, "input1", "input2")
    target = call.number("target")
    if target.shape != (first.shape[0],):
        raise ShapeError(
            f"contrastive_loss: target has shape {list(target.shape)}, but there are {first.shape[0]} pairs (valid: "
            f"[{first.shape[0]}])"
        )
    squares = torch.square(first - second).sum(1)
    is_zero = squares == 0.0
    distance = torch.where(is_zero, 0.0, torch.sqrt(torch.where(is_zero, 1.0, squares)))
    apart = torch.relu(float(call.option("margin")) - distance)
    return reduce_elements(call, 0.5 * (target * squares + (1.0 - target) * torch.square(apart)))


def _pairs(call, first, second):
    x, y = call.number(first), call.number(second)
    if x.dim() != 2 or x.shape != y.shape:
        raise ShapeError(
            f"{call.function}: {first} has shape {list(x.shape)} and {second} {list(y.shape)} (valid: [N, D] for both)"
        )
    return x, y


def _scalar(call, name, standard):
    given = call.number(name)
    if given is None:
        return standard
    if given.numel() != 1:
        raise ShapeError(f"{call.function}: {name} has shape {list(given.shape)} (valid: [], one number)")
    return given.reshape(())


# ---- labelled batches ----


class _Batch:
    """Cosines [N, N] of labelled embeddings, and which pairs are of one class or not."""

    def __init__(self, call):
        x, labels = _labelled(call)
        e = unit_vectors(x)
        self.cosines = e @ e.mT
        self.is_positive, self.is_negative = _masks(labels)

    def log_sum(self, mask, x):
        return torch.logsumexp(torch.where(mask, x, _ABSENT), 1)


def _labelled(call):
    x, labels = call.number("input"), call.given("target")
    if x.dim() != 2:
        raise ShapeError(f"{call.function}: input has shape {list(x.shape)} (valid: [N, D])")
    check_integers(call.function, "target", labels, "int64, int32, uint8")
    if labels.shape != (x.shape[0],):
        raise ShapeError(
            f"{call.function}: target has shape {list(labels.shape)}, but there are {x.shape[0]} rows (valid: "
            f"[{x.shape[0]}])"
        )
    return x, labels


def _masks(labels):
    alike = labels.unsqueeze(0) == labels.unsqueeze(1)
    own = torch.eye(labels.shape[0], dtype=torch.bool, device=labels.device)
    return alike & ~own, ~alike


def sup_con_loss(call):
    """Cross-entropy of the cosines with all others, where all others of the class are right in equal parts."""
    batch = _Batch(call)
    logits = batch.cosines / float(call.option("temperature"))
    positives = batch.is_positive.to(logits.dtype).sum(1)
    others = batch.log_sum(batch.is_positive | batch.is_negative, logits)
    own = torch.where(batch.is_positive, logits, 0.0).sum(1) / torch.where(positives > 0, positives, 1.0)
    is_counted = positives > 0
    return reduce_counted(call, torch.where(is_counted, others - own, 0.0), is_counted.to(logits.dtype))


def multi_similarity_loss(call):
    """Soft maxima of the distances within the class and of the similarities with others."""
    batch = _Batch(call)
    alpha, beta, base = (float(call.option(name)) for name in ("alpha", "beta", "base"))
    distance = batch.cosines - base
    far, near = batch.log_sum(batch.is_positive, -alpha * distance), batch.log_sum(batch.is_negative, beta * distance)
    return reduce_elements(call, softplus(far) / alpha + softplus(near) / beta)


def circle_loss(call):
    """Similarities weighted by their distances from the optimum, which are constants."""
    batch = _Batch(call)
    margin, gamma = float(call.option("margin")), float(call.option("gamma"))
    cosines, s = batch.cosines, batch.cosines.detach()
    positive = -gamma * torch.relu(1.0 + margin - s) * (cosines - (1.0 - margin))
    negative = gamma * torch.relu(s + margin) * (cosines - margin)
    losses = softplus(batch.log_sum(batch.is_positive, positive) + batch.log_sum(batch.is_negative, negative))
    is_counted = batch.is_positive.any(1) & batch.is_negative.any(1)
    return reduce_counted(call, losses, is_counted.to(losses.dtype))


def arc_face_loss(call):
    """Cross-entropy of cosines with class vectors, with a margin on the angle."""
    margin = float(call.option("margin"))
    cosine, sine = math.cos(margin), math.sin(margin)

    def changed(c):
        root = torch.sqrt((1.0 - torch.square(c)).clamp_min(1e-12))
        return torch.where(c >= -cosine, c * cosine - root * sine, c - margin * sine)

    return _margin_loss(call, changed)


def cos_face_loss(call):
    """Cross-entropy of cosines with class vectors, with a margin on the cosine."""
    margin = float(call.option("margin"))
    return _margin_loss(call, lambda c: c - margin)


def _margin_loss(call, changed):
    x, labels = _labelled(call)
    vectors = call.number("class_vectors")
    if vectors.dim() != 2 or x.shape[1] != vectors.shape[1]:
        raise ShapeError(
            f"{call.function}: class_vectors has shape {list(vectors.shape)}, but input has {list(x.shape)} (valid: [C, "
            f"{x.shape[1]}])"
        )
    check_labels(call.function, labels, torch.ones_like(labels, dtype=torch.bool), vectors.shape[0])
    cosines = unit_vectors(x) @ unit_vectors(vectors).mT
    index = labels.to(torch.int64).unsqueeze(1)
    own = changed(torch.gather(cosines, 1, index))
    is_own = index == torch.arange(vectors.shape[0], device=index.device)
    scale = float(call.option("scale"))
    logits = scale * torch.where(is_own, own, cosines)
    return reduce_elements(call, torch.logsumexp(logits, 1) - scale * own.squeeze(1))


def batch_triplet_loss(call):
    """Distances within and between classes, of triplets that are chosen by their distances."""
    x, labels = _labelled(call)
    kind, mining = call.option("distance"), call.option("mining")
    d = _distances(unit_vectors(x) if kind == "cosine" else x, kind)
    is_positive, is_negative = _masks(labels)
    has_both = is_positive.any(1) & is_negative.any(1)
    margin, is_soft = float(call.option("margin")), bool(call.option("soft"))

    def term(to_positive, to_negative):
        difference = to_positive - to_negative
        return softplus(difference) if is_soft else torch.relu(difference + margin)

    if mining == "hard":
        losses = torch.where(has_both, term(_farthest(d, is_positive), _farthest(d, is_negative, -1.0)).squeeze(1), 0.0)
        return reduce_counted(call, losses, has_both.to(d.dtype))
    if mining == "all":
        counted = is_positive.unsqueeze(2) & is_negative.unsqueeze(1)
        terms = torch.where(counted, term(d.unsqueeze(2), d.unsqueeze(1)), 0.0)
        return reduce_counted(call, terms.sum((1, 2)), (terms > 0.0).to(d.dtype).sum((1, 2)))
    beyond = is_negative.unsqueeze(1) & (d.detach().unsqueeze(1) > d.detach().unsqueeze(2))
    keys = torch.where(beyond, -d.detach().unsqueeze(1), -math.inf)
    nearest = torch.gather(d, 1, keys.argmax(2))
    to_negative = torch.where(beyond.any(2), nearest, _farthest(d, is_negative))
    is_used = is_positive & has_both.unsqueeze(1)
    losses = torch.where(is_used, term(d, to_negative), 0.0).sum(1)
    return reduce_counted(call, losses, is_used.to(d.dtype).sum(1))


def _distances(x, kind):
    # In float64 on the CPU: differences of squares cancel. Other devices may not have it.
    wide = x.double() if x.device.type == "cpu" else x
    products = wide @ wide.mT
    if kind == "cosine":
        return (1.0 - products).to(x.dtype)
    squares = torch.square(wide).sum(1)
    sizes = squares.unsqueeze(1) + squares.unsqueeze(0)
    differences = sizes - 2.0 * products
    is_zero = differences <= 1e-14 * sizes
    if kind == "squared":
        return torch.where(is_zero, 0.0, differences).to(x.dtype)
    return torch.where(is_zero, 0.0, torch.sqrt(torch.where(is_zero, 1.0, differences))).to(x.dtype)


def _farthest(d, allowed, sign=1.0):
    """The largest (sign 1) or smallest (-1) number of each row where allowed, as [N, 1]."""
    keys = torch.where(allowed, sign * d.detach(), -math.inf)
    return torch.gather(d, 1, keys.argmax(1, keepdim=True))
