"""torch's operator database under every transform: a selection of the samples, the same ones in every run.

`python -m opinfo` in this folder runs all of them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opinfo.all_categories import CATEGORIES
from opinfo.known import reason_of

HERE = Path(__file__).parent
SELECTED = [category for category in CATEGORIES if category.selected]
pytestmark = pytest.mark.xdist_group("opinfo")  # one process runs the samples of all tests


@pytest.fixture(scope="module")
def results(request, tmp_path_factory):
    """Records by category. The samples run in a process without the threads of this one, which forks: a crash or a hang is
    an outcome of a sample."""
    chosen = {item.callspec.params["category"].name for item in request.session.items if _is_of_samples(item)}
    file = tmp_path_factory.mktemp("opinfo") / "results.jsonl"
    command = [sys.executable, "-m", "opinfo", "--selection", "--results", str(file)]
    names = [argument for name in sorted(chosen) for argument in ("--only", name)]
    done = subprocess.run([*command, *names], cwd=HERE, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict = {}
    for category, *record in map(json.loads, file.read_text().splitlines()):
        found.setdefault(category, []).append(record)
    return found


def _is_of_samples(item):
    return getattr(item, "originalname", "") == "test_samples" and "category" in item.callspec.params


@pytest.mark.parametrize("category", SELECTED, ids=[category.name for category in SELECTED])
def test_samples(category, results):
    records = results[category.name]
    assert records
    wrong = [record for record in records if not reason_of(category.name, *record)]
    assert not wrong, "\n".join(f"{operator}[{number}]: {outcome}: {text}" for operator, number, outcome, text in wrong)
