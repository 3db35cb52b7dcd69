"""Losses of embeddings: values of other packages, properties, blocks, edges, errors. (Derivatives: test_composed.py and
test_differential.py.)"""

import numpy as np
import pytest
import torch

import perdita.functional
import perdita.torch.functional as F
import perdita.torch.nn as nn
from perdita.errors import DTypeError, LabelError, ShapeError
from perdita.torch._composed import composed_loss

E6 = [[1, 0.2, -0.3], [0.8, 0.5, 0.1], [-0.4, 1.1, 0.6], [0.3, 0.9, -0.7], [-0.6, -0.2, 0.9], [0.1, -1.2, 0.4]]
L6, L5 = [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 1]
A4, B4 = E6[:4], [[0.9, 0.4, -0.1], [0.5, 0.7, 0.3], [-0.2, 0.8, 0.9], [0.1, 1, -0.4]]
W = [[0.9, 0.1, -0.2], [-0.3, 1, 0.4], [0.2, -0.8, 0.7]]

# Of pytorch-metric-learning 2.9.0 (multi_similarity, circle, arc_face, cos_face, batch_triplet), open-clip-torch 3.3.0
# (siglip) and sentence-transformers 6.2.0 (contrastive, batch_triplet).
KNOWN = [
    ("siglip_loss", (A4, B4), {}, 1.226351118),
    ("multi_similarity_loss", (E6, L5), {}, 0.8280529843),
    ("circle_loss", (E6, L5), {"gamma": 8.0}, 16.20573491),
    ("arc_face_loss", (E6, W, L6), {"scale": 16.0}, 1.939698797),
    ("cos_face_loss", (E6, W, L6), {"scale": 16.0}, 1.306316194),
    ("contrastive_loss", (E6[:3], E6[3:], [1.0, 0.0, 1.0]), {"margin": 2.5}, 1.211800347),
    ("batch_triplet_loss", (E6, L6), {"margin": 1.5, "mining": "all"}, 0.8937680795),
    ("batch_triplet_loss", (E6, L5), {"margin": 1.5}, 1.982424779),
    # The authors of SupCon count embeddings that are alone as 0 (SupContrast).
    ("sup_con_loss", (E6, L5), {"normalize_by": "batch"}, 4.542001087),
]
NAMES = [f"{name}-{i}" for i, (name, *_) in enumerate(KNOWN)]


@pytest.mark.parametrize(("name", "operands", "options", "value"), KNOWN, ids=NAMES)
def test_values_of_other_packages(name, operands, options, value):
    arrays = [np.array(x) for x in operands]
    assert getattr(perdita.functional, name)(*arrays, **options) == pytest.approx(value, rel=1e-9)
    tensors = [torch.from_numpy(x) for x in arrays]
    assert getattr(F, name)(*tensors, **options).item() == pytest.approx(value, rel=1e-9)


def batch(count, size, classes, dtype=torch.float64, seed=0):
    numbers = torch.Generator().manual_seed(seed)
    return (
        torch.randn(count, size, generator=numbers, dtype=torch.float64).to(dtype).requires_grad_(),
        torch.randint(classes, (count,), generator=numbers),
    )


BATCHES = {
    "sup_con_loss": {},
    "multi_similarity_loss": {},
    "circle_loss": {"gamma": 8.0},
    "batch_triplet_loss": {},
    "batch_triplet_loss semi_hard": {"mining": "semi_hard"},
    "batch_triplet_loss all": {"mining": "all"},
}


def compare_with_operators(function, tensors, options, names, rtol):
    """Kernels take blocks of rows; the operators of torch store all pairs."""
    value = getattr(F, function)(*tensors, **options)
    gradients = torch.autograd.grad(value, [t for t in tensors if t.requires_grad])
    by_name = dict(zip(names, tensors, strict=True))
    text = ",".join(f"{k}={v}" for k, v in options.items())
    operands = [by_name.get(name) for name in perdita._catalogue.ARGUMENTS[function]]
    right = composed_loss(function, operands, "mean", None, False, text)
    expected = torch.autograd.grad(right, [t for t in tensors if t.requires_grad])
    torch.testing.assert_close(value, right, rtol=rtol, atol=0)
    for ours, theirs in zip(gradients, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol * theirs.abs().max().item())


# 1,500 rows are three blocks of 4 MB in float64, or more.
@pytest.mark.parametrize("case", BATCHES)
def test_blocks_of_a_batch(case):
    options = BATCHES[case]
    count = 300 if options.get("mining", "hard") != "hard" else 1500
    compare_with_operators(case.split()[0], batch(count, 8, 40), options, ("input", "target"), 1e-11)


@pytest.mark.parametrize("function", ["nt_xent_loss", "clip_contrastive_loss", "siglip_loss"])
def test_blocks_of_pairs(function):
    query, positive = batch(1100, 8, 2)[0], batch(1100, 8, 2, seed=1)[0]
    compare_with_operators(function, (query, positive), {}, ("query", "positive"), 1e-11)


@pytest.mark.parametrize("function", ["arc_face_loss", "cos_face_loss"])
def test_blocks_of_classes(function):
    x, labels = batch(700, 8, 1000)
    vectors = batch(1000, 8, 2, seed=1)[0]
    compare_with_operators(function, (x, vectors, labels), {"scale": 16.0}, ("input", "class_vectors", "target"), 1e-11)


@pytest.mark.parametrize("case", BATCHES)
def test_the_order_of_a_batch_does_not_matter(case):
    x, labels = batch(24, 4, 3)
    loss = lambda x, t: getattr(F, case.split()[0])(x, t, **BATCHES[case])  # noqa: E731
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(loss(x[order], labels[order]), loss(x, labels), rtol=1e-12, atol=0)
    renamed = torch.tensor([7, -3, 100])[labels]  # labels are names
    torch.testing.assert_close(loss(x, renamed), loss(x, labels), rtol=1e-12, atol=0)


@pytest.mark.parametrize("case", BATCHES)
@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [5, 5, 5, 5]], ids=["alone", "one class"])
def test_batches_without_pairs(case, labels):
    x = batch(4, 3, 2)[0]
    value = getattr(F, case.split()[0])(x, torch.tensor(labels), **BATCHES[case])
    (gradient,) = torch.autograd.grad(value, x)
    assert value.isfinite() and gradient.isfinite().all()
    if "multi_similarity" not in case and not ("sup_con" in case and labels[0] == 5):
        assert value.item() == 0 and not gradient.any()


@pytest.mark.parametrize("case", BATCHES)
def test_an_empty_batch(case):
    value = getattr(F, case.split()[0])(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), **BATCHES[case])
    assert value.isnan()


@pytest.mark.parametrize("case", BATCHES)
def test_equal_and_zero_embeddings(case):
    x = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [1.0, 2.0], [0.0, 0.0]], requires_grad=True)
    value = getattr(F, case.split()[0])(x, torch.tensor([0, 0, 0, 1, 1]), **BATCHES[case])
    (gradient,) = torch.autograd.grad(value, x)
    assert value.isfinite() and gradient.isfinite().all()


def test_similarities_that_overflow_an_exponential():
    query = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    value = F.nt_xent_loss(query, -query.detach(), temperature=0.001)
    assert value.item() == pytest.approx(1000.0 + np.log(2.0))
    assert F.siglip_loss(query, query.detach(), torch.tensor(1e4), torch.tensor(0.0)).item() == pytest.approx(
        np.log(2.0)
    )


def test_a_learned_scale():
    query, positive = (torch.tensor(x, dtype=torch.float64) for x in (A4, B4))
    log_scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    loss = nn.CLIPContrastiveLoss()
    assert torch.autograd.gradcheck(lambda s: loss(query, positive, s.exp()), log_scale)
    bias = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s, b: F.siglip_loss(query, positive, s.exp(), b), (log_scale, bias))


def test_errors():
    x = torch.zeros(3, 2)
    with pytest.raises(
        ShapeError, match=r"sup_con_loss: target has shape \[2\], but there are 3 rows \(valid: \[3\]\)"
    ):
        F.sup_con_loss(x, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(DTypeError, match="target holds float32"):
        F.circle_loss(x, torch.zeros(3))
    with pytest.raises((LabelError, IndexError), match=r"target\[1\] is 4"):
        F.arc_face_loss(x, torch.ones(4, 2), torch.tensor([0, 4, 1]))
    with pytest.raises(ShapeError, match="class_vectors has shape"):
        F.cos_face_loss(x, torch.ones(4, 5), torch.tensor([0, 1, 1]))
    with pytest.raises(ShapeError, match=r"query has shape \[3, 2\] and positive \[2, 2\]"):
        F.nt_xent_loss(x, x[:2])
    with pytest.raises(ShapeError, match=r"logit_scale has shape \[2\] \(valid: \[\], one number\)"):
        F.clip_contrastive_loss(x, x, torch.ones(2))
