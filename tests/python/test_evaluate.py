"""perdita.evaluate beside the definitions in NumPy, from arrays and from files."""

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

import perdita
from perdita import errors

RNG = np.random.default_rng(5)
LOGITS = RNG.normal(size=(500, 4)).astype(np.float32)
LABELS = np.where(RNG.random(500) < 0.5, LOGITS.argmax(1), RNG.integers(0, 4, 500))


def log_softmax(z):
    z = z.astype(np.float64)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def test_classes_by_their_definitions():
    result = perdita.evaluate(LOGITS, LABELS, class_names=["a", "b", "c", "d"], hardest=3)
    losses = -log_softmax(LOGITS)[np.arange(500), LABELS]
    predicted = LOGITS.argmax(1)
    assert result.rows == result.counted == 500
    np.testing.assert_allclose(result.losses["mean"], losses.mean(), rtol=1e-6)
    np.testing.assert_allclose(result.losses["quantiles"]["max"], losses.max(), rtol=1e-5)
    assert result.accuracy == (predicted == LABELS).mean()
    confusion = np.zeros((4, 4), int)
    np.add.at(confusion, (LABELS, predicted), 1)
    assert result.confusion == confusion.tolist()
    assert [c["name"] for c in result.classes] == ["a", "b", "c", "d"]
    assert [sample["index"] for sample in result.hardest] == np.argsort(-losses)[:3].tolist()
    confidence = np.exp(log_softmax(LOGITS).max(1))
    bins = np.ceil(confidence * 15).astype(int)
    gaps = [abs((predicted == LABELS)[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean()
            for b in np.unique(bins)]  # fmt: skip
    np.testing.assert_allclose(result.calibration["ece"], sum(gaps), rtol=1e-5)


def test_binary_and_regression():
    z, t = RNG.normal(size=300), RNG.integers(0, 2, 300)
    z += t
    result = perdita.evaluate(z, t, "binary_cross_entropy_with_logits")
    np.testing.assert_allclose(result.losses["mean"], np.mean(np.log1p(np.exp(z)) - t * z), rtol=1e-12)
    pairs = z[t == 1][:, None] > z[t == 0][None, :]
    assert result.roc_auc == pairs.mean() and result.roc_auc_exact and result.roc_auc_error == 0
    assert [c["name"] for c in result.classes] == ["negative", "positive"]
    p = 1 / (1 + np.exp(-z))
    again = perdita.evaluate(p, t, "binary_cross_entropy_with_logits", scale="probabilities")
    np.testing.assert_allclose(again.losses["mean"], result.losses["mean"], rtol=1e-12)
    y = RNG.normal(size=(50, 2))
    result = perdita.evaluate(y, np.zeros((50, 2)), "formula: (y - t)^2", weights=np.arange(50.0))
    np.testing.assert_allclose(result.losses["mean"], np.average((y**2).mean(1), weights=np.arange(50)), rtol=1e-12)
    result = perdita.evaluate(y, 0 * y, perdita.formula(lambda y, t: (y - t) ** 2))
    np.testing.assert_allclose(result.losses["mean"], np.mean(y**2), rtol=1e-12)


def test_all_sources_give_the_same(tmp_path):
    known = perdita.evaluate(LOGITS, LABELS).to_dict()
    np.save(tmp_path / "p.npy", LOGITS)
    np.save(tmp_path / "y.npy", LABELS)
    np.savez_compressed(tmp_path / "packed.npz", logits=LOGITS, labels=LABELS)
    np.savez(tmp_path / "stored.npz", logits=LOGITS, labels=LABELS)
    wide = perdita.evaluate(LOGITS.astype(np.float64), LABELS).to_dict()
    rows = ["a,b,c,d,y"] + [",".join(map(repr, (*map(float, z), int(y)))) for z, y in zip(LOGITS, LABELS, strict=True)]
    (tmp_path / "y.csv").write_text("\n".join(rows))
    np.savetxt(tmp_path / "p.csv", LOGITS.astype(np.float64), delimiter=",", fmt="%.17g")
    assert perdita.evaluate(tmp_path / "p.csv", LABELS).to_dict() == wide  # text is read in double precision
    for predictions, targets in [
        (tmp_path / "p.npy", str(tmp_path / "y.npy")),
        (f"{tmp_path}/packed.npz:logits", f"{tmp_path}/packed.npz:labels"),
        (f"{tmp_path}/stored.npz:logits", f"{tmp_path}/y.csv:y"),
        (torch.from_numpy(LOGITS).requires_grad_(), torch.from_numpy(LABELS)),
        (np.asfortranarray(LOGITS), LABELS.astype(np.int32)),
        (np.repeat(LOGITS, 2, axis=0)[::2], LABELS[::-1][::-1]),
        (np.load(tmp_path / "p.npy", mmap_mode="r"), LABELS.tolist()),
    ]:
        assert perdita.evaluate(predictions, targets).to_dict() == known


def test_what_it_says_and_writes(tmp_path):
    np.save(tmp_path / "p.npy", LOGITS)
    result = perdita.evaluate(tmp_path / "p.npy", LABELS)
    assert "accuracy" in repr(result) and "calibration error" in str(result)
    assert "accuracy" in dir(result)
    with pytest.raises(AttributeError, match="no 'acuracy'.*accuracy"):
        _ = result.acuracy
    result.save(tmp_path / "new" / "folder")
    assert json.loads((tmp_path / "new/folder/evaluation.json").read_text()) == result.to_dict()
    page = (tmp_path / "new/folder/report.html").read_text()
    assert str(tmp_path / "p.npy") in page and "<svg" in page
    assert "p.npy&#39;, targets, &#39;cross_entropy&#39;)" in page or "p.npy', targets, 'cross_entropy')" in page
    with pytest.raises(OSError, match="p.npy"):
        result.save(tmp_path / "p.npy" / "below")


def test_bad_input(tmp_path):
    (tmp_path / "torn.npy").write_bytes(b"\x93NUMPY\x01\x00")
    huge = np.full(500, 2**64 - 1, np.uint64)
    for error, message, call in [
        (errors.ShapeError, "500 rows.*499", lambda: perdita.evaluate(LOGITS, LABELS[1:])),
        (errors.LabelError, "9", lambda: perdita.evaluate(LOGITS, np.full(500, 9))),
        (errors.DTypeError, "predictions holds", lambda: perdita.evaluate(LOGITS.astype(complex), LABELS)),
        (errors.DomainError, "did you mean", lambda: perdita.evaluate(LOGITS, LABELS, "cross_entropi")),
        (errors.DomainError, "scale is 'logit'", lambda: perdita.evaluate(LOGITS, LABELS, scale="logit")),
        (errors.DomainError, "2 names for 4", lambda: perdita.evaluate(LOGITS, LABELS, class_names="ab")),
        (errors.DomainError, "bins is 0", lambda: perdita.evaluate(LOGITS, LABELS, bins=0)),
        (errors.DataError, "torn.npy", lambda: perdita.evaluate(tmp_path / "torn.npy", LABELS)),
        (errors.FileError, "missing.npy", lambda: perdita.evaluate(tmp_path / "missing.npy", LABELS)),
        (errors.DataError, "there is no sample to evaluate", lambda: perdita.evaluate(LOGITS, LABELS * 0 - 100)),
        (errors.DTypeError, "targets holds strings", lambda: perdita.evaluate(LOGITS, LABELS.astype(str))),
        (errors.DTypeError, "targets holds Python objects", lambda: perdita.evaluate(LOGITS, LABELS.astype(object))),
        (errors.DTypeError, "predictions holds complex", lambda: perdita.evaluate(LOGITS + 0j, LABELS)),
        (errors.DTypeError, "18446744073709551615", lambda: perdita.evaluate(LOGITS, huge)),
        (errors.DomainError, "masked", lambda: perdita.evaluate(np.ma.masked_greater(LOGITS, 0), LABELS)),
    ]:
        with pytest.raises(error, match=message):
            call()


def sparse(path, rows, columns, dtype):
    """An NPY file of zeros that takes no room on the disk."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {(rows, columns) if columns else (rows,)}, }}"
    header += " " * (64 - (len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        file.truncate(file.tell() + rows * max(columns, 1) * np.dtype(dtype).itemsize)


LONG = """
import sys, perdita
print("started", flush=True)
try:
    perdita.evaluate("p.npy", "y.npy")
except KeyboardInterrupt:
    sys.exit(7)
"""


def test_interrupt_and_other_threads(tmp_path):
    rows = 400_000_000  # 17 GB: it can't be done before it is interrupted
    sparse(tmp_path / "p.npy", rows, 10, "<f4")
    sparse(tmp_path / "y.npy", rows, 0, "|u1")
    # A process in the background of a shell inherits that SIGINT is ignored.
    heeds_interrupts = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    process = subprocess.Popen(
        [sys.executable, "-c", LONG], cwd=tmp_path, stdout=subprocess.PIPE, preexec_fn=heeds_interrupts
    )
    assert process.stdout.readline() == b"started\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 7
    process.stdout.close()

    done, ticks = threading.Event(), 0
    small = 20_000_000
    sparse(tmp_path / "small.npy", small, 10, "<f4")
    sparse(tmp_path / "labels.npy", small, 0, "|u1")

    def work():
        assert perdita.evaluate(os.fspath(tmp_path / "small.npy"), tmp_path / "labels.npy").rows == small
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.wait(0.001):
        ticks += 1
    thread.join()
    assert ticks > 10  # this thread ran while the other evaluated


def test_what_is_left_out_is_said():
    p, y = np.array([[0, 1], [1, 0], [0.7, 0.3]]), np.array([1, 1, 0])
    with pytest.warns(UserWarning, match="1 of 3 losses are not finite"):
        result = perdita.evaluate(p, y, scale="probabilities")
    assert result.accuracy == pytest.approx(2 / 3)
    assert result.counted == 3 and result.losses["samples"] == 2
    assert result.left_out == {"ignored": 0, "nan": 0, "infinite": 1, "unpredicted": 0, "first_nonfinite": 1}
    assert result.hardest[0] == {"index": 1, "loss": None, "nonfinite": "inf", "predicted": 0, "true": 1}
    text = repr(result)
    assert (
        text.startswith("warning: 1 of 3 losses") and "1 excluded because the loss is infinite (first: row 1)" in text
    )
    with pytest.warns(UserWarning, match='for probabilities, set scale="probabilities"'):
        perdita.evaluate(p, y)


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.int16, np.uint16, np.uint32, np.uint64, ">f4", ">i8"])
def test_narrow_and_odd_types_keep_their_values(dtype):
    y = np.arange(20).astype(dtype)
    result = perdita.evaluate(y, np.zeros(20), "mse")
    assert result.losses["mean"] == np.mean(np.arange(20.0) ** 2)
    assert perdita.evaluate(LOGITS, LABELS.astype(dtype)).confusion == perdita.evaluate(LOGITS, LABELS).confusion


def test_narrow_types_of_torch_and_codes_of_pandas():
    pandas = pytest.importorskip("pandas")
    for dtype in (torch.bfloat16, torch.float16):
        z = torch.from_numpy(LOGITS).to(dtype)
        assert perdita.evaluate(z, LABELS).to_dict() == perdita.evaluate(z.float(), LABELS).to_dict()
    column = pandas.Series(np.array(list("abcd"))[LABELS], dtype="category")
    assert perdita.evaluate(LOGITS, column.cat.codes).to_dict() == perdita.evaluate(LOGITS, LABELS).to_dict()
    with pytest.raises(errors.DTypeError, match="class indices"):
        perdita.evaluate(LOGITS, column)
    large = np.array([2**24 + 1, 2**24, 2**24 - 1])
    assert perdita.evaluate(np.full(3, 2**24, np.float32), large, "mse").regression["mse"] == pytest.approx(2 / 3)


def test_copies_and_pickles(tmp_path):
    result = perdita.evaluate(LOGITS, LABELS)
    for other in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert other.to_dict() == result.to_dict() and repr(other) == repr(result)
        other.save(tmp_path / "copy")
        result.save(tmp_path / "own")
        for name in ("evaluation.json", "report.html"):
            assert (tmp_path / "copy" / name).read_bytes() == (tmp_path / "own" / name).read_bytes()


def test_losses_with_their_options():
    """Modules, sums and functions are their texts; an option that a text cannot hold is an error."""
    y, t = np.random.default_rng(3).normal(size=(2, 50))
    loss = 0.5 * perdita.nn.MSELoss() + perdita.nn.HuberLoss(delta=np.float32(0.5))
    assert perdita.evaluate(y, t, loss).to_dict() == perdita.evaluate(y, t, "0.5*mse + huber:delta=0.5").to_dict()
    found = perdita.evaluate(y, t, perdita.functional.l1_loss)
    assert found.losses == perdita.evaluate(y, t, "l1").losses
    for loss in (perdita.nn.MSELoss(weight=np.ones(50)), 2.0 * perdita.nn.MSELoss(weight=np.ones(50))):
        with pytest.raises(errors.DomainError, match="evaluate: .*weight, which cannot be used here"):
            perdita.evaluate(y, t, loss)
    with pytest.raises(errors.DTypeError, match="evaluate: loss is 3"):
        perdita.evaluate(y, t, 3)
