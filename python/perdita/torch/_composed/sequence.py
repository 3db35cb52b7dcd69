"""Losses of alignments of sequences, step by step; differentiable to any order."""

from typing import Any

import torch

from perdita.errors import ShapeError
from perdita.torch._composed.checks import arange, check_integers, check_labels, is_readable
from perdita.torch._composed.reduce import batch_size, reduce_elements, reduced

_IMPOSSIBLE = float("-inf")


def ctc_loss(call):
    """-log of the probability, summed over all alignments, that the frames spell the target."""
    log_probs, targets = call.number("log_probs"), call.given("targets")
    is_single = log_probs.dim() == 2
    log_probs = log_probs.unsqueeze(1) if is_single else log_probs
    frames, lengths = (call.given(name).reshape(-1) for name in ("input_lengths", "target_lengths"))
    _check_ctc(call, log_probs, targets, frames, lengths)
    labels = _padded(targets, lengths, log_probs.shape[1])
    is_label = arange(labels.shape[1], lengths) < lengths.unsqueeze(1)
    check_labels("ctc_loss", labels, is_label, log_probs.shape[2])
    labels = torch.where(is_label, labels, call.option("blank"))
    log_likelihood = _log_likelihood(log_probs, labels, frames, lengths, call.option("blank"))
    losses = -log_likelihood
    is_infinite = losses == float("inf")
    losses = torch.where(is_infinite, 0.0 if call.option("zero_infinity") else float("inf"), losses)
    if call.option("torch_gradient"):
        is_frame = arange(len(log_probs), frames).unsqueeze(1) < frames
        added = torch.where((is_frame & ~is_infinite).unsqueeze(2), torch.exp(log_probs), 0.0).sum((0, 2))
        losses = losses + (added - added.detach())
    if call.reduction != "mean":
        return reduce_elements(call, losses.squeeze(0) if is_single else losses)
    return _mean(call, losses, lengths, is_single)


def rnnt_loss(call):
    """-log of the probability, summed over all alignments, that the frames emit the target."""
    logits, targets = call.number("logits"), call.given("targets")
    frames, lengths = call.given("logit_lengths"), call.given("target_lengths")
    _check_rnnt(call, logits, targets, frames, lengths)
    classes = logits.shape[3]
    blank = call.option("blank") if call.option("blank") >= 0 else classes - 1
    is_label = arange(targets.shape[1], lengths) < lengths.unsqueeze(1)
    check_labels("rnnt_loss", targets, is_label, classes, blank)
    labels = torch.where(is_label, targets.to(torch.int64), blank)
    is_frame = arange(logits.shape[1], frames) < frames.unsqueeze(1)
    is_state = arange(logits.shape[2], lengths) <= lengths.unsqueeze(1)
    logits = torch.where((is_frame.unsqueeze(2) & is_state.unsqueeze(1)).unsqueeze(3), logits, 0.0)
    ends = frames.to(torch.int64), lengths.to(torch.int64)
    if call.option("clamp") > 0 or call.option("fastemit") > 0:
        losses = _ChangedRnnt.apply(logits, labels, *ends, blank, call.option("clamp"), 1.0 + call.option("fastemit"))
    else:
        losses = _rnnt_losses(_rnnt_emissions(logits, labels, blank), *ends)
    return reduce_elements(call, losses)


def _rnnt_emissions(logits, labels, blank):
    """The log-probabilities [B, T, U + 1] of the blank and of the next label, which is impossible after the last one."""
    log_p = torch.log_softmax(logits, 3)
    index = labels.unsqueeze(1).unsqueeze(3).expand(-1, logits.shape[1], -1, 1)
    of_labels = log_p[:, :, :-1].gather(3, index).squeeze(3)
    return log_p[..., blank], torch.nn.functional.pad(of_labels, (0, 1), value=_IMPOSSIBLE)


def _rnnt_losses(emissions, frames, lengths):
    """The losses of items. States (t, u) with the same t + u follow from those with t + u - 1."""
    items, count, states = emissions[0].shape
    u = arange(states, lengths)
    t = arange(count + states - 1, lengths).unsqueeze(1) - u
    is_inside = (t >= 0) & (t < count)
    index = torch.clamp(t, 0, count - 1).expand(items, -1, -1)
    by_blank, by_label = (torch.where(is_inside, emission.gather(1, index), _IMPOSSIBLE) for emission in emissions)
    reached = torch.where(u == 0, torch.zeros_like(by_blank[:, 0]), _IMPOSSIBLE)
    ended = []
    for d in range(count + states - 1):
        stayed = reached + by_blank[:, d]
        ended.append(stayed)
        reached = _log_sum_exp((stayed, _shifted(reached + by_label[:, d], 1)))
    last, place = frames + lengths - 1, lengths.unsqueeze(1)
    of_items = torch.stack(ended, 1).gather(1, last.reshape(-1, 1, 1).expand(-1, 1, states)).squeeze(1)
    losses = -of_items.gather(1, place).squeeze(1)
    return torch.where(losses == float("inf"), float("inf"), losses)


class _ChangedRnnt(torch.autograd.Function):
    """The losses of items, whose gradient is not the derivative: labels count by a factor, and elements are limited."""

    generate_vmap_rule = True

    @staticmethod
    def forward(logits, labels, frames, lengths, blank, limit, label_factor):
        return _rnnt_losses(_rnnt_emissions(logits, labels, blank), frames, lengths)

    @staticmethod
    def setup_context(ctx, inputs, output):
        *tensors, ctx.blank, ctx.limit, ctx.label_factor = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx, upstream):
        gradient = _ChangedRnnt.gradient(ctx)
        return gradient * upstream.reshape(-1, 1, 1, 1), *(None,) * 6

    @staticmethod
    def jvp(ctx, tangent, *_):
        return (_ChangedRnnt.gradient(ctx) * tangent).sum((1, 2, 3))

    @staticmethod
    def gradient(ctx):
        """Of the sum of the losses with respect to the logits, by operators that are themselves differentiable."""
        logits, labels, frames, lengths = ctx.saved_tensors
        emissions: Any
        emissions, pull_back, *_ = torch.func.vjp(lambda x: _rnnt_emissions(x, labels, ctx.blank), logits)
        of_blank, of_label = torch.func.grad(lambda e: _rnnt_losses(e, frames, lengths).sum())(emissions)
        (gradient,) = pull_back((of_blank, ctx.label_factor * of_label))
        return torch.clamp(gradient, -ctx.limit, ctx.limit) if ctx.limit > 0 else gradient


def _check_rnnt(call, logits, targets, frames, lengths):
    if logits.dim() != 4 or 0 in logits.shape[1:]:
        raise ShapeError(
            f"rnnt_loss: logits has shape {list(logits.shape)} (valid: [B, T, U + 1, V] with T and V above 0)"
        )
    items, states = logits.shape[0], logits.shape[2]
    if targets.shape != (items, states - 1):
        raise ShapeError(
            f"rnnt_loss: targets has shape {list(targets.shape)}, but logits has shape {list(logits.shape)} (valid: "
            f"[{items}, {states - 1}])"
        )
    _check_integers(call, "logits", items, {"targets": targets, "logit_lengths": frames, "target_lengths": lengths})


def _check_integers(call, predictions, items, operands):
    """Operands of integers, of which those after the targets are lengths."""
    for name, tensor in operands.items():
        check_integers(call.function, name, tensor, "int64, int32, uint8")
        if name != "targets" and tensor.shape != (items,):
            raise ShapeError(
                f"{call.function}: {name} has shape {list(tensor.shape)}, but {predictions} has {items} sequences (valid: "
                f"[{items}])"
            )


def _mean(call, losses, lengths, is_single):
    """A mean divides each loss by the number of its labels first."""
    terms = losses / torch.clamp(lengths, min=1).to(losses.dtype)
    losses, terms = (losses.squeeze(0), terms.squeeze(0)) if is_single else (losses, terms)
    if call.number("weight") is not None:
        return reduce_elements(call, terms)
    result = reduced(terms, "mean", lambda: batch_size(terms), call.return_extras)
    if not call.return_extras:
        return result
    return result[0], result[1]._replace(losses=losses.detach())


def _log_likelihood(log_probs, labels, frames, lengths, blank):
    # States are the labels with a blank before each and one behind the last: 2 S + 1.
    items, count = labels.shape
    blanks, last = torch.full_like(labels, blank), torch.full_like(frames, blank).unsqueeze(1)
    states = torch.cat((torch.stack((blanks, labels), 2).reshape(items, -1), last), 1)
    # A label may follow the one before without a blank between them, unless they are equal.
    differs = torch.cat(((last != last)[:, :count], labels[:, 1:] != labels[:, :-1]), 1)
    may_skip = torch.cat((torch.stack((blanks != blanks, differs), 2).reshape(items, -1), last != last), 1)
    emitted = log_probs.gather(2, states.expand(len(log_probs), *states.shape))
    # Before the first frame only the first blank has been reached.
    first = torch.zeros_like(emitted[0, :, :1]) if len(emitted) else log_probs.new_zeros(items, 1)
    reached = torch.nn.functional.pad(first, (0, 2 * count), value=_IMPOSSIBLE)
    for t in range(len(emitted)):
        one, two = _shifted(reached, 1), _shifted(reached, 2)
        following = _log_sum_exp((reached, one, torch.where(may_skip, two, _IMPOSSIBLE))) + emitted[t]
        reached = torch.where((t < frames).unsqueeze(1), following, reached)
    ends = (2 * lengths).unsqueeze(1)
    last_blank = reached.gather(1, ends)
    last_label = torch.where(ends > 0, reached.gather(1, torch.clamp(ends - 1, min=0)), _IMPOSSIBLE)
    return _log_sum_exp((last_blank, last_label)).squeeze(1)


def _shifted(reached, by):
    width = reached.shape[1]
    return torch.nn.functional.pad(reached, (by, 0), value=_IMPOSSIBLE)[:, :width]


def _log_sum_exp(terms):
    """log of the sum of the exponentials, with gradient 0 where all terms are -inf."""
    stacked = torch.stack(terms)
    largest = stacked.detach().amax(0)
    largest = torch.where(largest == _IMPOSSIBLE, 0.0, largest)
    total = torch.exp(stacked - largest).sum(0)
    is_nothing = total == 0.0
    return torch.where(is_nothing, _IMPOSSIBLE, torch.log(torch.where(is_nothing, 1.0, total)) + largest)


def _padded(targets, lengths, items):
    """Labels as [N, S]; those after an item's own may be anything."""
    if targets.dim() == 2:
        return targets.to(torch.int64)
    longest = int(lengths.max()) if is_readable(lengths) and items else targets.numel()
    begins = lengths.cumsum(0) - lengths
    index = begins.unsqueeze(1) + arange(longest, lengths)
    if not targets.numel():
        return targets.new_zeros((items, 0), dtype=torch.int64)
    return targets.to(torch.int64)[torch.clamp(index, max=targets.numel() - 1)]


def _check_ctc(call, log_probs, targets, frames, lengths):
    if log_probs.dim() != 3 or log_probs.shape[2] == 0:
        raise ShapeError(
            f"ctc_loss: log_probs has shape {list(call.given('log_probs').shape)} (valid: [T, N, C] or [T, C] with C "
            f"above 0)"
        )
    items = log_probs.shape[1]
    _check_integers(call, "log_probs", items, {"targets": targets, "input_lengths": frames, "target_lengths": lengths})
    if targets.dim() != 1 and (targets.dim() != 2 or len(targets) != items):
        raise ShapeError(
            f"ctc_loss: targets has shape {list(targets.shape)}, but log_probs has {items} sequences (valid: [{items}, S], "
            f"or [S] with all labels)"
        )
