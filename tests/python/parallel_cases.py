"""Run in each process of test_parallel.py: sharded losses next to those of all logits."""

import contextlib
import functools
import itertools

import pytest
import torch
import torch.distributed as dist

import perdita.torch.functional as F
import perdita.torch.parallel as P

CLASSES, ROWS = 11, 6
BOUNDS = {1: [0, 11], 2: [0, 7, 11], 3: [0, 4, 4, 11], 4: [0, 1, 5, 10, 11]}  # uneven, one of them empty


def operands():
    numbers = torch.Generator().manual_seed(5)
    logits = 3 * torch.randn(ROWS, CLASSES, generator=numbers, dtype=torch.float64)
    logits[1, 3], logits[2, 10] = float("-inf"), float("-inf")  # padding
    labels = torch.tensor([0, 10, 4, -100, 6, 5])
    weight = torch.rand(CLASSES, generator=numbers, dtype=torch.float64) + 0.1
    probabilities = torch.softmax(torch.randn(ROWS, CLASSES, generator=numbers, dtype=torch.float64), 1)
    return logits, labels, weight, probabilities


def calls():
    """(name, keywords of sharded and unsharded calls, whether target holds probabilities)"""
    names = ("cross_entropy", "focal_loss", "poly_1_loss", "generalized_cross_entropy", "symmetric_cross_entropy")
    for name, smoothing, weighted, soft in itertools.product(names, (0.0, 0.1), (False, True), (False, True)):
        for reduction, normalize_by in (("mean", None), ("mean", "count"), ("sum", None), ("none", None)):
            keywords = {"label_smoothing": smoothing, "reduction": reduction, "normalize_by": normalize_by}
            yield name, keywords, weighted, soft
    for name in ("balanced_softmax_loss", "logit_adjusted_loss", "ldam_loss"):
        yield name, {"reduction": "mean"}, False, False


def results(loss, logits):
    return loss.detach(), torch.autograd.grad(
        (loss * torch.arange(1, loss.numel() + 1).reshape(loss.shape)).sum(), logits
    )[0]


def check_losses(rank, size):
    bounds = BOUNDS[size]
    here = slice(bounds[rank], bounds[rank + 1])
    logits, labels, weight, probabilities = operands()
    counts = torch.arange(1.0, CLASSES + 1, dtype=torch.float64)
    for name, keywords, weighted, soft in calls():
        if soft:  # a class of probability 0 may have a logit of -inf; others may not
            logits = logits.clamp(min=-30)
        full, local = logits.clone().requires_grad_(), logits[:, here].clone().requires_grad_()
        whole = {"weight": weight} if weighted else {}
        part = {"weight": weight[here]} if weighted else {}
        if "balanced" in name or "adjusted" in name or "ldam" in name:
            whole = part = {"class_counts": counts}
        if keywords.get("label_smoothing"):  # every class counts, those of logits -inf, too
            full, local = full.detach().clamp(min=-30).requires_grad_(), local.detach().clamp(min=-30).requires_grad_()
        expected = results(getattr(F, name)(full, probabilities if soft else labels, **whole, **keywords), full)
        target = probabilities[:, here] if soft else labels
        found = results(getattr(P, name)(local, target, vocab_start=here.start, **part, **keywords), local)
        what = f"{name} {keywords} {weighted} {soft}"
        torch.testing.assert_close(found[0], expected[0], rtol=1e-14, atol=1e-15, msg=lambda m, w=what: f"{w}: {m}")
        torch.testing.assert_close(
            found[1], expected[1][:, here], rtol=1e-13, atol=1e-15, msg=lambda m, w=what: f"gradient of {w}: {m}"
        )


def check_extras(rank, size):
    bounds = BOUNDS[size]
    here = slice(bounds[rank], bounds[rank + 1])
    logits, labels, _, _ = operands()
    logits[0, 4] = logits[0, 0] = 9.0  # a tie: the first one wins
    expected = F.cross_entropy(logits, labels, return_extras=True)[1]
    found = P.cross_entropy(logits[:, here], labels, vocab_start=here.start, return_extras=True)[1]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(
            *(torch.as_tensor(x, dtype=torch.float64) for x in (ours, theirs)), equal_nan=True, rtol=1e-14, atol=1e-15
        )


@contextlib.contextmanager
def counted_collectives():
    """The names of the collectives that are called in the block."""
    calls = []
    originals = {name: getattr(dist, name) for name in ("all_gather_into_tensor", "all_reduce")}

    def counted(name):
        def call(*args, **kwargs):
            calls.append(name)
            return originals[name](*args, **kwargs)

        return call

    for name in originals:
        setattr(dist, name, counted(name))
    try:
        yield calls
    finally:
        for name, original in originals.items():
            setattr(dist, name, original)


def check_collectives(rank, size):
    """Two in a call, none in backward."""
    bounds = BOUNDS[size]
    here = slice(bounds[rank], bounds[rank + 1])
    logits, labels, weight, _ = operands()
    local = logits[:, here].clamp(min=-30).requires_grad_()
    with counted_collectives() as count:
        loss = P.focal_loss(
            local, labels, weight=weight[here], label_smoothing=0.1, vocab_start=here.start, return_extras=True
        )[0]
        loss.backward()
    assert len(count) == 2, count


def check_distributed_tensors(rank, size):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    mesh = init_device_mesh("cpu", (size,))
    logits, labels, _, _ = operands()
    full = logits.clone().requires_grad_()
    expected = results(F.cross_entropy(full, labels, label_smoothing=0.0), full)
    sharded = distribute_tensor(logits, mesh, [Shard(1)]).requires_grad_()
    loss = P.cross_entropy(sharded, labels)
    assert type(loss).__name__ == "DTensor"
    loss.backward()
    torch.testing.assert_close(loss.to_local().detach(), expected[0], rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(sharded.grad.full_tensor(), expected[1], rtol=1e-13, atol=1e-15)


def check_others(rank, size):
    bounds = BOUNDS[size]
    here = slice(bounds[rank], bounds[rank + 1])
    logits, labels, _, probabilities = operands()
    logits = logits.clamp(min=-30)
    local = logits[:, here]
    divergence = P.kl_div(local, probabilities[:, here], vocab_start=here.start)
    expected = torch.nn.functional.kl_div(logits.log_softmax(1), probabilities, reduction="batchmean")
    torch.testing.assert_close(divergence, expected, rtol=1e-13, atol=1e-15)
    leaf, whole = local.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = P.cross_entropy(leaf, labels, vocab_start=here.start, z_loss=0.01, reduction="sum", normalize_by=None)
    by_hand = torch.nn.functional.cross_entropy(whole, labels, reduction="sum")
    by_hand = by_hand + 0.01 * whole.logsumexp(1).square()[labels != -100].sum()
    torch.testing.assert_close(loss, by_hand, rtol=1e-13, atol=1e-15)
    loss.backward(), by_hand.backward()
    torch.testing.assert_close(leaf.grad, whole.grad[:, here], rtol=1e-12, atol=1e-15)
    leaf, whole = local.clone().requires_grad_(), logits.clone().requires_grad_()
    options = {"z_loss": 0.01, "softcap": 3.0}
    loss = P.cross_entropy(leaf, labels, vocab_start=here.start, **options)
    of_all = F.cross_entropy(whole, labels, **options)
    torch.testing.assert_close(loss, of_all, rtol=1e-13, atol=1e-15)
    loss.backward(), of_all.backward()
    torch.testing.assert_close(leaf.grad, whole.grad[:, here], rtol=1e-12, atol=1e-15)
    counted = P.cross_entropy(local, labels, vocab_start=here.start, normalize_by=torch.tensor(40.0))
    torch.testing.assert_close(counted, torch.nn.functional.cross_entropy(logits, labels, reduction="sum") / 40)


def layer():
    """input [N, F], weight [C, F], bias [C] whose logits are of ordinary size."""
    numbers = torch.Generator().manual_seed(6)
    return [
        torch.randn(shape, generator=numbers, dtype=torch.float64) for shape in ((ROWS, 4), (CLASSES, 4), (CLASSES,))
    ]


def linear_calls():
    reductions = (("mean", None), ("mean", "count"), ("mean", torch.tensor(40.0)), ("sum", None), ("none", None))
    for smoothing, weighted, soft, with_bias in itertools.product((0.0, 0.1), *[(False, True)] * 3):
        for (reduction, normalize_by), chunk_rows in itertools.product(reductions, (0, 1, 4)):
            yield (smoothing, reduction, normalize_by), chunk_rows, weighted, soft, with_bias


def check_linear(rank, size):
    bounds = BOUNDS[size]
    here = slice(bounds[rank], bounds[rank + 1])
    _, labels, weight, probabilities = operands()
    for (smoothing, reduction, normalize_by), chunk_rows, weighted, soft, with_bias in linear_calls():
        whole = [x.clone().requires_grad_() for x in (layer() if with_bias else layer()[:2])]
        local = [whole[0].detach().clone(), *(x.detach()[here].clone() for x in whole[1:])]
        local = [x.requires_grad_() for x in local]
        keywords = {"label_smoothing": smoothing, "reduction": reduction, "normalize_by": normalize_by}
        logits = torch.nn.functional.linear(*whole)
        expected = F.cross_entropy(logits, probabilities if soft else labels, weight if weighted else None, **keywords)
        found = P.linear_cross_entropy(
            *local[:2],
            probabilities[:, here] if soft else labels,
            linear_bias=local[2] if with_bias else None,
            weight=weight[here] if weighted else None,
            vocab_start=here.start,
            chunk_rows=chunk_rows,
            **keywords,
        )
        what = f"{keywords} {chunk_rows} {weighted} {soft} {with_bias}"
        torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-15, msg=lambda m, w=what: f"{w}: {m}")
        upstream = torch.arange(2.0, 2 + expected.numel(), dtype=torch.float64).reshape(expected.shape)
        wanted = torch.autograd.grad(expected, whole, upstream)
        gradients = torch.autograd.grad(found, local, upstream)
        for ours, theirs in zip(gradients, (wanted[0], *(g[here] for g in wanted[1:])), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-14, msg=lambda m, w=what: f"{w}: {m}")


def check_linear_options(rank, size):
    """A z-loss, extras, few collectives, padding, a DTensor, narrow types."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    bounds = BOUNDS[size]
    here = slice(bounds[rank], bounds[rank + 1])
    (x, w, b), labels = layer(), operands()[1]
    b[3] = float("-inf")
    leaves, whole = (x.clone().requires_grad_(), w[here].clone().requires_grad_()), (x.clone(), w.clone())
    whole = [tensor.requires_grad_() for tensor in whole]
    logits = torch.nn.functional.linear(*whole, b)
    expected, extras = F.cross_entropy(logits, labels, reduction="sum", return_extras=True)
    expected = expected + 0.01 * logits.logsumexp(1).square()[labels != -100].sum()
    with counted_collectives() as count:
        loss, found = P.linear_cross_entropy(
            *leaves, labels, linear_bias=b[here], vocab_start=here.start, z_loss=0.01, reduction="sum", chunk_rows=4,
            return_extras=True,
        )  # fmt: skip
        loss.backward()
    assert len(count) == 2, count
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(leaves[0].grad, whole[0].grad, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(leaves[1].grad, whole[1].grad[here], rtol=1e-13, atol=1e-14)
    for ours, theirs in zip(found[3:], extras[3:], strict=True):
        torch.testing.assert_close(ours, theirs, equal_nan=True, rtol=1e-13, atol=1e-14)

    mesh = init_device_mesh("cpu", (size,))
    placed = distribute_tensor(w, mesh, [Shard(0)]).requires_grad_()
    input = distribute_tensor(x, mesh, [Replicate()]).requires_grad_()
    P.linear_cross_entropy(input, placed, labels).backward()
    whole = [x.clone().requires_grad_(), w.clone().requires_grad_()]
    F.linear_cross_entropy(*whole, labels).backward()
    torch.testing.assert_close(placed.grad.full_tensor(), whole[1].grad, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(input.grad.full_tensor(), whole[0].grad, rtol=1e-13, atol=1e-14)

    narrow = P.linear_cross_entropy(x.bfloat16(), w[here].bfloat16(), labels, vocab_start=here.start)
    assert narrow.dtype == torch.bfloat16
    torch.testing.assert_close(narrow.double(), F.linear_cross_entropy(x, w, labels), rtol=0.03, atol=0)


def check_linear_bad_input(rank, size):
    bounds = BOUNDS[size]
    here = slice(bounds[rank], bounds[rank + 1])
    (x, w, _), labels = layer(), operands()[1]
    call = functools.partial(P.linear_cross_entropy, vocab_start=here.start)
    with pytest.raises(ValueError, match=r"input has shape \[6, 3\], linear_weight"):
        call(x[:, :3], w[here], labels)
    with pytest.raises(ValueError, match="linear_bias has shape"):
        call(x, w[here], labels, linear_bias=torch.ones(CLASSES + 1, dtype=torch.float64))
    with pytest.raises(TypeError, match="linear_weight holds float32, input float64"):
        call(x, w[here].float(), labels)
    with pytest.raises(ValueError, match="target has shape"):
        call(x, w[here], labels[:3])
    with pytest.raises(ValueError, match="chunk_rows is -1"):
        call(x, w[here], labels, chunk_rows=-1)
    with pytest.raises(ValueError, match="target holds 11, but there are 11 classes"):
        call(x, w[here], torch.full_like(labels, CLASSES))
    assert call(x[:0], w[here], labels[:0]).isnan()


def check_bad_input(rank, size):
    bounds = BOUNDS[size]
    here = slice(bounds[rank], bounds[rank + 1])
    logits, labels, weight, _ = operands()
    local = logits[:, here]
    wrong = {"vocab_start": -1}, {"vocab_start": 0}, {}
    for keywords in wrong if size > 1 else wrong[:1]:
        with pytest.raises(ValueError, match="do not make up all classes"):
            P.cross_entropy(local, labels, **keywords)
    with pytest.raises(ValueError, match="target holds 11, but there are 11 classes"):
        P.cross_entropy(local, torch.full_like(labels, CLASSES), vocab_start=here.start)
    with pytest.raises(ValueError, match="weight has shape"):
        P.cross_entropy(local, labels, vocab_start=here.start, weight=torch.ones(CLASSES + 1))
    with pytest.raises(RuntimeError, match="weight requires a gradient"):
        P.cross_entropy(local, labels, vocab_start=here.start, weight=weight[here].clone().requires_grad_())
    with pytest.raises(ValueError, match="ignore_index is 0"):
        P.cross_entropy(local, torch.ones_like(local), vocab_start=here.start, ignore_index=0)
    with pytest.raises(ValueError, match="normalize_by is 0"):
        P.cross_entropy(local, labels, vocab_start=here.start, normalize_by=0)
    assert P.cross_entropy(local[:0], labels[:0], vocab_start=here.start).isnan()
    assert P.cross_entropy(local[:0], labels[:0], vocab_start=here.start, reduction="none").shape == (0,)


CHECKS = (
    check_losses,
    check_extras,
    check_collectives,
    check_distributed_tensors,
    check_others,
    check_bad_input,
    check_linear,
    check_linear_options,
    check_linear_bad_input,
)


def main(rank, size, store):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size)
    for check in CHECKS:
        check(rank, size)
    dist.destroy_process_group()
