"""Losses of masks: of the sums of true and false positives and false negatives, or of sorted errors."""

import torch

from perdita.errors import DomainError, ShapeError
from perdita.torch._composed.checks import check_integers, check_labels, check_of_classes, has_shape, one_hot
from perdita.torch._composed.formula import formula
from perdita.torch._composed.reduce import reduce_elements, reduce_terms, weighted


class _Masks:
    """Logits [N, C, pixels], targets likewise (0 where they are ignored), and which pixels are used."""

    def __init__(self, call):
        self.call = call
        logits, target = call.operand("input"), call.given("target")
        shape = logits.shape
        is_alike = has_shape(target, shape)
        self.has_indices = len(shape) >= 2 and not is_alike and has_shape(target, (shape[0], *shape[2:]))
        self._check(logits, target, is_alike)
        self.has_classes = self.has_indices or bool(call.option("multilabel"))
        self.batch = bool(call.option("batch"))
        items = shape[:1] if len(shape) > 1 else ()
        classes = shape[1:2] if self.has_classes else ()
        self.loss_shape = (*(() if self.batch else items), *classes)
        dense = (*(items or (1,)), *(classes or (1,)), -1 if logits.numel() else 0)
        self.logits = logits.reshape(dense)
        self.used, self.targets = self._truth(target, dense)

    def _truth(self, target, dense):
        """Which pixels are used, and their targets, 0 elsewhere."""
        call, ignored = self.call, self.call.option("ignore_index")
        if not self.has_indices:
            targets = target.to(call.dtype).reshape(dense)
            used = targets != ignored
            return used, torch.where(used, targets, 0.0)
        labels = target.reshape(dense[0], -1).to(torch.int64)
        used = labels != ignored
        check_labels(call.function, labels, used, dense[1])
        hot = one_hot(torch.where(used, labels, 0), dense[1], 1)
        used = used.unsqueeze(1)
        return used, torch.where(used, hot.to(call.dtype), 0.0)

    def _check(self, logits, target, is_alike):
        function = self.call.function
        if not logits.dim() or not (is_alike or self.has_indices):
            raise ShapeError(
                f"{function}: target has shape {list(target.shape)}, but input has {list(logits.shape)} (valid: the same, "
                f"or without the classes with class indices)"
            )
        if self.call.option("multilabel") and not (is_alike and logits.dim() >= 2):
            raise DomainError(
                f"{function}: multilabel is true, but input has shape {list(logits.shape)} and target "
                f"{list(target.shape)} (valid: both [N, C, ...])"
            )
        if self.has_indices:
            check_integers(function, "target", target)

    def probabilities(self):
        """Of the mask and against it. Ignored pixels have a logit of 0, so that their logits do not reach a gradient."""
        shown = torch.where(self.used, self.logits, 0.0)
        if not self.has_indices:
            return torch.sigmoid(shown), torch.sigmoid(-shown)
        p = torch.softmax(shown, 1)
        return p, (p * (1.0 - self.targets)).sum(1, keepdim=True)

    def over_pixels(self, terms):
        """Sums over the pixels of each mask, in the shape of the losses."""
        return terms.sum((0, 2) if self.batch else 2).reshape(self.loss_shape)


def mask_loss(call):
    masks = _Masks(call)
    t, (p, q) = masks.targets, masks.probabilities()
    excess, miss = p * (1.0 - t), q * t
    if call.option("squared"):
        square = torch.square(excess - miss)
        excess, miss = square * (1.0 - t), square * t
    true_positives = masks.over_pixels(p * t)
    false_positives = masks.over_pixels(torch.where(masks.used, excess, 0.0))
    false_negatives = masks.over_pixels(miss)
    losses = formula(call.text, true_positives, false_positives, false_negatives)
    return _reduced(masks, losses, lambda: (true_positives + false_negatives).detach() != 0.0)


def generalized_dice_loss(call):
    """One loss for all classes of an item, which are weighted by their sizes."""
    masks = _Masks(call)
    t, (p, q) = masks.targets, masks.probabilities()
    true_positives, sizes = masks.over_pixels(p * t), masks.over_pixels(t).detach()
    errors = masks.over_pixels(torch.where(masks.used, p * (1.0 - t), 0.0)) + masks.over_pixels(q * t)
    if not masks.has_classes:
        true_positives, errors, sizes = (x.unsqueeze(-1) for x in (true_positives, errors, sizes))
    weights = _weights_of_classes(call, sizes)
    errors, hits = (weights * errors).sum(-1), 2.0 * (weights * true_positives).sum(-1)
    smooth = float(call.option("smooth"))
    total = hits + smooth + errors
    is_empty = total == 0.0
    losses = torch.where(is_empty, 0.0, errors / torch.where(is_empty, 1.0, total))
    return reduce_elements(call, losses)


def _weights_of_classes(call, sizes):
    """By the sums of the targets [..., C]. A class without a pixel has the largest weight of the others, or none."""
    weighting, is_present = call.option("weighting"), sizes != 0.0
    shown = torch.where(is_present, sizes, 1.0)
    weights = {"uniform": torch.ones_like(shown), "simple": 1.0 / shown, "square": 1.0 / torch.square(shown)}[weighting]
    if call.option("present_only"):
        return torch.where(is_present, weights, 0.0)
    largest = torch.where(is_present, weights, 0.0).amax(-1, keepdim=True)
    return torch.where(is_present, weights, torch.where(largest == 0.0, 1.0, largest))


def lovasz_loss(call):
    """The Lovasz extension of the Jaccard loss: errors in descending order, each times the increase of the loss."""
    masks = _Masks(call)
    t = masks.targets.detach()
    if masks.has_indices:
        p, q = masks.probabilities()
        errors = torch.where(t > 0.0, q, p)
    else:
        margins = 1.0 - masks.logits * (2.0 * t - 1.0)
        # Not clamp(), whose derivative at its bound is 1 before torch 2.14.
        errors = torch.where(margins <= 0.0, 0.0, margins)
    errors = torch.where(masks.used, errors, 0.0)
    if masks.batch:
        errors, t = (x.transpose(0, 1).reshape(1, x.shape[1], -1) for x in (errors, t))
        used = masks.used.expand(masks.logits.shape).transpose(0, 1).reshape(errors.shape)
    else:
        used = masks.used.expand(errors.shape)
    # Ignored pixels come last: they neither add to a loss nor to the size of a mask.
    keys = torch.where(used, errors.detach(), -1.0)
    order = torch.sort(keys, dim=-1, descending=True, stable=True).indices
    increases = _increases(t.gather(-1, order), used.gather(-1, order))
    terms = errors.gather(-1, order)
    losses = torch.where(increases == 0.0, 0.0, terms * increases).sum(-1).reshape(masks.loss_shape)
    return _reduced(masks, losses, lambda: t.sum(-1).reshape(masks.loss_shape) != 0.0)


def _increases(targets, used):
    """By how much the Jaccard loss of the first errors grows with each of them."""
    size = targets.sum(-1, keepdim=True)
    misses = targets.cumsum(-1)
    excess = torch.where(used, 1.0 - targets, 0.0).cumsum(-1)
    union = size + excess
    jaccard = torch.where(union == 0.0, 0.0, 1.0 - (size - misses) / torch.where(union == 0.0, 1.0, union))
    return torch.where(used, torch.nn.functional.pad(jaccard, (1, 0)).diff(dim=-1), 0.0)


def _reduced(masks, losses, find_present):
    """The reduction of the losses of masks; with present_only, of those that have a pixel in the target."""
    call = masks.call
    if masks.has_classes:
        check_of_classes(call.function, "weight", call.number("weight"), masks.logits.shape[1])
    if not call.option("present_only") or not masks.has_classes:
        terms, weight = weighted(call, losses)
        return reduce_terms(call, terms, terms.numel, terms.numel if weight is None else weight.sum)
    present = find_present()
    terms, weight = weighted(call, torch.where(present, losses, 0.0))

    def count():
        return present.to(losses.dtype).sum()

    def weight_sum():
        return count() if weight is None else torch.where(present, weight, 0.0).sum()

    return reduce_terms(call, terms, count, weight_sum)
