"""Options that stay in the kernels: weights, broadcasting, narrow types, layouts, losses that are scaled or not reduced.

The references are compositions of torch's operators in float64, the same call with dense float32 operands, or the same
loss without the option.
"""

import inspect
import itertools
import math

import pytest
import torch
import torch.nn.functional as TF

import perdita.torch.functional as PF
from perdita._functions import loss_of, loss_of_text

SEED = 20261130
NARROW = torch.bfloat16, torch.float16
ELEMENTWISE = {
    "mse_loss": {},
    "l1_loss": {},
    "smooth_l1_loss": {"beta": 0.7},
    "huber_loss": {"delta": 0.7},
    "binary_cross_entropy_with_logits": {},
    "poisson_nll_loss": {},
    "kl_div": {},
    "binary_focal_loss": {},
    "log_cosh_loss": {},
    "charbonnier_loss": {},
}
ROWS = {
    "nll_loss": {},
    "cross_entropy": {},
    "focal_loss": {"gamma": 2.0},
    "poly_1_loss": {},
    "symmetric_cross_entropy": {},
}


def numbers(*shape, seed=SEED, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def shares(*shape, seed=SEED, dtype=torch.float64):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def labels(classes, *shape, seed=SEED):
    return torch.randint(0, classes, shape, generator=torch.Generator().manual_seed(seed))


def gradient(function, input, *others, upstream=None, **options):
    leaf = input.detach().requires_grad_()
    value = function(leaf, *others, **options)
    upstream = torch.ones_like(value) if upstream is None else upstream
    return value.detach(), torch.autograd.grad(value, leaf, upstream)[0]


def assert_near(ours, theirs, tolerance=1e-12):
    scale = theirs.abs().max().clamp_min(1e-30)
    assert ours.shape == theirs.shape
    assert ((ours - theirs).abs() <= tolerance * scale).all(), (ours - theirs).abs().max() / scale


def per_element(name, input, target):
    """Losses and derivatives of dense operands of one shape, one element at a time."""
    losses, slopes = gradient(getattr(PF, name), input, target, reduction="none", **ELEMENTWISE[name])
    return losses, slopes


def may_have(name, a_weight, a_broadcast_target):
    takes_weight = "weight" in inspect.signature(getattr(PF, name)).parameters
    return (takes_weight or not a_weight) and not (a_broadcast_target and name.startswith("binary_cross_entropy"))


WEIGHTED = [
    (name, target_shape, weight_shape)
    for name in ELEMENTWISE
    for target_shape in ((70, 37), (37,), (70, 1), ())
    for weight_shape in (None, (), (37,), (70, 1), (70, 37))
    if may_have(name, weight_shape is not None, target_shape != (70, 37))
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("name", "target_shape", "weight_shape"), WEIGHTED, ids=str)
def test_elements(name, target_shape, weight_shape, dtype):
    """Weighted and broadcast losses are those of the elements, times the weights and the upstream gradient."""
    input, target = numbers(70, 37, dtype=dtype), shares(*target_shape, dtype=dtype)
    weight = None if weight_shape is None else shares(*weight_shape, seed=3, dtype=dtype)
    losses, slopes = per_element(name, input.double(), target.double().expand(70, 37).contiguous())
    factor = torch.ones(70, 37, dtype=torch.float64) if weight is None else weight.double().expand(70, 37)
    given = {} if weight is None else {"weight": weight}
    tolerance = 1e-12 if dtype == torch.float64 else 2e-6

    upstream = numbers(70, 37, seed=5, dtype=dtype)
    value, found = gradient(
        getattr(PF, name), input, target, upstream=upstream, reduction="none", **given, **ELEMENTWISE[name]
    )
    assert_near(value.double(), losses * factor, tolerance)
    assert_near(found.double(), slopes * factor * upstream.double(), tolerance)

    value, found = gradient(getattr(PF, name), input, target, reduction="sum", **given, **ELEMENTWISE[name])
    assert_near(value.double(), (losses * factor).sum(), tolerance)
    assert_near(found.double(), slopes * factor, tolerance)

    count = factor.sum()
    value, found = gradient(getattr(PF, name), input, target, normalize_by="weight_sum", **given, **ELEMENTWISE[name])
    assert_near(value.double(), (losses * factor).sum() / count, tolerance)
    assert_near(found.double(), slopes * factor / count, tolerance)


@pytest.mark.parametrize("shape", [(), (30,), (7, 30)], ids=str)
def test_pos_weight(shape):
    input, target, weight = numbers(7, 30), shares(7, 30), shares(7, 30, seed=9)
    pos_weight = shares(*shape, seed=4) * 3
    for reduction in "none", "mean", "sum":
        options = {"pos_weight": pos_weight, "weight": weight, "reduction": reduction}
        ours = gradient(PF.binary_cross_entropy_with_logits, input, target, **options)
        theirs = gradient(TF.binary_cross_entropy_with_logits, input, target, **options)
        for a, b in zip(ours, theirs, strict=True):
            assert_near(a, b)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_targets_of_integers(name):
    input = numbers(50, 11, dtype=torch.float32)
    for dtype in torch.int64, torch.int32, torch.uint8, torch.bool:
        target = labels(2, 50, 11).to(dtype)
        ours = gradient(getattr(PF, name), input, target, **ELEMENTWISE[name])
        theirs = gradient(getattr(PF, name), input, target.float(), **ELEMENTWISE[name])
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])


def layouts(tensor):
    """The same elements in other orders of memory."""
    yield "transposed", tensor.transpose(0, -1).contiguous().transpose(0, -1)
    if tensor.dim() == 4:
        yield "channels_last", tensor.contiguous(memory_format=torch.channels_last)
    doubled = torch.empty(*tensor.shape[:-1], 2 * tensor.shape[-1], dtype=tensor.dtype)
    doubled[..., ::2] = tensor
    yield "every second", doubled[..., ::2]
    yield "expanded", tensor[:1].expand(tensor.shape)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_layouts_of_elements(name):
    input, target = numbers(3, 5, 8, 9, dtype=torch.float32), shares(3, 5, 8, 9, dtype=torch.float32)
    for (what, x), (_, t) in itertools.product(layouts(input), layouts(target)):
        for reduction in "mean", "none":
            options = {"reduction": reduction, **ELEMENTWISE[name]}
            ours = gradient(getattr(PF, name), x, t, **options)
            theirs = gradient(getattr(PF, name), x.contiguous(), t.contiguous(), **options)
            assert torch.equal(ours[1], theirs[1]), what
            assert_near(ours[0], theirs[0], 1e-6)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("shape", [(4, 21, 16, 24), (2, 150, 64, 40), (2, 3, 5, 7)], ids=str)
def test_layouts_of_rows(name, shape):
    input, target = numbers(*shape), labels(shape[1], shape[0], *shape[2:])
    target[:, 0] = -100
    _, classes = shape[:2]
    rows = input.movedim(1, -1).reshape(-1, classes)
    for options in {}, {"label_smoothing": 0.1}, {"weight": shares(classes, seed=6)}:
        if name == "nll_loss" and "label_smoothing" in options:
            continue
        value, by_rows = gradient(getattr(PF, name), rows, target.flatten(), **options, **ROWS[name])
        expected = by_rows.reshape(input.movedim(1, -1).shape).movedim(-1, 1)
        for what, x in [("contiguous", input), *layouts(input)]:
            if what == "expanded":
                continue
            ours = gradient(getattr(PF, name), x, target, **options, **ROWS[name])
            assert_near(ours[0], value)
            assert_near(ours[1], expected)
            if what == "channels_last":
                assert ours[1].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("shape", [(40, 10), (40, 300), (3, 25, 40, 30), (3, 7, 11)], ids=str)
def test_rows_that_are_not_reduced(name, shape):
    """The gradient is that of the sum of the losses times the upstream gradients."""
    input, target = numbers(*shape), labels(shape[1], shape[0], *shape[2:])
    target[0] = -100
    upstream = numbers(*target.shape, seed=8)
    probabilities = torch.softmax(numbers(*shape, seed=9), 1)
    for t, options in (
        (target, {}),
        (target, {"label_smoothing": 0.2}),
        (target, {"weight": shares(shape[1], seed=6)}),
        (probabilities, {}),
    ):
        if name == "nll_loss" and (t is probabilities or "label_smoothing" in options):
            continue
        options = {"reduction": "none", **options, **ROWS[name]}
        losses, found = gradient(getattr(PF, name), input, t, upstream=upstream, **options)
        leaf = input.clone().requires_grad_()
        with torch.enable_grad():  # by operators: a graph of the gradient makes the composition
            value = getattr(PF, name)(leaf, t, **options)
            (expected,) = torch.autograd.grad(value, leaf, upstream, create_graph=True)
        assert_near(found, expected.detach())
        assert_near(losses, value.detach())


@pytest.mark.parametrize("dtype", NARROW, ids=str)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_narrow_elements(name, dtype):
    """The gradient is that of float32, rounded; the loss likewise."""
    input, target = numbers(300, 41, dtype=dtype), shares(300, 41, dtype=dtype)
    for weight, t in (None, target), (shares(41, dtype=dtype), target), (None, target.float()), (None, target[:, :1]):
        if not may_have(name, weight is not None, t.shape != input.shape):
            continue
        for reduction in "mean", "sum", "none":
            options = {"reduction": reduction, **ELEMENTWISE[name]}
            given = {} if weight is None else {"weight": weight}
            wide = {} if weight is None else {"weight": weight.float()}
            ours = gradient(getattr(PF, name), input, t, **given, **options)
            theirs = gradient(getattr(PF, name), input.float(), t.float(), **wide, **options)
            of_torch = getattr(TF, name, None)
            if of_torch is not None:
                assert ours[0].dtype == of_torch(input, t, reduction=reduction).dtype
            assert torch.equal(ours[0], theirs[0].to(ours[0].dtype))
            assert ours[1].dtype == dtype
            assert torch.equal(ours[1], theirs[1].to(dtype))


@pytest.mark.parametrize("dtype", NARROW, ids=str)
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("shape", [(5,), (33, 10), (33, 300), (3, 2000), (3, 25, 40, 30)], ids=str)
def test_narrow_rows(name, shape, dtype):
    classes = shape[0] if len(shape) == 1 else shape[1]
    rest = () if len(shape) == 1 else (shape[0], *shape[2:])
    input, target = numbers(*shape, dtype=dtype), labels(classes, *rest)
    if rest:
        target[0] = -100
    probabilities = torch.softmax(numbers(*shape, seed=2), 0 if len(shape) == 1 else 1).to(dtype)
    for t, options in (
        (target, {}),
        (target, {"label_smoothing": 0.2}),
        (target, {"weight": shares(classes, seed=6, dtype=dtype)}),
        (target, {"reduction": "none"}),
        (probabilities, {}),
    ):
        if name == "nll_loss" and (t is probabilities or "label_smoothing" in options):
            continue
        wide = {key: value.float() if isinstance(value, torch.Tensor) else value for key, value in options.items()}
        ours = gradient(getattr(PF, name), input, t, **options, **ROWS[name])
        theirs = gradient(getattr(PF, name), input.float(), t if t is target else t.float(), **wide, **ROWS[name])
        assert ours[0].dtype == ours[1].dtype == dtype
        # A loss of tiles is summed in another order than one of all rows.
        assert_near(ours[0].float(), theirs[0], 2 * torch.finfo(dtype).eps)
        assert_near(ours[1].float(), theirs[1], 2 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_narrow_values_at_the_ends(dtype):
    """Infinities, NaN, the largest and the smallest numbers."""
    info = torch.finfo(dtype)
    ends = torch.tensor(
        [0.0, -0.0, info.max, -info.max, info.tiny, info.tiny / 2, torch.inf, -torch.inf, torch.nan, 1.0]
    ).to(dtype)
    input, target = ends[:, None].expand(10, 10).contiguous(), ends.expand(10, 10).contiguous()
    for name in "l1_loss", "huber_loss", "mse_loss":
        ours = gradient(getattr(PF, name), input, target, reduction="none")
        theirs = gradient(getattr(PF, name), input.float(), target.float(), reduction="none")
        assert torch.equal(torch.nan_to_num(ours[0]), torch.nan_to_num(theirs[0].to(dtype)))
        assert torch.equal(torch.nan_to_num(ours[1]), torch.nan_to_num(theirs[1].to(dtype)))


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", ["mse_loss", "cross_entropy", "huber_loss", "focal_loss"])
def test_upstream_gradients_of_earlier_steps_do_not_matter(name, reduction):
    """Whether gradients are computed ahead depends on earlier steps; their bits do not."""
    rows = name in ROWS
    input, target = (
        numbers(60, 12, dtype=torch.float32),
        labels(12, 60) if rows else numbers(60, 12, dtype=torch.float32),
    )
    function = getattr(PF, name)
    upstreams = [1.0, 1.0, 0.5, 0.5, 0.5, 0.3, 0.5, 1.0, 1.0, 1.0, 65536.0, 65536.0, 65536.0, 1 / 3, 1 / 3, 1 / 3]
    seen: dict = {}
    for factor in upstreams:
        shape = function(input, target, reduction=reduction).shape
        upstream = torch.tensor(factor, dtype=torch.float32).expand(shape)
        value, found = gradient(function, input, target, upstream=upstream, reduction=reduction)
        assert torch.equal(found, seen.setdefault(factor, found)), factor
        full = gradient(function, input, target, upstream=upstream.contiguous(), reduction=reduction)[1]
        assert_near(found.double(), full.double(), 3e-7)
    doubled = numbers(60, seed=4, dtype=torch.float32) if rows else numbers(60, 12, seed=4, dtype=torch.float32)
    if reduction == "none":
        _, found = gradient(function, input, target, upstream=doubled, reduction=reduction)
        unit = gradient(function, input, target, reduction="sum")[1]
        assert_near(found, (doubled[:, None] if rows else doubled) * unit, 3e-7)


def expected_after(upstreams, reduction="mean"):
    """The upstream gradient that a loss expects after some steps."""
    loss_of.cache_clear()
    loss_of_text.cache_clear()
    for factor in upstreams:
        x = torch.ones(100, requires_grad=True)
        value = PF.mse_loss(x, torch.zeros(100), reduction=reduction)
        value.backward(torch.tensor(factor).expand(value.shape))
    return loss_of("mse_loss", reduction, None).expected_upstream


def test_expected_upstream_gradients_are_learned():
    """Two steps with the same factor, which is a power of two where the loss is reduced."""
    assert expected_after([]) == expected_after([1.0, 1.0, 0.5]) == expected_after([0.3, 0.3]) == 1.0
    assert expected_after([0.5, 0.5]) == expected_after([0.5, 0.5, 0.3, 0.3]) == 0.5
    assert expected_after([65536.0, 65536.0, 1.0]) == 65536.0
    assert math.isnan(expected_after([], "none")) and math.isnan(expected_after([0.3, 0.5], "none"))
    assert expected_after([0.25, 0.25], "none") == 0.25


def test_a_reduced_loss_keeps_its_gradient_whatever_it_expected():
    for before in [], [0.5, 0.5], [65536.0, 65536.0]:
        expected_after(before)
        for factor in 1.0, 0.5, 0.3:
            x, t = torch.ones(100, requires_grad=True), torch.zeros(100)
            value = PF.mse_loss(x, t)
            with torch.no_grad():
                t.add_(1.0)
            value.backward(torch.tensor(factor))
            assert torch.equal(x.grad, torch.full((100,), 2 / 100) * torch.tensor(factor))


def test_operands_changed_before_backward_are_an_error():
    for function, t in (PF.mse_loss, torch.zeros(30, 4)), (PF.cross_entropy, torch.zeros(30, dtype=torch.long)):
        x = torch.ones(30, 4, requires_grad=True)
        losses = function(x, t, reduction="none")
        with torch.no_grad():
            x.mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            losses.backward(torch.arange(losses.numel(), dtype=torch.float32).reshape(losses.shape))


def test_weights_that_sum_to_zero():
    """As torch's: the mean is not defined, nor is its gradient."""
    x, t, w = torch.ones(4, requires_grad=True), torch.zeros(4), torch.zeros(4)
    value = PF.mse_loss(x, t, weight=w)
    value.backward()
    theirs = torch.ones(4, requires_grad=True)
    expected = TF.mse_loss(theirs, t, weight=w)
    expected.backward()
    assert value.isnan() and expected.isnan()
    assert torch.equal(x.grad.isnan(), theirs.grad.isnan())


def test_gradients_have_the_memory_format_of_the_input():
    x = numbers(2, 3, 4, 5, dtype=torch.float32).contiguous(memory_format=torch.channels_last)
    losses, found = gradient(PF.mse_loss, x, torch.zeros(2, 3, 4, 5), reduction="none")
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert losses.is_contiguous(memory_format=torch.channels_last)
