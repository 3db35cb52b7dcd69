"""Every loss, over a grid of shapes, layouts, dtypes and options: value and all gradients are torch's."""

import pytest
import torch

from comparing import (
    RELATIVE,
    ULPS,
    assert_close,
    assert_same_numbers,
    distance,
    of_perdita,
    of_torch,
    widened,
)
from loss_cases import LINEAR, LOSSES, Case, cases, reductions_of

LINEAR_ULPS = 16  # of products of matrices summed in different orders
SLACK = 1.25  # of a maximum that is known from SEEDS draws
SEEDS = 16  # draws by which torch's error in single precision is known

GRID = [(case, reduction) for case in cases() for reduction in reductions_of(case.loss)]


def ids(grid):
    return ["-".join(map(str, entry)) for entry in grid]


def relative_of(loss):
    """A product of matrices is summed in another order than torch's, whose rounding the losses inherit."""
    return 1e-10 if loss in LINEAR else RELATIVE


@pytest.mark.parametrize(("case", "reduction"), GRID, ids=ids(GRID))
def test_float64(case, reduction):
    tensors, options = case.tensors(), {**case.variant.options, "reduction": reduction}
    theirs, ours = of_torch(case.loss, tensors, options), of_perdita(case.loss, tensors, options)
    for what, expected in theirs.items():
        if expected is not None:
            assert_close(ours[what], expected, f"{case} {reduction}: {what}", relative_of(case.loss), 1e-15)


def in_single(case, options, seed):
    tensors = case.tensors(torch.float32, seed)
    return of_torch(case.loss, tensors, options), of_torch(case.loss, widened(tensors), options)


@pytest.mark.parametrize(("case", "reduction"), GRID, ids=ids(GRID))
def test_float32(case, reduction):
    options = {**case.variant.options, "reduction": reduction}
    ours = of_perdita(case.loss, case.tensors(torch.float32), options)
    theirs, truth = in_single(case, options, 0)
    for what, expected in theirs.items():
        if expected is None:
            continue
        found = assert_same_numbers(ours[what], expected, truth[what], f"{case} {reduction}: {what}")
        if found <= (LINEAR_ULPS if case.loss in LINEAR else ULPS):
            continue
        # Terms cancel, and torch errs too: how much is seen over some operands, not by the luck of these.
        allowed = max(
            distance(t[what], exact[what]) for t, exact in (in_single(case, options, s) for s in range(SEEDS))
        )
        assert found <= SLACK * allowed, f"{case} {reduction}: {what}: {found:.3g} ULP, torch at most {allowed:.3g}"


NARROW = [
    (case, reduction, dtype)
    for case in cases(shapes=slice(1))
    for reduction in ("none", "mean")
    for dtype in (torch.float16, torch.bfloat16)
    if "distance_function" not in case.variant.options  # which rounds its own results
]


@pytest.mark.parametrize(("case", "reduction", "dtype"), NARROW, ids=ids(NARROW))
def test_narrow_types_are_float32_rounded(case, reduction, dtype):
    tensors, options = case.tensors(dtype), {**case.variant.options, "reduction": reduction}
    upstream = torch.tensor(0.5)
    wide = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    shape = of_perdita(case.loss, wide, options, differentiable=())["value"].shape
    expected, ours = (
        of_perdita(case.loss, operands, options, upstream.expand(shape), behind_softmax=False)
        for operands in (wide, tensors)
    )
    for what, exact in expected.items():
        assert torch.equal(ours[what], exact.to(dtype)), f"{case} {reduction}: {what}"


MIXED = [
    case for case in cases(variants=slice(1), shapes=slice(1)) if case.loss not in LINEAR and len(case.tensors()) > 1
]


@pytest.mark.parametrize("case", MIXED, ids=map(str, MIXED))
def test_mixed_types(case):
    """The first operand in single, the others in double precision: where torch takes them, so does Perdita."""
    tensors = case.tensors()
    first = next(iter(tensors))
    tensors[first] = tensors[first].float()
    exact = of_torch(case.loss, widened(tensors), case.variant.options)
    try:
        theirs = of_torch(case.loss, tensors, case.variant.options)
    except RuntimeError:
        return
    ours = of_perdita(case.loss, tensors, case.variant.options)
    assert ours["value"].dtype == theirs["value"].dtype, f"{ours['value'].dtype}, torch {theirs['value'].dtype}"
    for what, expected in theirs.items():
        if expected is not None:
            assert ours[what].dtype == expected.dtype, what
            torch.testing.assert_close(ours[what].double(), exact[what].double(), rtol=1e-5, atol=1e-6)


def transposed(tensor):
    return tensor.transpose(0, -1).contiguous().transpose(0, -1)


def strided(tensor):
    """Every other element of a larger tensor, from an offset."""
    wide = tensor.new_zeros([2 * size + 1 for size in tensor.shape])
    view = wide[tuple(slice(1, None, 2) for _ in tensor.shape)]
    return view.copy_(tensor)


def expanded(tensor):
    """The first of the last dimension, seen as all of them."""
    return tensor[..., :1].expand_as(tensor)


LAYOUTS = [
    (Case(loss, variant, loss.layout_shape), layout, reduction)
    for loss in LOSSES
    for variant in loss.variants
    for layout in (transposed, strided, expanded)
    for reduction in ("none", "mean")
]


@pytest.mark.parametrize(
    ("case", "layout", "reduction"), LAYOUTS, ids=[f"{case}-{layout.__name__}-{r}" for case, layout, r in LAYOUTS]
)
def test_layouts(case, layout, reduction):
    names = [name for name, tensor in case.tensors().items() if tensor.dim() > 0]
    options = {**case.variant.options, "reduction": reduction}
    for changed in [[name] for name in names] + [names]:
        tensors = case.tensors()
        if layout is expanded and not tensors["targets" if "targets" in tensors else names[0]].is_floating_point():
            changed = [name for name in changed if tensors[name].is_floating_point()]
        for name in changed:
            tensors[name] = layout(tensors[name])
        theirs, ours = of_torch(case.loss, tensors, options), of_perdita(case.loss, tensors, options)
        for what, expected in theirs.items():
            if expected is not None:
                assert_close(ours[what], expected, f"{case} {changed}: {what}", relative_of(case.loss), 1e-15)
