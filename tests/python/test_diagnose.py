"""perdita.diagnose: logs as programs write them, compared with the numbers that were logged; findings; errors."""

import json
import math

import numpy as np
import pytest

import perdita
from perdita.errors import DataError, DomainError, DTypeError, FileError

HEALTHY = [(2.3 * 0.6**e + 0.1, 2.3 * 0.62**e + 0.15) for e in range(12)]
OVERFITTING = [(2.0 * 0.7**e, 2.0 * 0.7**e + 0.4 + (0.15 * (e - 4) if e > 4 else 0.0)) for e in range(20)]
DIVERGING = [(2.0, 2.0), (1.5, 1.6), (math.nan, math.nan)]


def issues_of(path, **options):
    (run,) = perdita.diagnose(path, **options)
    return [finding["issue"] for finding in run["findings"]]


# ---- formats, each with the same curves ----


def keras_csv(folder, curves):
    lines = ["epoch,accuracy,loss,val_accuracy,val_loss"]
    lines += [f"{e},{0.5},{train},{0.5},{val}" for e, (train, val) in enumerate(curves)]
    (folder / "training.log").write_text("\n".join(lines) + "\n")
    return folder / "training.log"


def keras_history(folder, curves):
    train, val = zip(*curves, strict=True)
    (folder / "history.json").write_text(json.dumps({"loss": train, "val_loss": val}) + "\n")
    return folder / "history.json"


def lightning_csv(folder, curves):
    """As CSVLogger writes it: rows with gaps, of steps, of validation, and of epochs."""
    lines = ["epoch,step,train_loss_epoch,train_loss_step,val_loss"]
    for e, (train, val) in enumerate(curves):
        lines += [f"{e},{10 * e + s},,{train},\n{e},{10 * e + s},,{train}," for s in (4, 9)]
        lines += [f"{e},{10 * e + 9},,,{val}", f"{e},{10 * e + 9},{train},,"]
    run = folder / "lightning_logs" / "version_0"
    run.mkdir(parents=True)
    (run / "metrics.csv").write_text("\n".join(lines) + "\n")
    return folder / "lightning_logs"


def fastai_csv(folder, curves):
    lines = ["epoch,train_loss,valid_loss,accuracy,time"]
    lines += [f"{e},{train:.6f},{val:.6f},0.5,00:03" for e, (train, val) in enumerate(curves)]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")
    return folder


def ultralytics_csv(folder, curves):
    lines = ["                  epoch,         train/box_loss,         train/cls_loss,       metrics/mAP50(B),"
             "           val/box_loss,           val/cls_loss,                 lr/pg0"]  # fmt: skip
    lines += [f"{e + 1}, {0.3 * train}, {0.7 * train}, 0.5, {0.3 * val}, {0.7 * val}, 0.01" for e, (train, val) in
              enumerate(curves)]  # fmt: skip
    (folder / "results.csv").write_text("\n".join(lines) + "\n")
    return folder


def transformers_state(folder, curves):
    """trainer_state.json of a run that logs twice per epoch and evaluates after each."""
    log, step = [], 0
    for e, (train, val) in enumerate(curves):
        for part in (0.5, 1.0):
            step += 50
            log.append({"epoch": e + part, "grad_norm": 1.0, "learning_rate": 1e-3, "loss": train, "step": step})
        log.append(
            {"epoch": e + 1.0, "eval_loss": val, "eval_runtime": 1.5, "eval_samples_per_second": 9.0, "step": step}
        )
    log.append({"epoch": float(len(curves)), "step": step, "total_flos": 1.0, "train_loss": 9.0, "train_runtime": 60.0})
    checkpoint = folder / "checkpoint-100"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text(json.dumps({"epoch": 3.0, "log_history": log}, indent=2))
    return folder


def json_lines(folder, curves):
    lines = [json.dumps({"epoch": e, "train": {"loss": train}, "dev": {"loss": val}}) for e, (train, val) in
             enumerate(curves)]  # fmt: skip
    (folder / "metrics.jsonl").write_text("\n".join(lines) + '\n{"epoch": 12, "tra')
    return folder


def tensorboard(folder, curves):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for e, (train, val) in enumerate(curves):
            writer.add_scalar("Loss/train", train, e)
            writer.add_scalar("Loss/validation", val, e)
            writer.add_histogram("weights", np.arange(4.0), e)
    return folder


def tensorboard_of_keras(folder, curves):
    """Files train/ and validation/ with scalars as tensors, as tf.summary writes them."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    for side, values in zip(("train", "validation"), zip(*curves, strict=True), strict=True):
        writer = EventFileWriter(str(folder / side))
        for e, value in enumerate(values):
            summary = Summary(value=[Summary.Value(tag="epoch_loss", tensor=make_tensor_proto(np.float32(value)))])
            writer.add_event(Event(step=e, summary=summary))
        writer.close()
    return folder


def mlflow(folder, curves):
    run = folder / "mlruns" / "0" / "9a1b"
    (run / "metrics").mkdir(parents=True)
    (run / "meta.yaml").write_text("run_id: 9a1b\n")
    for name, values in zip(("train_loss", "val_loss"), zip(*curves, strict=True), strict=True):
        lines = [f"170000000{e} {value} {e}" for e, value in enumerate(values)]
        (run / "metrics" / name).write_text("\n".join(lines) + "\n")
    return folder / "mlruns"


def own_run(folder, curves):
    recorder = perdita.Recorder(folder / "run")
    for train, val in curves:
        recorder(train)
        recorder.epoch(val_loss=val)
    return folder


FORMATS = [keras_csv, keras_history, lightning_csv, fastai_csv, ultralytics_csv, transformers_state, json_lines,
           tensorboard, tensorboard_of_keras, mlflow, own_run]  # fmt: skip


@pytest.mark.parametrize("write", FORMATS)
def test_each_format_gives_the_same_findings(tmp_path, write):
    for name, curves, expected in (
        ("healthy", HEALTHY, []),
        ("overfitting", OVERFITTING, ["overfitting"]),
        ("diverging", DIVERGING, ["divergence"]),
    ):
        folder = tmp_path / name
        folder.mkdir()
        path = write(folder, curves)
        (run,) = perdita.diagnose(path)
        assert [finding["issue"] for finding in run["findings"]] == expected, run
        assert run["epochs"] == len(curves), run
        for finding in run["findings"]:
            assert finding["severity"] in ("error", "warning") and finding["link"].startswith("docs/diagnosis.md#")
        if name == "overfitting":
            evidence = run["findings"][0]["evidence"]
            assert evidence["best_epoch"] == 1 + min(range(20), key=lambda e: OVERFITTING[e][1])
            assert evidence["best_val_loss"] == pytest.approx(min(val for _, val in OVERFITTING), rel=1e-5)


def test_columns_are_reported(tmp_path):
    (run,) = perdita.diagnose(ultralytics_csv(tmp_path, HEALTHY))
    assert run["columns"] == {
        "training loss": "train/box_loss + train/cls_loss",
        "validation loss": "val/box_loss + val/cls_loss",
        "learning rate": "lr/pg0",
        "epoch": "epoch",
    }
    assert run["ignored"] == ["metrics/mAP50(B)"]


def test_boosters(tmp_path):
    lightgbm, xgboost = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    generator = np.random.default_rng(3)
    X, y = generator.normal(size=(300, 5)), generator.integers(0, 2, 300)  # nothing to learn: boosters memorize
    parameters = {"objective": "binary", "verbose": -1, "num_leaves": 31, "min_data_in_leaf": 1, "learning_rate": 0.3}
    data = lightgbm.Dataset(X[:150], y[:150])
    found = {}
    lightgbm.train(parameters, data, 60, valid_sets=[data, lightgbm.Dataset(X[150:], y[150:], reference=data)],
                   callbacks=[lightgbm.record_evaluation(found)])  # fmt: skip
    (tmp_path / "lightgbm.json").write_text(json.dumps(found))
    found = {}
    train, valid = (xgboost.DMatrix(X[i : i + 150], y[i : i + 150]) for i in (0, 150))
    xgboost.train({"objective": "binary:logistic", "eval_metric": ["error", "logloss"]}, train, 60,
                  evals=[(train, "train"), (valid, "eval")], evals_result=found, verbose_eval=False)  # fmt: skip
    (tmp_path / "xgboost.json").write_text(json.dumps(found))
    assert issues_of(tmp_path / "lightgbm.json") == ["overfitting"]
    assert issues_of(
        tmp_path / "xgboost.json", columns={"train_loss": "train/logloss", "val_loss": "eval/logloss"}
    ) == ["overfitting"]


def test_a_folder_of_runs_and_a_baseline(tmp_path):
    for name, curves in (("good", HEALTHY), ("bad", [(t, v + 0.5) for t, v in HEALTHY])):
        (tmp_path / name).mkdir()
        fastai_csv(tmp_path / name, curves)
    bad, good = perdita.diagnose(tmp_path, baseline=tmp_path / "good")
    assert good["findings"] == []
    assert [finding["issue"] for finding in bad["findings"]] == ["worse_than_baseline"]
    assert bad["findings"][0]["evidence"]["baseline_loss"] == pytest.approx(min(v for _, v in HEALTHY), rel=1e-5)
    with pytest.raises(DomainError, match="contains 2 runs"):
        perdita.diagnose(tmp_path / "good", baseline=tmp_path)


def test_a_model_that_does_not_change(tmp_path):
    generator = np.random.default_rng(0)
    curves = [(2.3 + 0.001 * generator.normal(), 2.302585) for _ in range(5)]
    assert issues_of(keras_csv(tmp_path, curves)) == ["not_training"]


def test_what_cannot_be_told_is_said(tmp_path):
    (tmp_path / "a.csv").write_text("epoch,loss\n" + "".join(f"{e},{1 / (e + 1)}\n" for e in range(8)))
    (run,) = perdita.diagnose(tmp_path / "a.csv")
    assert any("validation loss" in each for each in run["undecided"])
    (run,) = perdita.diagnose(keras_csv(tmp_path, HEALTHY[:2]))
    assert any("2 epochs" in each for each in run["undecided"])
    noise = np.random.default_rng(1).normal(size=30) * 0.003
    (run,) = perdita.diagnose(keras_csv(tmp_path, [(0.69 + n, 0.70 + n / 2) for n in noise]))
    assert run["findings"] == [] and any("noise" in each for each in run["undecided"])


def test_steps_without_epochs(tmp_path):
    """Validations every 50 steps of one epoch, as in fine-tuning."""
    lines, step = ["step,loss,eval_loss"], 0
    for train, val in OVERFITTING:
        for _ in range(5):
            step += 10
            lines.append(f"{step},{train},")
        lines.append(f"{step},,{val}")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    assert issues_of(tmp_path / "log.csv") == ["overfitting"]


@pytest.mark.parametrize(
    ("name", "text", "error", "words"),
    [
        ("none.csv", None, FileError, ["does not exist", "trainer_state.json"]),
        ("a.csv", "x,y\n1,2\n", DataError, ["x, y", "train_loss", "--columns"]),
        ("a.csv", "", DataError, ["empty"]),
        ("a.json", '{"a": {"b": 3}}', DataError, ["not a log", "trainer_state.json"]),
        ("a.json", "[1, 2", DataError, ["a.json"]),
        ("a.jsonl", '{"loss": 1}\nnonsense\n{"loss": 2}\n', DataError, ["a.jsonl:2"]),
        ("a.db", "SQLite format 3\0...", DataError, ["SQLite", "export"]),
        ("events.out.tfevents.1", "x" * 40, DataError, ["checksum"]),
    ],
)
def test_errors_name_what_is_valid(tmp_path, name, text, error, words):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(error) as raised:
        perdita.diagnose(tmp_path / name)
    for word in words:
        assert word in str(raised.value), raised.value


def test_more_errors(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no log of training"):
        perdita.diagnose(tmp_path / "empty")
    path = keras_csv(tmp_path, HEALTHY)
    with pytest.raises(DomainError, match="no column 'lost'.*valid: epoch"):
        perdita.diagnose(path, columns={"train_loss": "lost"})
    with pytest.raises(DomainError, match="MEANING=COLUMN"):
        perdita.diagnose(path, columns={"training": "loss"})
    # The core separates choices by commas.
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "a.csv"
    log.write_text('epoch,"loss, mean"\n' + "".join(f"{i},{1 / (i + 1)}\n" for i in range(9)))
    for columns in ({"train_loss": "loss, mean"}, {"train_loss": "loss,val_loss=x"}, {"train_loss,lr": "loss"}):
        with pytest.raises(DomainError, match="diagnose: columns has .*valid: names without commas"):
            perdita.diagnose(log, columns=columns)
    with pytest.raises(DTypeError, match="diagnose: columns has 'train_loss': 1"):
        perdita.diagnose(log, columns={"train_loss": 1})


def test_cut_off_event_files_are_read(tmp_path):
    tensorboard(tmp_path, HEALTHY)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    (run,) = perdita.diagnose(tmp_path)
    assert run["epochs"] == len(HEALTHY) and run["findings"] == []


def test_values_that_were_not_logged_are_null(tmp_path):
    """As pandas writes columns with gaps: {"loss": [..], "val_loss": [null, 1.2, ..]}."""
    train, val = zip(*HEALTHY, strict=True)
    sparse = [v if e % 2 else None for e, v in enumerate(val)]
    (tmp_path / "history.json").write_text(json.dumps({"loss": train, "val_loss": sparse}))
    assert issues_of(tmp_path / "history.json") == []


def test_a_chosen_column_leaves_the_others_to_be_found(tmp_path):
    lines = ["epoch,rmse,Held out"] + [f"{e},{train},{val}" for e, (train, val) in enumerate(OVERFITTING)]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    assert issues_of(tmp_path / "log.csv", columns={"val_loss": "Held out"}) == ["overfitting"]


def test_epochs_without_a_learning_rate_have_the_last_one(tmp_path):
    lines = ["epoch,loss,val_loss,lr"]
    lines += [f"{e},{train},{val},{0.1 if e < 3 else ''}" for e, (train, val) in enumerate(HEALTHY)]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    (run,) = perdita.diagnose(tmp_path / "log.csv")
    assert not any("lowered to 0" in finding["text"] for finding in run["findings"])
    assert run["findings"] == []
