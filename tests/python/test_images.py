"""Losses of images from NumPy and torch: definitions as loops, transforms, torch.compile, precision, errors."""

import itertools

import numpy as np
import pytest
import torch

import perdita
import perdita.functional
import perdita.nn
import perdita.torch.functional as F
import perdita.torch.nn
from perdita.errors import DomainError, ShapeError
from perdita.torch._composed import composed_loss

VARIANTS = [
    {"window": 5},
    {"window": 5, "padding": "reflect"},
    {"window": 3, "sigma": 0.6, "data_range": 255.0, "k1": 0.02, "k2": 0.1},
    {"window": 7, "padding": "reflect", "data_range": 0.5},
]
CALLS = [("ssim_loss", options) for options in VARIANTS]
CALLS += [
    ("ms_ssim_loss", {"window": 3, "scales": 2}),
    ("ms_ssim_loss", {"window": 5, "scales": 2, "padding": "reflect", "data_range": 255.0, "weights": "uniform"}),
    ("ms_ssim_loss", {"window": 1, "scales": 3, "k2": 0.5}),
]
CALLS += [("total_variation_loss", {"norm": norm}) for norm in ("l1", "squared", "isotropic")]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(CALLS)]


def pictures(*shape, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).random(shape)


def operands_of(name, options, dtype=np.float64):
    scale = options.get("data_range", 1.0)
    if name == "ms_ssim_loss":  # images that are alike, of which all averages are positive
        x = pictures(2, 3, 7, 8, scale=scale)
        return [x.astype(dtype), (x + pictures(2, 3, 7, 8, seed=1, scale=0.3 * scale)).astype(dtype)]
    count = 2 if name == "ssim_loss" else 1
    return [pictures(2, 3, 7, 8, seed=seed, scale=scale).astype(dtype) for seed in range(count)]


def similarities_of(x, y, window, padding="valid", sigma=1.5, data_range=1.0, k1=0.01, k2=0.03):
    """The factors of the similarity (of means, of structure) of images [H, W], in float64 by whole windows."""
    radius = window // 2
    if padding == "reflect":
        x, y = (np.pad(a, radius, mode="reflect") for a in (x, y))
    at = np.arange(window) - radius
    w = np.exp(-(at[:, None] ** 2 + at**2) / (2 * sigma**2))
    w /= w.sum()
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    found = []
    for i, j in itertools.product(range(x.shape[0] - window + 1), range(x.shape[1] - window + 1)):
        a, b = (p[i : i + window, j : j + window] for p in (x, y))
        ma, mb = (w * a).sum(), (w * b).sum()
        va, vb, covariance = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum(), (w * (a - ma) * (b - mb)).sum()
        found.append(((2 * ma * mb + c1) / (ma * ma + mb * mb + c1), (2 * covariance + c2) / (va + vb + c2)))
    return np.array(found)


def ssim_of(x, y, **options):
    """1 - similarity of images [C, H, W]."""
    return 1 - np.mean([similarities_of(a, b, **options).prod(axis=1) for a, b in zip(x, y, strict=True)])


def ms_ssim_of(x, y, scales, weights="standard", **options):
    exponents = [1 / scales] * scales if weights == "uniform" else [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    losses = []
    for a, b in zip(x, y, strict=True):
        product = 1.0
        for scale in range(scales):
            factors = similarities_of(a, b, **options)
            mean = (factors.prod(axis=1) if scale + 1 == scales else factors[:, 1]).mean()
            product *= mean ** exponents[scale]
            a, b = map(halved, (a, b))
        losses.append(1 - product)
    return np.mean(losses)


def halved(x):
    x = np.pad(x, [(0, size % 2) for size in x.shape], mode="edge")
    return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2).mean(axis=(1, 3))


def variation_of(x, norm):
    right, below = np.zeros_like(x), np.zeros_like(x)
    right[:, :, :-1], below[:, :-1] = np.diff(x, axis=2), np.diff(x, axis=1)
    if norm == "l1":
        return (abs(right) + abs(below)).sum()
    return (right**2 + below**2).sum() if norm == "squared" else np.sqrt(right**2 + below**2 + 1e-8).sum()


def definition(name, operands, options):
    one = {"ssim_loss": ssim_of, "ms_ssim_loss": ms_ssim_of, "total_variation_loss": variation_of}[name]
    return np.array([one(*images, **options) for images in zip(*operands, strict=True)])


@pytest.mark.parametrize(("name", "options"), CALLS, ids=IDS)
def test_definition(name, options):
    operands = operands_of(name, options)
    expected = definition(name, operands, options)
    function = getattr(perdita.functional, name)
    np.testing.assert_allclose(function(*operands, **options, reduction="none"), expected, rtol=1e-13)
    assert function(*operands, **options) == pytest.approx(expected.mean(), rel=1e-13)
    first = [images[0] for images in operands]
    assert function(*first, **options, reduction="none") == pytest.approx(expected[0], rel=1e-13)
    narrow = function(*(images.astype(np.float32) for images in operands), **options, reduction="none")
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, expected, rtol=1e-6)
    tensors = list(map(torch.from_numpy, operands))
    found = getattr(F, name)(*tensors, **options, reduction="none")
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13)


@pytest.mark.parametrize(("name", "options"), CALLS, ids=IDS)
def test_derivatives(name, options):
    leaves = [torch.from_numpy(x[:1, :1, :7, :7].copy()).requires_grad_() for x in operands_of(name, options)]
    for reduction in ("none", "mean"):
        call = lambda *x: getattr(F, name)(*x, **options, reduction=reduction)  # noqa: B023, E731
        scale = options.get("data_range", 1.0)
        assert torch.autograd.gradcheck(call, leaves, eps=1e-6 * scale)
        assert torch.autograd.gradgradcheck(call, leaves, eps=1e-6 * scale, atol=1e-4)


@pytest.mark.parametrize(("name", "options"), CALLS, ids=IDS)
def test_compiled_and_mapped(name, options):
    torch.compiler.reset()
    tensors = list(map(torch.from_numpy, operands_of(name, options)))
    call = lambda *x: getattr(F, name)(*x, **options)  # noqa: E731
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    results = []
    for function in (call, compiled):
        leaf = tensors[0].clone().requires_grad_()
        result = function(leaf, *tensors[1:])
        result.backward()
        results.append((result.detach(), leaf.grad))
    torch.testing.assert_close(*results, rtol=0, atol=0)
    torch.testing.assert_close(torch.func.vmap(call)(*tensors).mean(), call(*tensors))
    torch.testing.assert_close(torch.func.grad(call)(*tensors), results[0][1])


def test_float32_of_bright_flat_patches():
    """Neither the kernel nor torch's operators lose a variance that is far below the square of the mean."""
    x, y = (1e4 + np.round(8 * pictures(1, 2, 14, 13, seed=seed)) / 8 for seed in (3, 4))
    exact = [torch.from_numpy(a).requires_grad_() for a in (x, y)]
    expected = F.ssim_loss(*exact)
    expected.backward()
    for way in (F.ssim_loss, lambda *t: composed_loss("ssim_loss", t, "mean", None, False, "")):
        leaves = [torch.from_numpy(a).float().requires_grad_() for a in (x, y)]
        loss = way(*leaves)
        loss.backward()
        assert loss.item() == pytest.approx(expected.item(), rel=2e-6)
        for leaf, right in zip(leaves, exact, strict=True):
            assert (leaf.grad - right.grad).abs().max() < 1e-5 * right.grad.abs().max()


@pytest.mark.parametrize("padding", ["valid", "reflect"])
def test_equal_images_lose_nothing(padding):
    x = torch.from_numpy(pictures(2, 3, 15, 12)).float()
    for way in (
        lambda a, b: F.ssim_loss(a, b, padding=padding),
        lambda a, b: composed_loss("ssim_loss", (a, b), "mean", None, False, f"padding={padding}"),
    ):
        leaves = [x.clone().requires_grad_() for _ in range(2)]
        loss = way(*leaves)
        loss.backward()
        assert loss.item() == 0
        assert all((leaf.grad == 0).all() for leaf in leaves)


def test_images_of_bytes():
    x, y = (np.round(pictures(1, 1, 12, 12, seed=seed, scale=255.0)) for seed in (5, 6))
    expected = perdita.functional.ssim_loss(x, y, data_range=255.0)
    assert perdita.functional.ssim_loss(x, y.astype(np.uint8), data_range=255.0) == expected
    assert F.ssim_loss(torch.from_numpy(x), torch.from_numpy(y).byte(), data_range=255.0).item() == expected


def test_sums_with_losses_of_pixels():
    x, y = (torch.from_numpy(pictures(2, 1, 12, 13, seed=seed)).requires_grad_() for seed in (7, 8))
    criterion = perdita.torch.nn.Sum("0.75*ssim + 0.25*l1")
    loss = criterion(x, y)
    expected = 0.75 * F.ssim_loss(x, y) + 0.25 * F.l1_loss(x, y)
    torch.testing.assert_close(loss, expected)
    found, right = (torch.autograd.grad(value, (x, y)) for value in (loss, expected))
    torch.testing.assert_close(found, right)


def test_modules():
    x, y = (pictures(2, 1, 12, 13, seed=seed) for seed in (7, 8))
    criterion = perdita.torch.nn.SSIMLoss(data_range=2.0, padding="reflect", reduction="sum")
    expected = perdita.functional.ssim_loss(x, y, data_range=2.0, padding="reflect", reduction="sum")
    assert criterion(torch.from_numpy(x), torch.from_numpy(y)).item() == expected
    assert repr(criterion) == "SSIMLoss(data_range=2.0, padding='reflect', reduction='sum')"
    assert perdita.nn.SSIMLoss(data_range=2.0, padding="reflect", reduction="sum")(x, y) == expected
    assert perdita.nn.TotalVariationLoss(norm="squared")(x) == perdita.functional.total_variation_loss(
        x, norm="squared"
    )


@pytest.mark.parametrize(
    "call",
    [
        perdita.functional.ssim_loss,
        lambda *a, **o: F.ssim_loss(*map(torch.from_numpy, a), **o),
        lambda *a, **o: torch.func.grad(F.ssim_loss)(*map(torch.from_numpy, a), **o),
    ],
    ids=["numpy", "torch", "composed"],
)
def test_refuses_what_it_cannot_use(call):
    x = pictures(1, 3, 8, 32)
    with pytest.raises(
        ShapeError,
        match=r"ssim_loss: input has shape \[1, 3, 8, 32\], which is too small for a window of 11 with padding=valid "
        r"\(valid: at least 11 in height and width, or window=7\)",
    ):
        call(x, x)
    with pytest.raises(ShapeError, match=r"window of 17 with padding=reflect \(valid: at least 9 .*, or window=15\)"):
        call(x, x, window=17, padding="reflect")
    with pytest.raises(DomainError, match=r"ssim_loss: window is 4 \(valid: odd numbers\)"):
        call(x, x, window=4)
    with pytest.raises(ShapeError, match=r"input has shape \[8, 32\] \(valid: \[N, C, H, W\] or \[C, H, W\]"):
        call(x[0, 0], x[0, 0])
    with pytest.raises(ShapeError, match=r"target has shape \[3, 8, 32\], but input has \[1, 3, 8, 32\]"):
        call(x, x[0])
