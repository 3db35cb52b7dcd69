"""Losses of masks, and several quantiles at once, beside their papers' formulas written plainly in torch: value, gradient,
gradcheck, torch.compile, bad input."""

import mpmath
import numpy as np
import pytest
import torch

import perdita
import perdita.functional
import perdita.nn
import perdita.torch.functional as F
import perdita.torch.nn
from perdita.errors import DTypeError, LabelError, ShapeError


def dice(p, t, dims, smooth=1.0, squared=False):
    """Milletari et al. 2016, section 3, where squared."""
    power = 2 if squared else 1
    return 1 - (2 * (p * t).sum(dims) + smooth) / ((p**power).sum(dims) + (t**power).sum(dims) + smooth)


def jaccard(p, t, dims, smooth=1.0):
    """Rahman and Wang 2016, section 3."""
    both = (p * t).sum(dims)
    return 1 - (both + smooth) / (p.sum(dims) + t.sum(dims) - both + smooth)


def tversky(p, t, dims, alpha, beta, smooth=1.0):
    """Salehi et al. 2017, equation 3: alpha counts p (1 - t)."""
    both = (p * t).sum(dims)
    return 1 - (both + smooth) / (both + alpha * (p * (1 - t)).sum(dims) + beta * ((1 - p) * t).sum(dims) + smooth)


def focal_tversky(p, t, dims):
    """Abraham and Khan 2019, equation 4."""
    return tversky(p, t, dims, 0.3, 0.7) ** (1 / (4 / 3))


SUMS = {
    "dice_loss": ({}, dice),
    "dice_loss squared": ({"squared": True, "smooth": 1e-5}, lambda p, t, dims: dice(p, t, dims, 1e-5, True)),
    "jaccard_loss": ({"smooth": 0.1}, lambda p, t, dims: jaccard(p, t, dims, 0.1)),
    "tversky_loss": ({"alpha": 0.2, "beta": 0.8}, lambda p, t, dims: tversky(p, t, dims, 0.2, 0.8)),
    "focal_tversky_loss": ({}, focal_tversky),
}


def lovasz_of_mask(errors, inside):
    """Berman et al. 2018, equations 8 and 9 by cumulative sums; errors and 0/1 truth of one mask."""
    errors, order = torch.sort(errors, descending=True, stable=True)
    inside = inside[order]
    union = inside.sum() + (1 - inside).cumsum(0)
    jaccard = 1 - (inside.sum() - inside.cumsum(0)) / union
    steps = torch.diff(jaccard, prepend=jaccard.new_zeros(1))
    return (errors * steps).sum()


def mask_scene(mode, seed=0, dtype=torch.float64):
    """Logits, targets, and both as probabilities and truth [N, C, pixels]; whether the targets are soft."""
    g = torch.Generator().manual_seed(seed)
    y = (2 * torch.randn(2, 3, 4, 5, generator=g, dtype=torch.float64)).to(dtype).requires_grad_()
    if mode == "softmax":
        labels = torch.randint(0, 3, (2, 4, 5), generator=g)
        return (
            y,
            labels,
            torch.softmax(y, 1).flatten(2),
            torch.nn.functional.one_hot(labels).permute(0, 3, 1, 2).flatten(2).to(dtype),
        )
    t = torch.rand(2, 3, 4, 5, generator=g, dtype=torch.float64).to(dtype)
    if mode.startswith("hard"):
        t = (t < 0.4).to(dtype)
    p = torch.sigmoid(y)
    return (
        (y, t, p.flatten(2), t.flatten(2))
        if mode.endswith("multilabel")
        else (y, t, p.flatten(1)[:, None], t.flatten(1)[:, None])
    )


MODES = ["softmax", "hard", "soft", "hard multilabel"]


def assert_same(loss, expected, leaf):
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-14)
    theirs, ours = torch.autograd.grad(expected.sum(), leaf)[0], torch.autograd.grad(loss.sum(), leaf)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SUMS)
def test_losses_of_sums(name, mode, batch):
    options, definition = SUMS[name]
    function = name.split()[0]
    options = {**options, "batch": batch, "multilabel": mode.endswith("multilabel")}
    y, t, p, truth = mask_scene(mode)
    expected = definition(p, truth, (0, 2) if batch else 2)
    if not mode.endswith(("softmax", "multilabel")):
        expected = expected.squeeze(-1)
    loss = getattr(F, function)(y, t, reduction="none", **options)
    assert_same(loss, expected, y)
    mean = getattr(F, function)(y, t, **options)
    torch.testing.assert_close(mean, loss.mean(), rtol=1e-14, atol=0)
    of_numpy, gradient = perdita.value_and_grad(getattr(perdita.functional, function))(
        y.detach().numpy(), t.numpy(), **options
    )
    assert of_numpy == mean.item()
    assert np.array_equal(gradient, torch.autograd.grad(mean, y)[0].numpy())


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("mode", ["softmax", "hard", "hard multilabel"])
def test_lovasz(mode, batch):
    y, t, p, truth = mask_scene(mode, 1)
    if mode == "softmax":
        errors = (truth - p).abs()
    else:
        scores = y.flatten(2) if mode.endswith("multilabel") else y.flatten(1)[:, None]
        errors = torch.relu(1 - scores * (2 * truth - 1))
    if batch:
        errors, truth = (x.transpose(0, 1).flatten(1)[None] for x in (errors, truth))
    expected = torch.stack(
        [
            torch.stack([lovasz_of_mask(e, g) for e, g in zip(*item, strict=True)])
            for item in zip(errors, truth, strict=True)
        ]
    )
    expected = expected[0] if batch else expected
    if not mode.endswith(("softmax", "multilabel")):
        expected = expected.squeeze(-1)
    options = {"batch": batch, "multilabel": mode.endswith("multilabel"), "present_only": False}
    assert_same(F.lovasz_loss(y, t, reduction="none", **options), expected, y)
    torch.testing.assert_close(F.lovasz_loss(y, t, **options), expected.mean(), rtol=1e-13, atol=0)
    found = perdita.functional.lovasz_loss(y.detach().numpy(), t.numpy(), **options)
    assert found == F.lovasz_loss(y, t, **options).item()


def test_ignored_pixels_and_absent_classes():
    y, t, *_ = mask_scene("softmax", 2)
    t = torch.where(t == 1, 255, t)
    seen = t != 255
    p = torch.softmax(y, 1)
    losses = []
    for n in range(2):
        for c in range(3):
            losses.append(dice(p[n, c][seen[n]], (t[n][seen[n]] == c).double(), 0))
    losses = torch.stack(losses).reshape(2, 3)
    assert_same(F.dice_loss(y, t, ignore_index=255, reduction="none"), losses, y)
    y, t, *_ = mask_scene("softmax", 2)
    t = torch.where(t == 1, 255, t)
    present = F.dice_loss(y, t, ignore_index=255, present_only=True)
    torch.testing.assert_close(present, losses.detach()[:, [0, 2]].mean())
    everything = F.dice_loss(y, torch.full_like(t, 255), ignore_index=255)
    assert everything.item() == 0 and not torch.autograd.grad(everything, y)[0].any()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", ["dice_loss", "jaccard_loss", "tversky_loss", "focal_tversky_loss", "lovasz_loss"])
def test_gradcheck(function, mode):
    if function == "lovasz_loss" and mode == "soft":
        return
    y, t, *_ = mask_scene(mode, 3)
    y, t = y[..., :2].detach().requires_grad_(), t[..., :2]

    def call(y):
        return getattr(F, function)(y, t, reduction="none", multilabel=mode.endswith("multilabel"))

    assert torch.autograd.gradcheck(call, y)
    assert torch.autograd.gradgradcheck(call, y)


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("mode", ["softmax", "hard", "hard multilabel"])
@pytest.mark.parametrize("function", ["dice_loss", "lovasz_loss"])
def test_compiles(function, mode, reduction):
    torch.compiler.reset()
    y, t, *_ = mask_scene(mode, 4)

    def call(y, t):
        return getattr(F, function)(y, t, batch=True, multilabel=mode.endswith("multilabel"), reduction=reduction)

    value = call(y, t)
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")(y, t)
    assert compiled.shape == value.shape
    assert_same(compiled, value, y)


def test_modules():
    y, t, *_ = mask_scene("softmax", 5)
    weight = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    criterion = perdita.torch.nn.DiceLoss(smooth=0, weight=weight)
    assert "weight" in criterion.state_dict() and "smooth=0" in repr(criterion)
    expected = (F.dice_loss(y, t, smooth=0, reduction="none") * weight).mean()
    torch.testing.assert_close(criterion(y, t), expected)
    assert perdita.nn.LovaszLoss(batch=True)(y.detach().numpy(), t.numpy()) == F.lovasz_loss(y, t, batch=True).item()
    with pytest.raises(ValueError, match=r"dice_loss: smooth is -1 \(valid: 0 or more\)"):
        perdita.torch.nn.DiceLoss(smooth=-1.0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_types(dtype):
    y, t, *_ = mask_scene("hard", 6, torch.float32)
    loss = F.dice_loss(y.detach().to(dtype).requires_grad_(), t.bool())
    assert loss.dtype == dtype
    torch.testing.assert_close(loss.float(), F.dice_loss(y, t), rtol=torch.finfo(dtype).eps * 4, atol=0)


@mpmath.workdps(40)
def test_values_at_hard_points():
    """Masks that are nearly right, against 40 digits."""
    logits, targets = [30.0, 17.5, -22.0, -12.25], [1.0, 1.0, 0.0, 0.0]
    p = [1 / (1 + mpmath.exp(-mpmath.mpf(y))) for y in logits]
    both = sum(a * b for a, b in zip(p, targets, strict=True))
    expected = {
        "dice_loss": 1 - 2 * both / (sum(p) + sum(targets)),
        "jaccard_loss": 1 - both / (sum(p) + sum(targets) - both),
    }
    for function, value in expected.items():
        for dtype, tolerance in ((np.float32, 1e-6), (np.float64, 1e-14)):
            found = getattr(perdita.functional, function)(np.array(logits, dtype), np.array(targets, dtype), smooth=0)
            assert abs(float(found) / float(value) - 1) < tolerance, (function, dtype)


def test_errors():
    y, t, *_ = mask_scene("softmax")
    with pytest.raises(LabelError, match=r"dice_loss: target\[7\] is 9, but input has 3 classes \(valid: 0..2, or"):
        F.dice_loss(y, torch.where(torch.arange(40).reshape(2, 4, 5) == 7, 9, t))
    with pytest.raises(ValueError, match=r"lovasz_loss: target\[3\] is 0.5 \(valid: 0 or 1, or ignore_index -100\)"):
        perdita.functional.lovasz_loss(np.zeros(5), np.array([0, 1, 0, 0.5, 2]))
    with pytest.raises(ValueError, match=r"dice_loss: target\[1\] is nan \(valid: 0..1"):
        perdita.functional.dice_loss(np.zeros(2), np.array([0, np.nan]))
    with pytest.raises(ShapeError, match=r"target has shape \[2, 1, 4, 5\], but input has \[2, 3, 4, 5\] \(valid: "):
        F.dice_loss(y, t[:, None])
    with pytest.raises(DTypeError, match=r"tversky_loss: target of shape .* holds float32 \(valid: class indices"):
        F.tversky_loss(y, t.float())
    with pytest.raises(TypeError, match=r"dice_loss: ignore_index is 0.5 \(valid: an integer of 64 bits\)"):
        F.dice_loss(y, t, ignore_index=0.5)
    with pytest.raises(
        ValueError, match=r"dice_loss: weight has shape \[2\], but input has 3 classes \(valid: \[3\]\)"
    ):
        F.dice_loss(y, t, weight=torch.ones(2, dtype=torch.float64))
    with pytest.raises(TypeError, match="dice_loss: input is a list"):
        F.dice_loss([1.0], torch.ones(1))


def test_several_quantiles():
    q = [0.05, 0.5, 0.95]
    y = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    t = torch.randn(4, 2, dtype=torch.float64)
    r, levels = t[..., None] - y, torch.tensor(q, dtype=torch.float64)
    expected = torch.maximum(levels * r, (levels - 1) * r)
    assert_same(F.quantile_loss(y, t, q=q, reduction="none"), expected, y)
    torch.testing.assert_close(F.quantile_loss(y, t, q=np.array(q)), expected.mean())
    assert (
        perdita.functional.quantile_loss(y.detach().numpy(), t.numpy(), q) == F.quantile_loss(y, t, q=tuple(q)).item()
    )
    assert F.quantile_loss(y[..., :1], t, q=[0.25], reduction="none").shape == (4, 2, 1)
    assert torch.autograd.gradcheck(lambda y: F.quantile_loss(y, t, q=q, reduction="none"), y)
    torch.testing.assert_close(perdita.torch.nn.QuantileLoss(q=q)(y, t), expected.mean())
    compiled = torch.compile(
        lambda y, t: F.quantile_loss(y, t, q=q, reduction="none"), fullgraph=True, backend="aot_eager"
    )
    torch.testing.assert_close(compiled(y, t), expected)
    with pytest.raises(ValueError, match=r"quantile_loss: q\[1\] is 1.0 \(valid: above 0, below 1\)|q\[1\] is 1 "):
        F.quantile_loss(y, t, q=[0.5, 1.0])
    with pytest.raises(ValueError, match="quantile_loss: q is empty"):
        F.quantile_loss(y, t, q=[])
    with pytest.raises(TypeError, match=r"quantile_loss: q is 'high' \(valid: a number\)"):
        F.quantile_loss(y, t, q="high")
    with pytest.raises(ShapeError, match=r"there are 2 quantiles \(valid: \[4, 2, 2\] for this target\)"):
        F.quantile_loss(y, t, q=[0.1, 0.9])
