"""perdita.callbacks with the packages that they are for; those that are not installed are skipped.

scripts/test-third-party.sh installs them.
"""

import importlib.util
import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import perdita

SEED = 7
GENERATOR = np.random.default_rng(SEED)
X = GENERATOR.normal(size=(96, 4)).astype(np.float32)
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype(np.int64)
TRAIN, VALID = slice(0, 64), slice(64, 96)


def network():
    torch.manual_seed(SEED)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))


def loader(part, *, with_index=False, batch_size=16):
    arrays = [torch.from_numpy(X[part]), torch.from_numpy(Y[part])]
    if with_index:
        arrays.insert(0, torch.arange(len(arrays[1])))
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*arrays), batch_size=batch_size)


def check_run(folder, epochs, *, steps=4, has_margins=False, has_validation=True):
    """The history of a run of so many epochs with finite losses; returns its epochs."""
    with open(os.path.join(folder, "history.jsonl"), encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    found = [record for record in records if record["kind"] == "epoch"]
    assert len(found) == epochs
    assert sum(record["kind"] == "step" for record in records) == epochs * steps
    assert all(np.isfinite(record["train_loss"]) for record in found)
    if has_validation:
        assert all(np.isfinite(record["val_loss"]) for record in found), found
    assert os.path.exists(os.path.join(folder, "suspects.csv")) == has_margins
    assert os.path.exists(os.path.join(folder, "report.html"))
    return found


@pytest.mark.parametrize("way", ["recorder.loss", "callback", "environment"])
def test_lightning(tmp_path, way, monkeypatch):
    lightning = pytest.importorskip("lightning.pytorch")
    from perdita.callbacks.lightning import Callback, callbacks

    assert callbacks() == []
    recorder = None
    if way != "environment":
        recorder = perdita.Recorder(tmp_path / "run", loss="cross_entropy", num_samples=64)
    else:
        monkeypatch.setenv("PERDITA_RUN", str(tmp_path / "run"))
    criterion = recorder.loss("cross_entropy") if way == "recorder.loss" else None

    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = network()

        def training_step(self, batch, batch_idx):
            index, x, y = batch
            logits = self.net(x)
            if criterion is not None:
                return criterion(logits, y, index=index)
            losses = torch.nn.functional.cross_entropy(logits, y, reduction="none")
            return {
                "loss": losses.mean(),
                "losses": losses.detach(),
                "logits": logits.detach(),
                "targets": y,
                "index": index,
            }

        def validation_step(self, batch, batch_idx):
            _, x, y = batch
            logits = self.net(x)
            self.log("val_loss", torch.nn.functional.cross_entropy(logits, y))
            return {"logits": logits, "targets": y}

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    chosen = callbacks() if way == "environment" else [Callback(recorder)]
    trainer = lightning.Trainer(
        max_epochs=3, callbacks=chosen, logger=False, enable_progress_bar=False, enable_model_summary=False,
        accelerator="cpu", accumulate_grad_batches=2, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(Model(), loader(TRAIN, with_index=True), loader(VALID, with_index=True))
    epochs = check_run(tmp_path / "run", 3, has_margins=True)
    assert [epoch["lr"] for epoch in epochs] == pytest.approx([0.1] * 3)
    model = network()
    first = torch.nn.functional.cross_entropy(model(torch.from_numpy(X[:16])), torch.from_numpy(Y[:16])).item()
    with open(tmp_path / "run" / "history.jsonl", encoding="utf-8") as file:
        assert json.loads(file.readline())["train_loss"] == pytest.approx(first, rel=1e-5)


def test_ignite(tmp_path):
    pytest.importorskip("ignite")
    from ignite.engine import create_supervised_evaluator, create_supervised_trainer
    from ignite.metrics import Accuracy, Loss

    from perdita.callbacks.ignite import attach

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = perdita.Recorder(tmp_path / "run")
    trainer = create_supervised_trainer(model, optimizer, recorder.loss("cross_entropy"))
    metrics = {"loss": Loss(torch.nn.functional.cross_entropy), "accuracy": Accuracy()}
    evaluator = create_supervised_evaluator(model, metrics)
    attach(recorder, trainer, evaluator, optimizer)
    from ignite.engine import Events

    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: evaluator.run(loader(VALID)))
    trainer.run(loader(TRAIN), max_epochs=3)
    epochs = check_run(tmp_path / "run", 3)
    assert epochs[-1]["val_accuracy"] == pytest.approx(evaluator.state.metrics["accuracy"])
    assert epochs[-1]["val_loss"] == pytest.approx(evaluator.state.metrics["loss"])


def test_skorch(tmp_path):
    skorch = pytest.importorskip("skorch")
    from perdita.callbacks.skorch import Callback

    recorder = perdita.Recorder(tmp_path / "run")
    net = skorch.NeuralNetClassifier(
        network(), criterion=torch.nn.CrossEntropyLoss, max_epochs=3, batch_size=16, lr=0.1, verbose=0,
        train_split=skorch.dataset.ValidSplit(4), callbacks=[Callback(recorder)],
    )  # fmt: skip
    net.fit(X, Y)
    epochs = check_run(tmp_path / "run", 3, steps=5)
    assert [epoch["val_loss"] for epoch in epochs] == pytest.approx(net.history[:, "valid_loss"])
    assert [epoch["val_accuracy"] for epoch in epochs] == pytest.approx(net.history[:, "valid_acc"])
    assert [epoch["train_loss"] for epoch in epochs] == pytest.approx(net.history[:, "train_loss"], rel=1e-5)


KERAS = """
    import os, sys
    os.environ["KERAS_BACKEND"] = sys.argv[2]
    import keras, numpy, perdita
    from perdita.callbacks.keras import Callback
    x, y = numpy.load(sys.argv[1] + "/x.npy"), numpy.load(sys.argv[1] + "/y.npy")
    recorder = perdita.Recorder(sys.argv[1] + "/run", loss="cross_entropy")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    valid = x[64:], y[64:]
    found = model.fit(x[:64], y[:64], epochs=3, verbose=0, validation_data=valid, callbacks=[Callback(recorder, valid)])
    numpy.save(sys.argv[1] + "/val_loss.npy", found.history["val_loss"])
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_keras(tmp_path, backend):
    if not (importlib.util.find_spec("keras") and importlib.util.find_spec(backend)):
        pytest.skip("not installed")
    np.save(tmp_path / "x.npy", X), np.save(tmp_path / "y.npy", Y)
    subprocess.run([sys.executable, "-c", textwrap.dedent(KERAS), str(tmp_path), backend], check=True, timeout=300)
    epochs = check_run(tmp_path / "run", 3, steps=1)
    assert [epoch["val_loss"] for epoch in epochs] == pytest.approx(np.load(tmp_path / "val_loss.npy"))
    assert {"train_accuracy", "val_accuracy", "lr"} <= set(epochs[0])
    with open(tmp_path / "run" / "history.jsonl", encoding="utf-8") as file:
        last = json.loads(file.readlines()[-1])
    assert last["kind"] == "validation" and last["loss"] == pytest.approx(epochs[-1]["val_loss"], rel=1e-4)


def test_fastai(tmp_path):
    pytest.importorskip("fastai")
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.metrics import accuracy

    from perdita.callbacks.fastai import Callback

    recorder = perdita.Recorder(tmp_path / "run")
    learner = Learner(
        DataLoaders(loader(TRAIN), loader(VALID)), network(), loss_func=torch.nn.functional.cross_entropy,
        metrics=accuracy, cbs=[Callback(recorder)], path=tmp_path,
    )  # fmt: skip
    with learner.no_logging():
        learner.fit(3, lr=0.1)
    epochs = check_run(tmp_path / "run", 3)
    assert [epoch["val_loss"] for epoch in epochs] == pytest.approx([float(v[1]) for v in learner.recorder.values])
    assert "val_accuracy" in epochs[0]


@pytest.mark.parametrize("way", ["loss", "callback"])
def test_transformers(tmp_path, way):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from perdita.callbacks.transformers import Callback, indexed, loss

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network()

        def forward(self, x, labels=None):
            logits = self.net(x)
            if labels is None:
                return {"logits": logits}
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    train = [{"x": X[i], "labels": int(Y[i])} for i in range(64)]
    test = [{"x": X[i], "labels": int(Y[i])} for i in range(64, 96)]
    recorder = perdita.Recorder(tmp_path / "run", loss="cross_entropy", num_samples=64)
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"), num_train_epochs=3, per_device_train_batch_size=16, logging_steps=1,
        eval_strategy="epoch", save_strategy="epoch", report_to=[], disable_tqdm=True, use_cpu=True, learning_rate=0.1,
        gradient_accumulation_steps=2, remove_unused_columns=False,
    )  # fmt: skip
    trainer = transformers.Trainer(
        Model(), arguments, train_dataset=indexed(train) if way == "loss" else train, eval_dataset=test,
        compute_loss_func=loss("cross_entropy", recorder, indexed=True) if way == "loss" else None,
        callbacks=[Callback(recorder)],
    )  # fmt: skip
    trainer.train()
    epochs = check_run(tmp_path / "run", 3, steps=4 if way == "loss" else 2, has_margins=way == "loss")
    evaluated = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    assert [epoch["val_loss"] for epoch in epochs] == pytest.approx(evaluated)
    if way == "loss":
        batch = torch.from_numpy(X), torch.from_numpy(Y)
        assert recorder.samples()["visits"].tolist() == [3] * 64
        assert (
            abs(epochs[0]["train_loss"] - torch.nn.functional.cross_entropy(network()(batch[0]), batch[1]).item()) < 0.3
        )
    (run,) = perdita.diagnose(tmp_path / "out")
    assert run["format"].startswith("trainer_state.json") and run["epochs"] == 3
    assert os.path.exists(tmp_path / "out" / "checkpoint-6" / "perdita_recorder.pt")


def test_boosters(tmp_path):
    lightgbm, xgboost = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    from perdita.callbacks.boosting import LightGBM, xgboost_callback
    from perdita.errors import DomainError

    data, valid = lightgbm.Dataset(X[TRAIN], Y[TRAIN]), lightgbm.Dataset(X[VALID], Y[VALID])
    found: dict = {}
    with perdita.Recorder(tmp_path / "lightgbm") as recorder:
        lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 2}, data, 5, valid_sets=[data, valid],
                       valid_names=["train", "valid"],
                       callbacks=[LightGBM(recorder), lightgbm.record_evaluation(found)])  # fmt: skip
    epochs = check_run(tmp_path / "lightgbm", 5, steps=1)
    assert [epoch["train_loss"] for epoch in epochs] == pytest.approx(found["train"]["binary_logloss"])
    assert [epoch["val_loss"] for epoch in epochs] == pytest.approx(found["valid"]["binary_logloss"])
    train, valid = (xgboost.DMatrix(X[part], Y[part]) for part in (TRAIN, VALID))
    parameters = {"objective": "binary:logistic", "eval_metric": ["logloss", "error"]}
    recorder, found = perdita.Recorder(tmp_path / "xgboost"), {}
    xgboost.train(parameters, train, 5, evals=[(train, "train"), (valid, "valid")], evals_result=found, verbose_eval=False,
                  callbacks=[xgboost_callback(recorder)])  # fmt: skip
    epochs = check_run(tmp_path / "xgboost", 5, steps=1)
    assert [epoch["train_loss"] for epoch in epochs] == pytest.approx(found["train"]["logloss"])
    assert [epoch["val_error"] for epoch in epochs] == pytest.approx(found["valid"]["error"])
    with pytest.raises(DomainError, match="training set is not evaluated"):
        xgboost.train(parameters, train, 5, evals=[(valid, "valid")], verbose_eval=False,
                      callbacks=[xgboost_callback(perdita.Recorder(tmp_path / "other"))])  # fmt: skip


def test_tensorboard_logger(tmp_path):
    from torch.utils.tensorboard import SummaryWriter

    from perdita.callbacks.loggers import TensorBoard

    with SummaryWriter(str(tmp_path / "logs")) as writer:
        recorder = perdita.Recorder(tmp_path / "run", loggers=[TensorBoard(writer)])
        for loss in (3.0, 2.0, 1.0):
            recorder(loss)
            recorder.epoch(val_loss=loss + 1)
        recorder.finish()
    (run,) = perdita.diagnose(tmp_path / "logs")
    assert run["epochs"] == 3 and run["columns"]["training loss"] == "train_loss"
