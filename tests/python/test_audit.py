"""perdita.audit: results against definitions in NumPy and the recorded results of cleanlab, files, errors."""

import csv
import json
import pathlib
import pickle

import numpy as np
import pytest

import perdita

VECTORS = json.loads((pathlib.Path(__file__).parents[1] / "data/audit_vectors.json").read_text())["problems"]


def random_problem(seed, rows=500, classes=4):
    random = np.random.default_rng(seed)
    true = random.integers(0, classes, rows)
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), true] += 3
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(1, keepdims=True)
    return probabilities, np.where(random.random(rows) < 0.1, (true + 1) % classes, true), logits


@pytest.mark.parametrize("number", range(len(VECTORS)))
def test_sets_of_cleanlab(number):
    wanted = VECTORS[number]
    for name, rows in wanted["sets"].items():
        found = perdita.audit(wanted["probabilities"], wanted["labels"], filter=name)
        assert np.flatnonzero(found.is_issue).tolist() == rows, name
        assert sorted(found.rows) == rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_definitions(dtype):
    probabilities, labels, _ = random_problem(1)
    probabilities = probabilities.astype(dtype)
    result = perdita.audit(probabilities, labels, filter="confident_learning", score="normalized_margin")
    index = np.arange(len(labels))
    own = probabilities[index, labels]
    thresholds = np.array([own[labels == k].mean() for k in range(4)])
    np.testing.assert_allclose([entry["threshold"] for entry in result.classes], thresholds, rtol=1e-6)
    reached = probabilities >= thresholds - 1e-6
    confident = np.where(reached.any(1), np.where(reached, probabilities, -1).argmax(1), -1)
    assert result.confident_rows == (confident >= 0).sum()
    joint = np.zeros((4, 4), int)
    several = reached.sum(1) > 1
    confident[several] = probabilities.argmax(1)[several]
    np.add.at(joint, (labels[confident >= 0], confident[confident >= 0]), 1)
    np.testing.assert_array_equal(result.confident_joint, joint)
    rate = 1 - (np.bincount(labels) / len(labels) * joint.diagonal() / joint.sum(1)).sum()
    assert result.noise_rate == pytest.approx(rate)
    low, high = result.noise_rate_interval
    assert 0 < low < rate < high < 1
    others = probabilities.copy()
    others[index, labels] = -1
    np.testing.assert_array_equal(result.scores, (own - others.max(1) + 1) / 2)
    order = np.argsort(result.scores[result.is_issue], kind="stable")
    np.testing.assert_array_equal(result.rows, np.flatnonzero(result.is_issue)[order])
    np.testing.assert_array_equal(result.suggested, probabilities.argmax(1))


def test_operands_files_and_scales(tmp_path):
    probabilities, labels, logits = random_problem(2)
    wanted = perdita.audit(probabilities, labels)
    np.save(tmp_path / "p.npy", probabilities)
    np.save(tmp_path / "y.npy", labels)
    np.savetxt(tmp_path / "p.csv", probabilities, delimiter=",", fmt="%.17g")
    assert perdita.audit(tmp_path / "p.npy", str(tmp_path / "y.npy")).to_dict() == wanted.to_dict()
    assert perdita.audit(tmp_path / "p.csv", labels.astype(np.uint8), header=False).to_dict() == wanted.to_dict()
    for scale, scores in (("logits", logits), ("log-probabilities", np.log(probabilities))):
        before = scores.copy()
        found = perdita.audit(scores, labels.tolist(), scale=scale)
        np.testing.assert_array_equal(found.rows, wanted.rows)
        np.testing.assert_allclose(found.scores, wanted.scores, rtol=1e-12)
        np.testing.assert_array_equal(scores, before)
    np.testing.assert_array_equal(perdita.audit(np.asfortranarray(probabilities), labels).rows, wanted.rows)


def test_outputs(tmp_path):
    probabilities, labels, _ = random_problem(3)
    result = perdita.audit(probabilities, labels, class_names=["<a>", "b", "c", "d,e"], top=40)
    result.save(tmp_path / "s.csv")
    with open(tmp_path / "s.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["row"]) for line in lines] == result.rows.tolist() and len(lines) == 40
    columns = result.to_dict(orient="list")
    assert columns["row"] == result.rows.tolist()
    assert result.to_dict(orient="records") == result.ranking == result.to_dict()["ranking"]
    assert [line["given"] for line in lines] == [["<a>", "b", "c", "d,e"][k] for k in columns["given"]]
    assert "noise rate" in str(result) and "&lt;a&gt;" in result._repr_html_() and "<a>" not in result._repr_html_()
    again = pickle.loads(pickle.dumps(result))
    assert again.to_dict() == result.to_dict() and str(again) == str(result)
    np.testing.assert_array_equal(again.scores, result.scores)
    with pytest.raises(AttributeError, match="noise_rate"):
        _ = result.noise


def test_bad_input():
    good, labels = np.array([[0.9, 0.1], [0.2, 0.8]]), [0, 1]
    with pytest.raises(perdita.errors.LabelError, match=r"labels: target\[1\] is 2 \(valid: integers 0..1\)"):
        perdita.audit(good, [0, 2])
    with pytest.raises(perdita.errors.LabelError, match=r"target\[0\] is 0.5"):
        perdita.audit(good, [0.5, 1])
    with pytest.raises(perdita.errors.DataError, match="probabilities: row 1 contains nan"):
        perdita.audit([[0.9, 0.1], [0.2, np.nan]], labels)
    with pytest.raises(perdita.errors.DataError, match="row 0 have sum 1.7"):
        perdita.audit([[0.9, 0.8], [0.2, 0.8]], labels)
    with pytest.raises(perdita.errors.ShapeError, match="2 row.*labels has 1"):
        perdita.audit(good, [0])
    with pytest.raises(perdita.errors.DomainError, match="filter is 'prune'.*prune_by_noise_rate"):
        perdita.audit(good, labels, filter="prune")
    with pytest.raises(perdita.errors.DomainError, match="score is 'p'"):
        perdita.audit(good, labels, score="p")
    with pytest.raises(perdita.errors.DomainError, match="top is -1"):
        perdita.audit(good, labels, top=-1)
    with pytest.raises(perdita.errors.DomainError, match="orient is 'index'"):
        perdita.audit(good, labels).to_dict(orient="index")
    with pytest.raises(perdita.errors.FileError, match="absent.npy"):
        perdita.audit("absent.npy", labels)
    with pytest.warns(UserWarning, match="no row has the label 1"):
        perdita.audit(good, [0, 0])
