"""The Python code of README and of the documentation runs as it is written, one block after the other."""

import pathlib
import re

import numpy as np
import pytest
import torch

import perdita

ROOT = pathlib.Path(__file__).parents[2]
HISTORY = """{"kind":"step","epoch":1,"step":1,"train_loss":2.5,"lr":0.1,"seconds":0.1}
{"kind":"epoch","epoch":1,"step":1,"train_loss":2.5,"val_loss":2.4,"lr":0.1,"seconds":0.2}
"""


def blocks_of(page):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks, page
    return blocks


def run(page, scope):
    for block in blocks_of(page):
        exec(compile(block, page, "exec"), scope)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the pages name."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("p.npy", rng.normal(size=(40, 10)).astype(np.float32))
    np.save("y.npy", rng.integers(0, 10, 40))
    (tmp_path / "runs/fashion-mnist-1").mkdir(parents=True)
    (tmp_path / "runs/fashion-mnist-1/history.jsonl").write_text(HISTORY)
    return tmp_path


def test_readme(folder):
    # What the text around the blocks supposes to be there.
    output, target = torch.randn(8, requires_grad=True), torch.randn(8)
    scope = {"output": output, "target": target, "rank": 1, "losses": np.random.default_rng(0).gamma(2.0, size=64)}
    run("README.md", scope)

    x, y, counts = scope["x"], scope["y"], torch.tensor(scope["counts"])
    balanced = perdita.torch.functional.balanced_softmax_loss(x, y, counts)
    expected = torch.nn.functional.cross_entropy(x + counts.log(), y)
    torch.testing.assert_close(balanced, expected.to(balanced.dtype))
    x.grad = None
    scope["criterion"](x, y).backward()
    assert x.grad.abs().sum() > 0
    assert len(scope["train"]) + len(scope["val"]) + len(scope["test"]) == 64
    assert {path.name for path in folder.iterdir()} >= {"evaluation", "curves.png"}
    assert (folder / "evaluation/report.html").exists()
    assert 0 <= scope["result"].accuracy <= 1


def test_recording(folder):
    run("docs/recording.md", {})
    assert {path.name for path in (folder / "runs").iterdir()} >= {"a", "b", "c"}


def test_getting_started(folder):
    scope = {}
    run("docs/getting-started/python.md", scope)
    assert scope["losses"].shape == (64,) and scope["gradient"].shape == (64, 10)
    assert scope["prediction"].grad.abs().sum() > 0


def test_user_guide(folder):
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(50, 3)).astype(np.float32), rng.integers(0, 3, 50)
    np.savez("run.npz", logits=logits, labels=labels)
    run("docs/evaluating.md", {"perdita": perdita, "logits": logits, "labels": labels})

    output, target = torch.randn(8, requires_grad=True), torch.randint(0, 2, (8,)).float()
    run("docs/formulas.md", {"perdita": perdita, "np": np, "ops": perdita.ops, "output": output, "target": target})
    logit = output.detach().requires_grad_()
    b = torch.nn.functional.softplus(logit) - target * logit
    (0.25 * (1 - torch.exp(-b)) ** 2 * b).mean().backward()
    torch.testing.assert_close(output.grad, logit.grad)

    images, masks = torch.randn(2, 3, 4, 4), torch.randint(0, 2, (2, 3, 4, 4)).float()
    run("docs/masks.md", {"logits": images, "masks": masks, "labels": torch.randint(0, 3, (2, 4, 4))})
    run("docs/pytorch.md", {})


def test_boosting():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 3))
    scope = {
        "X": X, "y": X[:, 0] + rng.normal(size=300), "w": rng.uniform(1, 2, 300), "positive": rng.integers(0, 2, 300),
        "labels": rng.integers(0, 3, 300), "claims": rng.gamma(1.0, size=300) * rng.integers(0, 2, 300),
        "counts": rng.poisson(2.0, 300), "scores": rng.normal(size=(300, 3)),
        "relevance": rng.integers(0, 4, 300), "sizes": [100] * 3,
    }  # fmt: skip
    run("docs/boosting.md", scope)
    assert (scope["low"] <= scope["median"]).all() and (scope["median"] <= scope["high"]).all()
    assert ((scope["probabilities"] > 0) & (scope["probabilities"] < 1)).all()
    assert (scope["means"] > 0).all()
    assert scope["gradient"].shape == (300, 3)
