"""A torch that does not offer the memory of its tensors to the core, as 2.6: losses by operators of torch, and a warning.

In another process, where the attribute that offers it is deleted before the package is imported.
"""

import subprocess
import sys

import pytest

START = """
import sys
import torch

if hasattr(torch.Tensor, "__dlpack_c_exchange_api__"):
    del torch.Tensor.__dlpack_c_exchange_api__
sys.modules["torch_c_dlpack_ext"] = None  # not installed
import perdita.torch
import perdita.torch.functional as F

numbers = torch.Generator().manual_seed(8)
x, t = torch.rand(2, 6, 4, generator=numbers).unbind()
y = torch.tensor([0, 1, 3, -100, 2, 1])


def check(ours, theirs, **keywords):
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, expected = ours(a, **keywords), theirs(b, **keywords)
    torch.testing.assert_close(found, expected)
    for leaf, loss in ((a, found), (b, expected)):
        loss.sum().backward()
    torch.testing.assert_close(a.grad, b.grad)
"""
PROGRAMS = {
    "reductions": """
T = torch.nn.functional
for reduction in ("none", "sum", "mean"):
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        operands = x.to(dtype), t.to(dtype)
        torch.testing.assert_close(F.mse_loss(*operands, reduction=reduction), T.mse_loss(*operands, reduction=reduction))
    check(lambda x, **k: F.cross_entropy(x, y, **k), lambda x, **k: T.cross_entropy(x, y, **k), reduction=reduction)
""",
    "options": """
weight = torch.rand(4, generator=numbers)
T = torch.nn.functional
check(lambda x: F.cross_entropy(x, y, weight, label_smoothing=0.1, normalize_by=7), lambda x: T.cross_entropy(
    x, y, weight, label_smoothing=0.1, reduction="sum") / 7)
loss, extras = F.cross_entropy(x, y, return_extras=True)
assert extras.losses.shape == (6,) and extras.hits.dtype == torch.bool
check(lambda x: F.linear_cross_entropy(x, torch.eye(4), y), lambda x: T.cross_entropy(x, y))
p = x.softmax(1)[torch.arange(6), y.clamp(min=0)][y >= 0]
torch.testing.assert_close(F.focal_loss(x, y), (-(1 - p) ** 2 * p.log()).mean())
""",
    "compiled": """
f = torch.compile(lambda x: F.cross_entropy(x, y), fullgraph=True, backend="aot_eager")
check(f, lambda x: torch.nn.functional.cross_entropy(x, y))
""",
    "installed": """
expected = torch.nn.CrossEntropyLoss()(x, y)
perdita.torch.install()
torch.testing.assert_close(torch.nn.CrossEntropyLoss()(x, y), expected)
z = torch.complex(x, t)
torch.testing.assert_close(torch.nn.functional.l1_loss(z, -z), 2 * z.abs().mean())
""",
    "errors": """
for wrong, says in (((x, y[:5]), "target has shape"), ((x, y, torch.rand(3)), "weight has shape")):
    try:
        F.cross_entropy(*wrong)
        raise AssertionError
    except ValueError as error:
        assert says in str(error), error
try:
    F.mse_loss(x, t, validate=True)
    raise AssertionError
except ValueError as error:
    assert "validate is not supported" in str(error), error
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_by_operators_of_torch(name):
    command = [sys.executable, "-W", "always", "-c", START + PROGRAMS[name]]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "RuntimeWarning: perdita.torch computes losses by operators of torch" in run.stderr
