"""perdita.Recorder: texts of losses with options, outputs of any type, batches that do not count, errors of a block."""

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
from perdita.errors import DomainError, DTypeError, LabelError


def history(folder, kind):
    with open(os.path.join(folder, "history.jsonl"), encoding="utf-8") as file:
        return [record for record in map(json.loads, file) if record["kind"] == kind]


def config_of(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        return json.load(file)


@pytest.mark.parametrize(
    ("loss", "options", "text"),
    [
        ("focal", {"gamma": np.float32(3)}, "focal:gamma=3.0"),
        ("focal:gamma=2", {"gamma": 3.0}, "focal:gamma=3.0"),
        ("focal:gamma=3", {"ignore_index": np.int64(7)}, "focal:gamma=3,ignore_index=7"),
        ("cross_entropy", {"label_smoothing": np.float64(0.5)}, "cross_entropy:label_smoothing=0.5"),
        ("quantile", {"q": (0.1, 0.9)}, "quantile:q=0.1/0.9"),
        ("quantile", {"q": [0.25, 0.75]}, "quantile:q=0.25/0.75"),
        ("mse", {"missing": "nan", "reduction": "sum"}, "mse:missing=nan"),
        ("batch_triplet", {"mining": "all", "soft": True}, "batch_triplet:mining=all,soft=true"),
        (F.huber_loss, {"delta": torch.tensor(2.0)}, "huber_loss:delta=2.0"),
        (perdita.functional.binary_focal_loss, {"alpha": -1}, "binary_focal_loss:alpha=1.0,alpha_by_class=false"),
        ("cross_entropy", {"weight": torch.ones(3)}, "cross_entropy"),
        ("huber:delta=2", {}, "huber:delta=2"),
        (perdita.formula("abs(y - t)"), {"reduction": "sum"}, "formula: abs(y - t)"),
    ],
)  # fmt: skip
def test_the_text_of_a_loss_has_its_options(tmp_path, loss, options, text):
    recorder = perdita.Recorder(tmp_path / "run", config={"seed": "7"})
    assert recorder.loss(loss, **options).text == text
    assert config_of(tmp_path / "run")["loss"] == text and config_of(tmp_path / "run")["seed"] == "7"
    assert os.listdir(tmp_path / "run").count("config.json.new") == 0
    recorder.loss("mse")
    assert config_of(tmp_path / "run")["loss"] == text  # the first


def test_the_loss_of_a_run_that_replaces_another(tmp_path):
    with perdita.Recorder(tmp_path / "run", loss="l1") as recorder:
        recorder.loss("l1")(np.zeros(2), np.ones(2))
    del recorder
    with perdita.Recorder(tmp_path / "run", overwrite=True) as recorder:
        criterion = recorder.loss("mse")
        assert config_of(tmp_path / "run")["loss"] == "l1"
        criterion(np.zeros(2), np.ones(2))
    assert config_of(tmp_path / "run")["loss"] == "mse"


def test_the_loss_of_a_recorder(tmp_path):
    perdita.Recorder(tmp_path / "a", loss=perdita.nn.HuberLoss(delta=2.0))
    assert config_of(tmp_path / "a")["loss"] == "huber_loss:delta=2.0"
    with pytest.raises(DomainError, match="Recorder: .*weight, which cannot be used here"):
        perdita.Recorder(tmp_path / "b", loss=perdita.nn.CrossEntropyLoss(weight=np.ones(3)))
    recorder = perdita.Recorder(tmp_path / "c")
    with pytest.raises(DTypeError, match="Recorder.loss: focal: gamma is 'two'"):
        recorder.loss("focal", gamma="two")
    with pytest.raises(DTypeError, match="Recorder.loss: focal: .*unexpected keyword argument 'gama'"):
        recorder.loss("focal", gama=2)
    with pytest.raises(DTypeError, match="Recorder.loss: got return_extras"):
        recorder.loss("focal", return_extras=True)
    with pytest.raises(DTypeError, match="Recorder.loss: got return_extras"):
        recorder.loss("mse")(np.zeros(2), np.zeros(2), return_extras=True)
    assert recorder.steps == 0


@pytest.mark.parametrize("make", [np.array, torch.tensor, lambda values: values], ids=["numpy", "torch", "lists"])
def test_outputs_of_any_type(tmp_path, make):
    recorder = perdita.Recorder(tmp_path / "run", epochs="manual")
    with pytest.raises(LabelError, match=r"Recorder: targets\[1\] is 3, but outputs has 3 classes \(valid: 0..2\)"):
        recorder(make([0.5, 0.5]), make([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]), make([0, 3]))
    for words, arguments in {
        "outputs is a list of .*U": ([0.5], [["a", "b"]], [0]),
        "losses is a str": ("low", None, None),
        "outputs is a list that NumPy cannot read": ([0.5], [[1.0, 2.0], [1.0]], [0]),
    }.items():
        with pytest.raises(DTypeError, match=words):
            recorder(*arguments)
    assert recorder.steps == 0
    mean = recorder(make([0.5, 1.5]), make([[1, 2, 3], [5, 2, 3]]), make([0, 0]), index=make([0, 1]))  # integer logits
    assert float(mean) == 1.0
    recorder(make([1, 3]), make([2, -1]), make([1, 1]), index=make([2, 3]))
    np.testing.assert_allclose(recorder.samples()["margins"], [-2, 2, 2, -1])
    np.testing.assert_allclose(recorder.samples()["losses"], [0.5, 1.5, 1, 3])


def test_losses_of_lists(tmp_path):
    recorder = perdita.Recorder(tmp_path / "run", epochs="manual")
    loss, gradient = recorder.loss("binary_cross_entropy_with_logits")([0.5, -1.0], [1.0, 1.0], index=[0, 1])
    assert loss == pytest.approx(np.log1p(np.exp([-0.5, 1.0])).mean()) and gradient.shape == (2,)
    recorder.loss("cross_entropy")([[1.0, 2.0], [3.0, 1.0]], [0, 0], index=[2, 3])
    np.testing.assert_allclose(recorder.samples()["margins"], [0.5, -1, -1, 2])


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_batches_in_which_nothing_counts(tmp_path, library):
    recorder = perdita.Recorder(tmp_path / "run", epochs="manual", num_samples=4)
    as_array = torch.from_numpy if library == "torch" else np.asarray
    criterion = recorder.loss("cross_entropy")
    criterion(as_array(np.zeros((2, 3))), as_array(np.array([0, 1])), index=[0, 1])
    criterion(as_array(np.zeros((2, 3))), as_array(np.array([-100, -100])), index=[2, 3])
    criterion(as_array(np.zeros((0, 3))), as_array(np.zeros(0, np.int64)), index=[])
    recorder(as_array(np.zeros(0)), as_array(np.zeros((0, 3))), as_array(np.zeros(0, np.int64)), index=[])
    recorder.epoch()
    assert history(tmp_path / "run", "epoch")[0]["train_loss"] == pytest.approx(np.log(3))


def test_an_error_while_finishing_after_an_error_is_a_warning(tmp_path):
    class Failing:
        def log_epoch(self, values, epoch):
            pass

        def log_report(self, path):
            raise OSError("no connection")

    with (
        pytest.warns(RuntimeWarning, match="could not be finished: no connection"),
        pytest.raises(ZeroDivisionError),
        perdita.Recorder(tmp_path / "run", loggers=[Failing()]) as recorder,
    ):
        recorder.loss("mse")(np.zeros(2), np.ones(2))
        raise ZeroDivisionError


def run_two(program, folder):
    """The exit statuses of two processes that run the program, and what they wrote to standard error."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    running = [
        subprocess.Popen([*command, str(rank), str(folder)], stderr=subprocess.PIPE, text=True) for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=90)[1] for process in running]
    finally:
        for process in running:
            process.kill()
    return [process.returncode for process in running], errors


FAILING_PROCESS = """
    import os, sys
    import torch
    import torch.distributed as dist
    import perdita
    rank, folder = int(sys.argv[1]), sys.argv[2]
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    with perdita.Recorder(os.path.join(folder, "run"), num_samples=12, loss="mse") as recorder:
        recorder.loss("mse")(torch.zeros(2), torch.ones(2), index=[rank, rank + 2])
        if rank == 1:
            raise ZeroDivisionError
        dist.barrier()
"""


def test_an_error_of_one_process_ends_all(tmp_path):
    statuses, errors = run_two(FAILING_PROCESS, tmp_path)
    assert all(statuses), errors
    assert "ZeroDivisionError" in errors[1]
    assert os.path.exists(tmp_path / "run" / "report.html"), errors


PROCESS_WITHOUT_STEPS = """
    import os, sys
    import torch
    import torch.distributed as dist
    import perdita
    rank, folder = int(sys.argv[1]), sys.argv[2]
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    with perdita.Recorder(os.path.join(folder, "run"), num_samples=12, loss="mse") as recorder:
        if rank == 0:
            recorder.loss("mse")(torch.zeros(2), torch.ones(2), index=[0, 1])
    assert recorder.is_finished
    dist.destroy_process_group()
"""


def test_a_process_without_steps_takes_part_in_the_end(tmp_path):
    statuses, errors = run_two(PROCESS_WITHOUT_STEPS, tmp_path)
    assert statuses == [0, 0], errors
