"""perdita.load(): the predictions of a run's model are those of `perdita predict`."""

import datetime
import os
import pathlib
import subprocess

import numpy as np
import pytest

import perdita
from perdita._model import _text
from perdita.errors import DataError, DTypeError, FileError, ShapeError

pandas = pytest.importorskip("pandas")
CLI = pathlib.Path(os.environ.get("PERDITA_CLI", pathlib.Path(__file__).parents[2] / "build/release/bin/perdita"))


@pytest.fixture(autouse=True)
def command_line():
    assert CLI.exists(), f"{CLI} does not exist (build it, or set PERDITA_CLI)"


def people(rows=150):
    """A table with all types of columns, and missing values in each."""
    rng = np.random.default_rng(20261204)
    age = rng.integers(18, 90, rows).astype(float)
    city = rng.choice(["Oslo", "Rome, Lazio", "Köln"], rows).astype(object)
    member = rng.choice([True, False], rows).astype(object)
    born = np.array([datetime.date(2024 - int(years), 5, 1 + i % 28) for i, years in enumerate(age)], object)
    frame = pandas.DataFrame({"age": age, "city": city, "member": member, "born": born})
    frame["y"] = frame.age / 10 + (frame.city == "Oslo") + 0.25
    for column in ("age", "city", "member", "born"):
        frame.loc[rng.random(rows) < 0.1, column] = None
    return frame


def run_cli(*words):
    return subprocess.run([CLI, *map(str, words)], check=True, capture_output=True, text=True).stdout


def train(folder, data, *words):
    run_cli(
        "train", "--data", data, "--epochs", "3", "--charts", "none", "--quiet", "--overwrite", "--out", folder, *words
    )
    return perdita.load(folder)


def predicted_by_cli(folder, file):
    output = folder / "predictions.csv"
    run_cli("predict", "--model", folder, "--data", file, "--out", output)
    return pandas.read_csv(output, dtype={"prediction": str} if "prediction,prob" in output.read_text() else None)


def assert_same_values(values, frame, columns):
    expected = frame[columns].to_numpy(np.float64)
    np.testing.assert_allclose(np.reshape(values, expected.shape), expected, rtol=2e-5, atol=2e-6)


NUMBERS = [
    ("mse", ["prediction"]),
    ("huber:delta=2", ["prediction"]),
    ("poisson_nll", ["prediction"]),
    ("quantile:q=0.1/0.5/0.9", ["quantile_0.1", "quantile_0.5", "quantile_0.9"]),
    ("gaussian_nll", ["prediction"]),
]


@pytest.mark.parametrize(("loss", "columns"), NUMBERS)
def test_numbers(tmp_path, loss, columns):
    frame = people()
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = train(tmp_path / "run", f"csv:{tmp_path / 't.csv'}", "--loss", loss, "--hidden", "16,8", "--dropout", "0.2")
    expected = predicted_by_cli(tmp_path / "run", tmp_path / "t.csv")
    assert model.columns == ["age", "city", "member", "born"]
    assert_same_values(model.predict(frame), expected, columns)
    assert model.predict(frame).dtype == np.float32
    shuffled = frame[["member", "y", "born", "age", "city"]].assign(more="x")
    np.testing.assert_array_equal(model.predict(shuffled), model.predict(frame))


@pytest.mark.parametrize(
    "words",
    [
        ["--loss", "cross_entropy"],
        ["--loss", "focal:gamma=1.5", "--last-layer", "cosine:scale=5"],
        ["--loss", "ldam"],
        ["--loss", "cross_entropy:softcap=0.5"],
    ],
)
def test_classes(tmp_path, words):
    frame = people()
    frame["y"] = np.array(["low", "mid", "top"])[np.digitize(frame.y, [4, 7])]
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = train(tmp_path / "run", f"csv:{tmp_path / 't.csv'}", *words)
    expected = predicted_by_cli(tmp_path / "run", tmp_path / "t.csv")
    assert model.class_names == ["low", "mid", "top"]
    assert list(model.predict(frame)) == list(expected.prediction)
    assert_same_values(model.predict_proba(frame), expected, ["probability_low", "probability_mid", "probability_top"])


@pytest.mark.parametrize("loss", ["binary_cross_entropy_with_logits", "binary_cross_entropy", "hinge_embedding"])
def test_two_classes(tmp_path, loss):
    frame = people()
    frame["y"] = np.where(frame.y > 5, "yes", "no")
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = train(tmp_path / "run", f"csv:{tmp_path / 't.csv'}", "--loss", loss)
    expected = predicted_by_cli(tmp_path / "run", tmp_path / "t.csv")
    assert list(model.predict(frame)) == list(expected.prediction)
    if loss == "hinge_embedding":
        with pytest.raises(DTypeError, match="form 'distance', not probabilities"):
            model.predict_proba(frame)
    else:
        assert_same_values(model.predict_proba(frame), expected, ["probability_no", "probability_yes"])


def test_tables_of_other_packages(tmp_path):
    frame = people()
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = train(tmp_path / "run", f"csv:{tmp_path / 't.csv'}")
    expected = model.predict(frame)
    mapping = {name: frame[name].to_numpy(object, na_value=None) for name in frame}
    np.testing.assert_array_equal(model.predict(mapping), expected)
    typed = frame.astype({"city": "category", "member": "boolean"}).assign(born=pandas.to_datetime(frame.born))
    np.testing.assert_array_equal(model.predict(typed), expected)
    as_text = pandas.read_csv(tmp_path / "t.csv")
    np.testing.assert_array_equal(model.predict(as_text), expected)
    polars = pytest.importorskip("polars")
    np.testing.assert_array_equal(model.predict(polars.DataFrame(mapping, strict=False)), expected)
    arrow = pytest.importorskip("pyarrow")
    np.testing.assert_array_equal(model.predict(arrow.Table.from_pandas(frame)), expected)


def test_unknown_categories_are_those_of_the_command_line(tmp_path):
    rng = np.random.default_rng(5)
    frame = pandas.DataFrame(
        {"word": [f"w{i % 90}" for i in range(900)], "n": rng.integers(0, 9, 900), "y": rng.random(900)}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = train(tmp_path / "run", f"csv:{tmp_path / 't.csv'}")  # with rare categories, and none of them missing
    new = pandas.DataFrame({"word": ["w1", "never", "w89", None], "n": [1.0, 2.0, None, 4.0]})
    new.to_csv(tmp_path / "n.csv", index=False)
    assert_same_values(model.predict(new), predicted_by_cli(tmp_path / "run", tmp_path / "n.csv"), ["prediction"])


def test_arrays(tmp_path):
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(80, 5)).astype(np.float32), rng.normal(size=(80, 2)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    model = train(tmp_path / "run", f"npy:{tmp_path / 'x.npy'},{tmp_path / 'y.npy'}")
    expected = predicted_by_cli(tmp_path / "run", tmp_path / "x.npy")
    assert_same_values(model.predict(x), expected, ["prediction_0", "prediction_1"])
    assert model.predict(x).shape == (80, 2) and model.predict(x[:0]).shape == (0, 2)
    np.testing.assert_array_equal(model.predict(x.astype(np.float64)), model.predict(x))
    with pytest.raises(ShapeError, match=r"X has shape \[80, 4\] \(valid: \[N, 5\], as in training\)"):
        model.predict(x[:, :4])
    with pytest.raises(DTypeError, match="X is a DataFrame, but the model was trained with arrays"):
        model.predict(pandas.DataFrame(x))
    with pytest.raises(DTypeError, match="X holds uint8"):
        model.predict(np.zeros((2, 5), np.uint8))
    table = pandas.DataFrame(
        {"t": 1e9 + np.arange(80), "x": np.where(np.arange(80) % 7 == 0, np.nan, x[:, 0]), "y": y[:, 0]}
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    model = train(tmp_path / "run", f"csv:{tmp_path / 't.csv'}")
    expected = predicted_by_cli(tmp_path / "run", tmp_path / "t.csv")
    assert_same_values(model.predict(table[["t", "x"]].to_numpy()), expected, ["prediction"])
    assert_same_values(model.predict(table), expected, ["prediction"])
    images = rng.integers(0, 256, (60, 3, 3)).astype(np.uint8)
    np.save(tmp_path / "i.npy", images)
    np.save(tmp_path / "l.npy", images[:, 0, 0] // 128)
    model = train(tmp_path / "run", f"npy:{tmp_path / 'i.npy'},{tmp_path / 'l.npy'}")
    expected = predicted_by_cli(tmp_path / "run", tmp_path / "i.npy")
    assert_same_values(model.predict_proba(images), expected, ["probability_0", "probability_1"])


def test_what_is_refused(tmp_path):
    frame = people()
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = train(tmp_path / "run", f"csv:{tmp_path / 't.csv'}")
    with pytest.raises(DataError, match="predict: the table has no column 'city'"):
        model.predict(frame[["age", "member", "born"]])
    with pytest.raises(DTypeError, match="column 'age' holds .* \\(valid: numbers, as in training\\)"):
        model.predict(frame.assign(age="old"))
    with pytest.raises(DTypeError, match="column 'member' holds .* \\(valid: true and false"):
        model.predict(frame.assign(member="maybe"))
    with pytest.raises(DTypeError, match="column 'born' holds .* \\(valid: dates"):
        model.predict(frame.assign(born="soon"))
    with pytest.raises(DTypeError, match="X is an array, but the model was trained with a table that has"):
        model.predict(np.zeros((3, 4)))
    with pytest.raises(FileError, match="valid: the folder of a finished run"):
        perdita.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="is not a model of perdita train"):
        perdita.load(tmp_path)
    content = (tmp_path / "run/model.safetensors").read_bytes()
    for size in range(0, len(content), 97):
        (tmp_path / "cut.safetensors").write_bytes(content[:size])
        with pytest.raises(DataError):
            perdita.load(tmp_path / "cut.safetensors")


def test_numbers_as_categories():
    assert [_text(x) for x in (2.0, np.float32(2), 2.5, float("inf"), 3, "x")] == ["2", "2", "2.5", "inf", "3", "x"]
    assert [_text(x) for x in (None, float("nan"), "")] == [None, None, None]
