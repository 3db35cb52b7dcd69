"""Histories, pictures and event files of runs that the command line made."""

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

import perdita

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
CLI = pathlib.Path(os.environ.get("PERDITA_CLI", pathlib.Path(__file__).parents[2] / "build/release/bin/perdita"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    if not CLI.exists():
        pytest.skip(f"there is no {CLI}: build it, or name it in PERDITA_CLI")
    folder = tmp_path_factory.mktemp("runs") / "run"
    words = ["train", "--data", "synthetic:blobs", "--epochs", "5", "--tensorboard", "yes", "--out", folder]
    subprocess.run([CLI, *words], check=True, capture_output=True)
    return folder


def test_a_run_loads_as_a_frame(run):
    frame = perdita.history(run)
    epochs = frame[frame.kind == "epoch"]
    assert list(epochs.epoch) == [1, 2, 3, 4, 5]
    assert epochs.train_loss.is_monotonic_decreasing and epochs.val_loss.notna().all()
    assert len(frame[frame.kind == "step"]) == epochs.step.iloc[-1]
    assert frame[frame.kind == "test"].accuracy.item() > 0.8


def test_values_that_are_not_finite_come_back(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text('{"kind":"epoch","epoch":1,"train_loss":null,"nonfinite":"train_loss=-inf"}\n{"kind":"ep')
    assert list(perdita.history(tmp_path).train_loss) == [-np.inf]
    path.write_text("nonsense\n")
    with pytest.raises(ValueError, match="line 1"):
        perdita.history(path)


def test_loss_curves_show_the_frame(run):
    frame = perdita.history(run)
    (ax,) = perdita.plot.loss_curves(run, log=True).axes
    lines = {line.get_label(): line for line in ax.lines}
    epochs = frame[frame.kind == "epoch"]
    np.testing.assert_array_equal(lines["training"].get_ydata(), epochs.train_loss)
    np.testing.assert_array_equal(lines["validation"].get_ydata(), epochs.val_loss)
    assert f"best: epoch {epochs.epoch[epochs.val_loss.idxmin()]}" in lines
    assert ax.get_yscale() == "log"
    with pytest.raises(ValueError, match="no epochs"):
        perdita.plot.loss_curves(frame[frame.kind == "step"])


def test_distributions_are_densities():
    losses = np.random.default_rng(1).gamma(2, size=3000)
    labels = np.arange(3000) % 3
    figure = perdita.plot.loss_distribution(np.append(losses, np.inf), by=np.append(labels, 0), names=["a", "b", "c"])
    assert [ax.get_title() for ax in figure.axes if ax.get_visible()] == [
        "a (1,000, 1 left out)",
        "b (1,000)",
        "c (1,000)",
    ]
    for ax in figure.axes[:3]:
        assert sum(patch.get_height() * patch.get_width() for patch in ax.patches) == pytest.approx(1)
        x, y = ax.lines[0].get_data()
        assert np.trapezoid(y, x) == pytest.approx(1, abs=0.02)
        np.testing.assert_allclose(
            np.interp([1, 2, 3], x, y), [1 * np.exp(-1), 2 * np.exp(-2), 3 * np.exp(-3)], atol=0.06
        )
    with pytest.raises(ValueError, match="shape"):
        perdita.plot.loss_distribution(losses, by=labels[:5])
    with pytest.raises(ValueError, match="above 0"):
        perdita.plot.loss_distribution(np.zeros(3), log=True)


def test_tensorboard_reads_the_event_file(run):
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = module.EventAccumulator(str(run), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    lines = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    for tag, kind, key in [("train_loss/step", "step", "train_loss"), ("val_loss/epoch", "epoch", "val_loss")]:
        expected = [(line[kind], np.float32(line[key])) for line in lines if line["kind"] == kind]
        assert [(scalar.step, scalar.value) for scalar in events.Scalars(tag)] == expected
    histogram = events.Histograms("test_loss")[0].histogram_value
    assert histogram.num == sum(histogram.bucket) == 200
    assert histogram.sum / histogram.num == pytest.approx(lines[-1]["loss"], rel=1e-5)
    assert sum(events.Histograms(f"test_loss/{k}")[0].histogram_value.num for k in range(3)) == 200
