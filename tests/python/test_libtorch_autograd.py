"""Losses of LibTorch's tensors in its autograd: derivatives of any order, several passes, changes in place, threads, and
calls that are refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from libtorch_ops import CASES, Functional, assert_equal, load, mse, pair
from loss_operands import Numbers
from own_losses import CALLS
from perdita._catalogue import ARGUMENTS, ENTRIES, roles_of


@pytest.fixture(scope="session")
def ops():
    return load()


DERIVATIVES = ("huber_loss", "cross_entropy", "focal_loss", "dice_loss", "gaussian_nll_loss", "cox_loss", "info_nce_loss",
               "triplet_margin_loss", "kl_div")  # fmt: skip


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("name", DERIVATIVES)
def test_second_derivatives(ops, name, reduction):
    """Of all predictions, by finite differences of first derivatives."""
    if name in CALLS:
        tensors, options = CALLS[name][0]
    else:
        case = next(case for case in CASES if case.loss.name == name)
        tensors, options = case.tensors(), case.variant.options
    predictions = [
        n for n in ARGUMENTS[name] if n in tensors and roles_of(name)[ARGUMENTS[name].index(n)] == "prediction"
    ]

    def loss(*operands):
        given = {**tensors, **dict(zip(predictions, operands, strict=True))}
        return getattr(Functional(ops), name)(**given, **options, reduction=reduction)

    leaves = [tensors[n].detach().requires_grad_() for n in predictions]
    assert torch.autograd.gradcheck(loss, leaves)
    assert torch.autograd.gradgradcheck(loss, leaves)


def test_third_derivative(ops):
    input, target = pair(4)
    found = []
    losses = torch.log(torch.cosh(input - target)) * torch.exp(0.1 * input)
    for value in (ops.by_lambda(input, target, None, "sum"), losses.sum()):
        for _ in range(3):
            value = torch.autograd.grad(value.sum(), input, create_graph=True)[0]
            found.append(value.detach())
    for mine, expected in zip(found[:3], found[3:], strict=True):
        assert_equal(mine, expected, "derivative", 1e-9, 1e-12)


def test_loss_without_a_second_derivative(ops):
    case = next(case for case in CASES if case.loss.name == "ctc_loss")
    tensors = case.tensors()
    leaf = tensors["log_probs"].requires_grad_()
    loss = Functional(ops).ctc_loss(**tensors)
    torch.autograd.grad(loss, leaf, retain_graph=True)
    with pytest.raises(RuntimeError, match="ctc_loss: has no second derivative"):
        torch.autograd.grad(loss, leaf, create_graph=True)


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_passes_through_one_graph(ops, reduction):
    input, target = pair(3, 4)
    loss = mse(ops, input, target, reduction)
    upstream = torch.full_like(loss, 3.0)
    expected = torch.autograd.grad(torch.nn.functional.mse_loss(input, target, reduction=reduction), input, upstream)[0]
    first = torch.autograd.grad(loss, input, upstream, retain_graph=True)[0]
    assert_equal(first, expected, "first pass")
    first.zero_()  # the results of two passes do not share memory
    assert_equal(torch.autograd.grad(loss, input, upstream)[0], expected, "second pass")
    with pytest.raises(RuntimeError, match="mse_loss: backward through a graph that has already been freed"):
        torch.autograd.grad(loss, input, upstream)


def test_operands_changed_in_place(ops):
    input, target = pair(3, 4)
    expected = 2 * (input - target).detach()
    loss = mse(ops, input, target, "sum")
    target.add_(1)  # the gradients have been computed
    assert_equal(torch.autograd.grad(loss, input, retain_graph=True)[0], expected, "gradient")
    with pytest.raises(RuntimeError, match="mse_loss: an operand that backward.. needs was changed in place"):
        torch.autograd.grad(loss, input, create_graph=True)
    loss = mse(ops, input, target, "none")
    target.add_(1)
    with pytest.raises(RuntimeError, match="mse_loss: an operand that backward.. needs was changed in place"):
        loss.sum().backward()


@pytest.mark.parametrize("name", sorted({*CALLS, *(c.loss.name for c in CASES if c.loss.name in ENTRIES)}))
def test_results_changed_in_place(ops, name):
    """A loss that is not reduced may be changed after the call: backward does not read it."""
    if name in CALLS:
        tensors, options = CALLS[name][0]
    else:
        case = next(case for case in CASES if case.loss.name == name)
        tensors, options = case.tensors(), case.variant.options
    first = ARGUMENTS[name][0]
    found = []
    for changes in (False, True):
        leaf = tensors[first].detach().clone().requires_grad_()
        loss = getattr(Functional(ops), name)(**{**tensors, first: leaf}, **options, reduction="none")
        upstream = Numbers(1).normal(loss.shape)
        if changes:
            loss.detach().fill_(7.0)
        found.append(torch.autograd.grad(loss, leaf, upstream)[0])
    assert torch.equal(*found)


def test_without_recording(ops):
    input, target = pair(3, 4)
    with torch.no_grad():
        assert not mse(ops, input, target).requires_grad
    with torch.inference_mode():
        made = Numbers(0).normal((3, 4))
        assert_equal(mse(ops, made, target), torch.nn.functional.mse_loss(made, target), "value")
    assert not mse(ops, made, target).requires_grad
    assert mse(ops, target, input).requires_grad


def test_extras(ops):
    logits, labels = Numbers(0).normal((5, 4)).requires_grad_(), torch.tensor([3, 0, -100, 1, 1])
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none").detach()
    for reduction in ("none", "mean"):
        loss, losses, margins, hits, numerator, denominator = ops.with_extras(logits, labels, reduction)
        assert loss.requires_grad and not losses.requires_grad
        assert_equal(losses, expected, "losses")
        used = labels >= 0
        assert torch.equal(hits[used], logits.argmax(1)[used] == labels[used]) and margins[2].isnan()
        assert_equal(
            torch.tensor(numerator / (denominator if reduction == "mean" else 1)),
            (expected.sum() / 4 if reduction == "mean" else expected.sum()).float(),
            "numerator",
            1e-6,
        )
        gradient = torch.autograd.grad(loss.sum(), logits)[0]
        losses.zero_()  # does not change what backward reads
        assert_equal(loss.detach().sum(), expected.mean() * 5 / 4 if reduction == "mean" else expected.sum(), "loss")
        assert gradient.abs().sum() > 0


def test_threads(ops):
    """The number of threads is that of torch, also in a new thread, and several threads may go through one graph."""
    before = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            mse(ops, *pair(3))
            assert ops.num_threads() == count
            with ThreadPoolExecutor(1) as pool:
                pool.submit(mse, ops, *pair(3)).result()
            assert ops.num_threads() == count
    finally:
        torch.set_num_threads(before)
    input, target = pair(50, 40)
    for reduction in ("none", "mean"):
        loss = mse(ops, input, target, reduction)
        upstream = torch.ones_like(loss)
        expected = torch.autograd.grad(loss, input, upstream, retain_graph=True)[0]
        with ThreadPoolExecutor(4) as pool:
            passes = [
                pool.submit(torch.autograd.grad, loss, input, upstream, retain_graph=True, create_graph=i % 2 == 1)
                for i in range(40)
            ]
            for each in passes:
                assert_equal(each.result()[0].detach(), expected, "gradient")


def _in_fake_mode(loss, x):
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode() as mode:
        return loss(mode.from_tensor(x), mode.from_tensor(x))


def _in_forward_mode(loss, x):
    from torch.autograd import forward_ad

    with forward_ad.dual_level():
        return loss(forward_ad.make_dual(x, x), x)


def _with_inference_tensor(loss, x):
    with torch.inference_mode():
        made = torch.ones_like(x)
    return loss(x.clone().requires_grad_(), made)


REFUSED = {
    "torch.func": (lambda loss, x: torch.func.grad(lambda a: loss(a, a))(x), "transform"),
    "FakeTensor": (_in_fake_mode, "dispatch mode|device|wrapper"),
    "forward mode": (_in_forward_mode, "tangent"),
    "meta": (lambda loss, x: loss(x.to("meta"), x.to("meta")), "input is on the device meta"),
    "sparse": (lambda loss, x: loss(x.to_sparse(), x), "input is not dense"),
    "complex": (lambda loss, x: loss(x, x.to(torch.complex128)), "target holds ComplexDouble"),
    "int16": (lambda loss, x: loss(x, x.short()), "target holds Short"),
    "no storage": (lambda loss, x: loss(x, _freed(x)), "target has no storage"),
    "rank 9": (lambda loss, x: loss(x.view((1,) * 7 + (3, 4)), x), "input has 9 dimensions"),
    "shapes": (lambda loss, x: loss(x, x[:2]), r"mse_loss.*\[2, 4\]"),
    "undefined": (lambda loss, x: loss(x, None), "mse_loss: got 1 operands|mse_loss: target is undefined"),
    "integers": (lambda loss, x: loss(x.long(), x), "mse_loss: input holds int64"),
    "inference": (_with_inference_tensor, "target was made in inference mode"),
}  # fmt: skip


def _freed(x):
    other = x.clone()
    other.untyped_storage().resize_(0)
    return other


@pytest.mark.parametrize("what", REFUSED)
def test_refused(ops, what):
    call, message = REFUSED[what]
    with pytest.raises(Exception, match=message):
        call(lambda input, target: mse(ops, input, target), Numbers(0).normal((3, 4)))


def test_refused_options(ops):
    logits, labels = Numbers(0).normal((3, 4)), torch.tensor([0, 1, 2])
    counts = torch.ones(4, dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="class_counts requires a gradient"):
        Functional(ops).balanced_softmax_loss(input=logits, target=labels, class_counts=counts)
    with pytest.raises(RuntimeError, match="unknown loss 'hubber'"):
        ops.by_text("hubber", [logits, logits], None, None, "mean", "standard")
    with pytest.raises(RuntimeError, match="cross_entropy: target.0. is 5"):
        Functional(ops).cross_entropy(input=logits, target=labels + 5)
    with pytest.raises(RuntimeError, match="pos_weight is not supported"):
        ops.by_function("mse_loss", [logits, logits], None, logits, "mean", "standard")
