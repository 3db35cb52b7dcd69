"""perdita.Recorder: losses, margins and epochs compared with torch; errors; resuming; several processes; its cost."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import perdita
import perdita.torch.functional as F
from perdita.errors import DomainError, DTypeError, FileError, LabelError, ShapeError

SEED = 5


def history(folder, kind=None):
    with open(os.path.join(folder, "history.jsonl"), encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    return [record for record in records if kind in (None, record["kind"])]


def batches(samples=40, classes=3, size=8, epochs=3):
    """(index, logits, labels) of some epochs, each over all samples."""
    generator = torch.Generator().manual_seed(SEED)
    labels = torch.randint(0, classes, (samples,), generator=generator)
    for _ in range(epochs):
        order = torch.randperm(samples, generator=generator)
        yield [(i, torch.randn(len(i), classes, generator=generator), labels[i]) for i in order.split(size)]


def margins_by_torch(logits, labels):
    own = logits.gather(1, labels[:, None])[:, 0]
    return own - logits.scatter(1, labels[:, None], -torch.inf).amax(1)


@pytest.mark.parametrize("way", ["loss", "losses", "numpy"])
def test_files_hold_what_torch_computes(tmp_path, way):
    recorder = perdita.Recorder(tmp_path / "run", class_names=["a", "b", "c"], num_samples=40, loss="cross_entropy")
    criterion = recorder.loss("cross_entropy")
    margins, losses, epoch_losses, hits = np.zeros(40), np.zeros(40), [], []
    for epoch in batches():
        total, correct = 0.0, 0
        for index, logits, labels in epoch:
            logits.requires_grad_()
            expected = torch.nn.functional.cross_entropy(logits, labels)
            if way == "loss":
                value = criterion(logits, labels, index=index)
            elif way == "losses":
                each = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
                value = recorder(each, logits, labels, index=index)
            else:
                value, gradient = criterion(logits.detach().numpy(), labels.numpy(), index=index.numpy())
                (by_torch,) = torch.autograd.grad(expected, logits)
                np.testing.assert_allclose(gradient, by_torch, rtol=1e-5, atol=1e-7)
            assert float(value) == pytest.approx(expected.item(), rel=1e-5)
            if way != "numpy":
                (by_torch,) = torch.autograd.grad(expected, logits)
                torch.testing.assert_close(torch.autograd.grad(value, logits)[0], by_torch)
            recorder.log(lr=torch.tensor(0.5), grad_norm=np.float32(2))
            m = margins_by_torch(logits.detach(), labels)
            margins[index] += m.numpy() / 3
            losses[index] += torch.nn.functional.cross_entropy(logits, labels, reduction="none").detach().numpy() / 3
            total += expected.item() * len(index) / 40
            correct += int((m > 0).sum())
        epoch_losses.append(total), hits.append(correct / 40)
        recorder.epoch(val_loss=1.5)
    known = recorder.samples()
    np.testing.assert_allclose(known["margins"], margins, rtol=1e-4, atol=1e-5, err_msg=f"seed {SEED}")
    np.testing.assert_allclose(known["losses"], losses, rtol=1e-4, err_msg=f"seed {SEED}")
    assert known["visits"].tolist() == [3] * 40
    recorder.finish()
    epochs = history(tmp_path / "run", "epoch")
    assert [e["train_loss"] for e in epochs] == pytest.approx(epoch_losses, rel=1e-5)
    assert [e["train_accuracy"] for e in epochs] == pytest.approx(hits)
    assert [e["val_loss"] for e in epochs] == [1.5] * 3
    assert [e["lr"] for e in epochs] == [0.5] * 3
    assert {"train_loss/a", "train_loss/b", "train_loss/c"} <= set(epochs[0])
    steps = history(tmp_path / "run", "step")
    assert len(steps) == 15 and all(s["grad_norm"] == 2 and s["lr"] == 0.5 for s in steps)
    with open(tmp_path / "run" / "suspects.csv", encoding="utf-8") as file:
        rows = [line.split(",") for line in file.read().splitlines()[1:]]
    assert [int(row[1]) for row in rows] == np.argsort(known["margins"], kind="stable").tolist()
    assert {"config.json", "diagnosis.json", "report.html", "loss.svg"} <= set(os.listdir(tmp_path / "run"))
    frame = perdita.history(tmp_path / "run")
    assert frame[frame.kind == "epoch"].epoch.tolist() == [1, 2, 3]


def test_test_data_are_evaluated_as_by_evaluate(tmp_path):
    generator = np.random.default_rng(SEED)
    logits, labels = generator.normal(size=(200, 4)).astype(np.float32), generator.integers(0, 4, 200)
    recorder = perdita.Recorder(tmp_path / "run")
    recorder.loss("focal:gamma=2")(logits[:8], labels[:8], index=range(8))
    recorder.finish(
        validation=(logits, labels), test=(torch.from_numpy(logits).bfloat16().float(), torch.from_numpy(labels))
    )
    expected = perdita.evaluate(torch.from_numpy(logits).bfloat16().float(), labels, "focal:gamma=2")
    (test,) = history(tmp_path / "run", "test")
    assert test["loss"] == pytest.approx(
        expected.losses["mean"] if "mean" in expected.losses else expected.loss, rel=1e-5
    )
    assert test["accuracy"] == pytest.approx(expected.accuracy)
    assert history(tmp_path / "run", "epoch")[0]["val_loss"] == pytest.approx(
        perdita.functional.focal_loss(logits, labels, gamma=2), rel=1e-5
    )


@pytest.mark.parametrize("loss", ["binary_cross_entropy_with_logits", "binary_cross_entropy", "binary_focal"])
def test_two_classes_have_margins(tmp_path, loss):
    scores = torch.tensor([2.0, -1.0, 0.5], requires_grad=True)
    labels = torch.tensor([1.0, 1.0, 0.0])
    inputs = scores.sigmoid() if loss == "binary_cross_entropy" else scores
    recorder = perdita.Recorder(tmp_path / "run")
    recorder.loss(loss)(inputs, labels, index=torch.tensor([0, 1, 2])).backward()
    np.testing.assert_allclose(recorder.samples()["margins"], [2, -1, -0.5], rtol=1e-5)


def test_numbers_formulas_weights_and_ignored_labels(tmp_path):
    recorder = perdita.Recorder(tmp_path / "run", epochs="manual")
    x, y = torch.randn(6, requires_grad=True), torch.randn(6)
    recorder.loss("huber:delta=2")(x, y, index=torch.arange(6)).backward()
    recorder.loss(perdita.formula("(y - t)^2"))(x, y, index=torch.arange(6)).backward()
    recorder.loss("formula: abs(y - t)")(x.detach().numpy(), y.numpy())
    assert set(recorder.samples()) == {"losses", "visits"}
    expected = F.huber_loss(x, y, "none", 2.0) + (x - y) ** 2
    np.testing.assert_allclose(recorder.samples()["losses"], expected.detach() / 2, rtol=1e-4)
    logits, labels = torch.randn(4, 3), torch.tensor([0, -100, 2, 1])
    weight = torch.tensor([1.0, 2.0, 3.0])
    value = recorder.loss("cross_entropy", weight=weight)(logits, labels)
    torch.testing.assert_close(value, torch.nn.functional.cross_entropy(logits, labels, weight))
    recorder.epoch()
    (epoch,) = history(tmp_path / "run", "epoch")
    assert epoch["train_accuracy"] == pytest.approx(
        (margins_by_torch(logits, labels.clamp(min=0))[[0, 2, 3]] > 0).float().mean()
    )


def test_pixels_are_averaged_and_counted(tmp_path):
    generator = torch.Generator().manual_seed(SEED)
    logits = torch.randn(2, 3, 4, 4, generator=generator)
    labels = torch.randint(0, 3, (2, 4, 4), generator=generator)
    recorder = perdita.Recorder(tmp_path / "run", num_samples=2)
    recorder.loss("cross_entropy")(logits, labels, index=[1, 0])
    each = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    np.testing.assert_allclose(recorder.samples()["losses"], each.mean((1, 2)).flip(0), rtol=1e-4)
    recorder.finish()
    (epoch,) = history(tmp_path / "run", "epoch")
    assert epoch["train_loss/1"] == pytest.approx(each[labels == 1].mean().item(), rel=1e-5)


def test_autocast_and_accumulated_gradients(tmp_path):
    torch.manual_seed(SEED)
    layer = torch.nn.Linear(4, 3)
    recorder = perdita.Recorder(tmp_path / "run", loss="cross_entropy")
    x, labels = torch.randn(8, 4), torch.randint(0, 3, (8,))
    criterion = recorder.loss("cross_entropy")
    for part in torch.arange(8).split(4):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = criterion(layer(x[part]), labels[part], index=part)
        (loss / 2).backward()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = torch.nn.functional.cross_entropy(layer(x).float(), labels).item()
    recorder.finish()
    assert history(tmp_path / "run", "epoch")[0]["train_loss"] == pytest.approx(expected, rel=1e-4)
    assert recorder.epochs == 1 and recorder.steps == 2


def test_losses_that_wait_on_a_device_are_read_later(tmp_path, monkeypatch):
    """As on a device: the tensors are kept, and read when an epoch ends."""
    from perdita._recorded_step import RecordedStep

    recorder = perdita.Recorder(tmp_path / "run", num_samples=40)
    original = RecordedStep.__init__

    def elsewhere(self, loss, losses, margins, labels, index, is_on_cpu):
        original(self, torch.as_tensor(loss), losses, margins, labels, index, False)

    monkeypatch.setattr(RecordedStep, "__init__", elsewhere)
    criterion = recorder.loss("cross_entropy")
    for epoch in batches(epochs=1):
        for index, logits, labels in epoch:
            criterion(logits, labels, index=index)
            recorder.log(grad_norm=torch.tensor(3.0))
    monkeypatch.setattr(RecordedStep, "__init__", original)
    assert recorder.steps == 5 and recorder._core.steps == 0
    recorder.epoch()
    assert len(history(tmp_path / "run", "step")) == 5
    assert all(step["grad_norm"] == 3 for step in history(tmp_path / "run", "step"))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda r, f: perdita.Recorder(f / "run"), FileError, ["is not empty"]),
        (lambda r, f: perdita.Recorder(f / "run", overwrite=True), FileError, ["another process is writing"]),
        (lambda r, f: perdita.Recorder(f / "new", resume=True), FileError, ["does not contain a run"]),
        (lambda r, f: perdita.Recorder(""), DomainError, ["folder is ''"]),
        (lambda r, f: perdita.Recorder(f / "new", epochs="often"), DomainError, ["'often'", "'manual'"]),
        (lambda r, f: perdita.Recorder(f / "new", charts=["pdf"]), DomainError, ["'pdf'", "'svg'"]),
        (lambda r, f: perdita.Recorder(f / "new", loss=3), DTypeError, ["loss is 3"]),
        (lambda r, f: r.loss("focul"), DomainError, ["focul", "focal"]),
        (lambda r, f: r.loss(len), DTypeError, ["perdita.functional"]),
        (lambda r, f: r.loss("mse")(np.zeros(3), np.zeros(3), index=[0, 1, 9]), LabelError, ["index[2] is 9", "0..3"]),
        (lambda r, f: r.loss("mse")(np.zeros(3), np.zeros(3), index=[0, 1]), ShapeError, ["2 entries", "3 rows"]),
        (lambda r, f: r.loss("mse")(np.zeros(2), np.zeros(2), index=[0.5, 1]), DTypeError, ["index holds float64"]),
        (lambda r, f: r(np.zeros(2), np.zeros((2, 3)), np.array([0, 2])), LabelError, ["label[1] is 2", "class name"]),
        (lambda r, f: r(np.zeros(2), np.zeros((2, 3)), np.array([0, 1, 1])), ShapeError, ["[2, 3]", "[3]"]),
        (lambda r, f: r.log(lr="fast"), DTypeError, ["lr is 'fast'"]),
        (lambda r, f: r.log(epoch=1), DomainError, ["'epoch'"]),
        (lambda r, f: r.epoch(), DomainError, ["no step"]),
        (lambda r, f: r.finish(), DomainError, ["no step"]),
        (lambda r, f: r.epoch(validation=np.zeros(3)), DTypeError, ["validation", "(outputs, targets)"]),
        (lambda r, f: r.load_state_dict({}), DomainError, ["state_dict()"]),
    ],
)
def test_errors_name_what_is_valid(tmp_path, call, error, words):
    recorder = perdita.Recorder(tmp_path / "run", class_names=["a", "b"], num_samples=4)
    with pytest.raises(error) as raised:
        call(recorder, tmp_path)
    for word in words:
        assert word in str(raised.value)
    assert recorder.steps == 0
    assert set(os.listdir(tmp_path)) == {"run"}


def test_the_report_of_a_block_that_fails_exists(tmp_path):
    with pytest.raises(ZeroDivisionError), perdita.Recorder(tmp_path / "run") as recorder:
        recorder.loss("mse")(np.zeros(2), np.ones(2))
        raise ZeroDivisionError
    assert recorder.is_finished and os.path.exists(tmp_path / "run" / "report.html")


def test_a_run_continues_from_a_checkpoint(tmp_path):
    def train(recorder, epochs):
        criterion = recorder.loss("cross_entropy")
        for epoch in epochs:
            for index, logits, labels in epoch:
                criterion(logits, labels, index=index)
            recorder.epoch()

    whole, cut = (perdita.Recorder(tmp_path / name, num_samples=40) for name in ("whole", "cut"))
    all_epochs = list(batches())
    train(whole, all_epochs)
    train(cut, all_epochs[:1])
    torch.save(cut.state_dict(), tmp_path / "checkpoint.pt")
    train(cut, all_epochs[1:2])
    del cut
    resumed = perdita.Recorder(tmp_path / "cut", num_samples=40, resume=True)
    with pytest.raises(DomainError, match="load_state"):
        resumed.loss("mse")(np.zeros(2), np.ones(2))
    resumed.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=False))
    train(resumed, all_epochs[1:])
    whole.finish(), resumed.finish()
    for a, b in zip(history(tmp_path / "whole"), history(tmp_path / "cut"), strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
    assert (tmp_path / "whole" / "suspects.csv").read_text() == (tmp_path / "cut" / "suspects.csv").read_text()


PROCESS = """
    import os, sys
    import torch
    import torch.distributed as dist
    import perdita
    rank, folder = int(sys.argv[1]), sys.argv[2]
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        perdita.Recorder(folder)  # occupied by the file of the processes
        raise SystemExit("no error")
    except OSError as error:
        assert "not empty" in str(error), error
    recorder = perdita.Recorder(os.path.join(folder, "run"), num_samples=12, loss="cross_entropy")
    criterion = recorder.loss("cross_entropy")
    generator = torch.Generator().manual_seed(1)
    logits, labels = torch.randn(2, 12, 3, generator=generator), torch.randint(0, 3, (12,), generator=generator)
    for epoch in range(2):
        index = torch.arange(rank, 12, 2)
        criterion(logits[epoch, index], labels[index], index=index)
        recorder.epoch(validation=(logits[0], labels))
        state = recorder.state_dict()
    assert len(state["counts"]) == 2
    recorder.finish()
    dist.destroy_process_group()
"""


def test_processes_are_merged(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(PROCESS)]
    running = [
        subprocess.Popen([*command, str(rank), str(tmp_path)], stderr=subprocess.PIPE, text=True) for rank in range(2)
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    alone = perdita.Recorder(tmp_path / "alone", num_samples=12, loss="cross_entropy")
    generator = torch.Generator().manual_seed(1)
    logits, labels = torch.randn(2, 12, 3, generator=generator), torch.randint(0, 3, (12,), generator=generator)
    for epoch in range(2):
        alone.loss("cross_entropy")(logits[epoch], labels, index=torch.arange(12))
        alone.epoch(validation=(logits[0], labels))
    alone.finish()
    for a, b in zip(history(tmp_path / "alone", "epoch"), history(tmp_path / "run", "epoch"), strict=True):
        assert a.keys() == b.keys()
        for key in a.keys() - {"kind", "seconds"}:
            assert a[key] == pytest.approx(b[key], rel=1e-6), key
    assert (tmp_path / "alone" / "suspects.csv").read_text() == (tmp_path / "run" / "suspects.csv").read_text()


class Logger:
    def __init__(self):
        self.epochs, self.reports = [], []

    def log_epoch(self, values, epoch):
        self.epochs.append((epoch, values))

    def log_report(self, path):
        self.reports.append(path)


def test_loggers_get_each_epoch_and_the_report(tmp_path):
    logger = Logger()
    recorder = perdita.Recorder(tmp_path / "run", loggers=[logger], num_samples=40)
    criterion = recorder.loss("cross_entropy")
    for epoch in batches():  # epochs end automatically
        for index, logits, labels in epoch:
            criterion(logits, labels, index=index)
    recorder.finish()
    assert [epoch for epoch, _ in logger.epochs] == [1, 2, 3]
    expected = [record["train_loss"] for record in history(tmp_path / "run", "epoch")]
    assert [values["train_loss"] for _, values in logger.epochs] == pytest.approx(expected)
    assert logger.reports == [str(tmp_path / "run" / "report.html")]
