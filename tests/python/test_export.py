"""torch.export with dynamic shapes: one program for batches and masks of every size."""

import pytest
import torch

import perdita.torch.functional as F
from test_transforms import Criterion


def _numbers(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def _of_cox(n, *_):
    return _numbers(n), torch.rand(n), torch.randint(0, 2, (n,))


def _of_negatives(n, *_):
    return _numbers(n, 4), _numbers(n, 4), _numbers(n, 3, 4)


def _of_classes(n, height, width):
    return _numbers(n, 3, height, width), torch.randint(0, 3, (n, height, width))


def _of_masks(n, height, width):
    return _numbers(n, height, width), torch.randint(0, 2, (n, height, width)).double()


ROWS = {0: "n"}
CLASSES = {0: "n", 2: "height", 3: "width"}
PIXELS = {0: "n", 1: "height", 2: "width"}
CASES = {
    "cox": (F.cox_loss, _of_cox, (ROWS, ROWS, ROWS)),
    "cox, breslow": (lambda *t: F.cox_loss(*t, ties="breslow"), _of_cox, (ROWS, ROWS, ROWS)),
    "info_nce": (F.info_nce_loss, lambda n, *_: (_numbers(n, 4), _numbers(n, 4)), (ROWS, ROWS)),
    "info_nce, negatives": (F.info_nce_loss, _of_negatives, (ROWS, ROWS, ROWS)),
    "lovasz of classes": (F.lovasz_loss, _of_classes, (CLASSES, PIXELS)),
    "lovasz of masks": (F.lovasz_loss, _of_masks, (PIXELS, PIXELS)),
    "lovasz of a batch": (lambda *t: F.lovasz_loss(*t, batch=True), _of_classes, (CLASSES, PIXELS)),
    "dice": (F.dice_loss, _of_classes, (CLASSES, PIXELS)),
    "cross_entropy": (F.cross_entropy, _of_classes, (CLASSES, PIXELS)),
    "smoothed": (lambda *t: F.cross_entropy(*t, label_smoothing=0.1), _of_classes, (CLASSES, PIXELS)),
}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_dynamic_sizes(name, strict):
    """Exported with as many rows of pixels as there are classes, which must not fix either number."""
    loss, operands, dims = CASES[name]
    torch.manual_seed(0)
    sizes = {size: torch.export.Dim(size) for size in ("n", "height", "width")}
    dynamic = tuple({at: sizes[size] for at, size in dim.items()} for dim in dims)
    program = torch.export.export(Criterion(loss), operands(5, 3, 2), dynamic_shapes=(dynamic,), strict=strict)
    for size in ((5, 3, 2), (7, 4, 6), (1, 3, 2), (2, 1, 1), (1, 1, 1)):
        given = operands(*size)
        torch.testing.assert_close(program.module()(*given), loss(*given), rtol=1e-10, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("strict", [False, True])
def test_a_cox_loss_of_no_samples(strict):
    """Is NaN in a program that was exported with some, as in a plain call."""
    samples = torch.export.Dim("samples")
    program = torch.export.export(
        Criterion(F.cox_loss), _of_cox(5), dynamic_shapes=(({0: samples},) * 3,), strict=strict
    )
    assert program.module()(*_of_cox(0)).isnan() and F.cox_loss(*_of_cox(0)).isnan()
    events = _numbers(3), torch.rand(3), torch.zeros(3, dtype=torch.int64)
    assert program.module()(*events).item() == F.cox_loss(*events).item() == 0
