"""At the hard points of tools/accuracy_table.py no loss is less exact than torch's."""

import importlib.util
import pathlib
import sys

import pytest
import torch

pytest.importorskip("mpmath")
PATH = pathlib.Path(__file__).parents[2] / "tools" / "accuracy_table.py"
spec = importlib.util.spec_from_file_location("accuracy_table", PATH)
accuracy_table = sys.modules["accuracy_table"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(accuracy_table)

BOUND = 4.0  # ULP: what is promised wherever terms do not cancel
SLACK = 1.25  # where they do, single roundings are luck, and the worst of a handful of points is known so well


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("row", list(accuracy_table.rows()), ids=str)
def test_no_loss_is_less_exact_than_torchs(row, dtype):
    measured = list(accuracy_table.measure(row, dtype))
    for what in ("value", "gradient"):
        of_kind = [m for m in measured if m.what == what]
        allowed = max(BOUND, SLACK * max(m.errors[1] for m in of_kind))
        worse = [m for m in of_kind if m.errors[0] > allowed]
        assert not worse, f"{what}: {len(worse)} points beyond {allowed:.3g} ULP:\n" + "\n".join(
            f"at {m.point}: {m.errors[0]:.3g} ULP, torch's {m.errors[1]:.3g}" for m in worse[:12]
        )


def test_the_table_measures():
    """A truth that is off by an ULP is seen."""
    row = next(row for row in accuracy_table.rows() if row.name == "mse_loss")
    off = accuracy_table.Row(row.name, lambda x, t: row.formula(x, t) * (1 + accuracy_table.mp.mpf(2) ** -20),
                             row.points, row.call)  # fmt: skip
    assert max(m.errors[0] for m in accuracy_table.measure(row, torch.float32)) < 3
    assert min(m.errors[0] for m in accuracy_table.measure(off, torch.float32) if m.what == "value") > 5
