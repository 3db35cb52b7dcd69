"""perdita.evaluate of tables: the same numbers as from arrays, for each kind of table; names of classes; groups."""

import json
import math
import pickle

import numpy as np
import pytest

import perdita
from perdita.errors import DataError, DomainError, DTypeError, ShapeError

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
duckdb = pytest.importorskip("duckdb")

SEED = 11
NAMES = ["dog", "cat", "owl"]  # not sorted


def columns(rows=200):
    draw = np.random.default_rng(SEED)
    logits = draw.normal(size=(rows, 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = np.array([draw.choice(3, p=q) for q in p])
    return {
        **{f"p_{name}": p[:, k] for k, name in enumerate(NAMES)},
        "animal": np.array(NAMES)[y].tolist(),
        "index": y,
        "value": draw.normal(size=rows).astype(np.float32),
        "truth": draw.normal(size=rows),
        "w": draw.integers(1, 4, rows),
        "country": np.array(["Chile", "Peru"])[draw.integers(0, 2, rows)].tolist(),
    }


class Stream:
    """A table of which only the Arrow PyCapsule interface is known."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, schema=None):
        return self._table.__arrow_c_stream__(schema)


def duck(data):
    given = pyarrow.table(data)  # noqa: F841 - read by name
    return duckdb.sql("select * from given")


KINDS = {
    "mapping": dict,
    "pandas": pandas.DataFrame,
    "pandas, nullable": lambda data: pandas.DataFrame(data).convert_dtypes(),
    "pandas, arrow": lambda data: pandas.DataFrame(data).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, categories": lambda data: pandas.DataFrame(data).astype({"animal": "category", "country": "category"}),
    "polars": polars.DataFrame,
    "polars, lazy": lambda data: polars.DataFrame(data).lazy(),
    "polars, categories": lambda data: polars.DataFrame(data).with_columns(
        polars.col("animal").cast(polars.Categorical)
    ),
    "polars, enum": lambda data: polars.DataFrame(data).with_columns(polars.col("animal").cast(polars.Enum(NAMES))),
    "arrow": pyarrow.table,
    "arrow, batch": lambda data: pyarrow.RecordBatch.from_pydict(data),
    "arrow, dictionary": lambda data: pyarrow.table(
        {**data, "animal": pyarrow.array(data["animal"]).dictionary_encode()}
    ),
    "arrow, chunks": lambda data: pyarrow.concat_tables(
        [pyarrow.table(data).slice(0, 50), pyarrow.table(data).slice(50)]
    ),
    "duckdb": duck,
    "stream": lambda data: Stream(pyarrow.table(data)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_tables_have_the_numbers_of_arrays(kind):
    data = columns()
    table = KINDS[kind](data)
    prediction = [f"p_{name}" for name in NAMES]
    found = perdita.evaluate(table, target="animal", prediction=prediction, scale="probabilities", weights="w")
    matrix = np.column_stack([data[name] for name in prediction])
    expected = perdita.evaluate(matrix, data["index"], scale="probabilities", weights=data["w"], class_names=NAMES)
    assert found.to_dict() == expected.to_dict()
    one = perdita.evaluate(table, target="truth", prediction="value", loss="mse")
    assert one.to_dict() == perdita.evaluate(data["value"], data["truth"], "mse").to_dict()


def test_a_structured_array():
    data = columns()
    array = np.array(list(zip(data["value"], data["truth"], strict=True)), dtype=[("value", "f4"), ("truth", "f8")])
    found = perdita.evaluate(array, target="truth", prediction="value", loss="mse")
    assert found.to_dict() == perdita.evaluate(data["value"], data["truth"], "mse").to_dict()


def test_several_targets():
    data = columns()
    data |= {"a": (data["value"] > 0).astype(int), "b": (data["truth"] > 0).astype(int)}
    loss = "binary_cross_entropy_with_logits"
    found = perdita.evaluate(polars.DataFrame(data), target=["a", "b"], prediction=["value", "truth"], loss=loss)
    inputs, targets = (np.column_stack([data[name] for name in names]) for names in (("value", "truth"), ("a", "b")))
    assert found.to_dict() == perdita.evaluate(inputs, targets, loss).to_dict()


def test_the_order_of_classes():
    data = columns()
    renamed = {**data, "x0": data["p_cat"], "x1": data["p_dog"], "x2": data["p_owl"]}
    options = {"target": "animal", "prediction": ["x0", "x1", "x2"], "scale": "probabilities"}
    with pytest.warns(UserWarning, match="taken to be cat, dog, owl, in this order") as caught:
        guessed = perdita.evaluate(renamed, **options)
    assert caught[0].filename == __file__
    named = perdita.evaluate(renamed, **options, class_names=["cat", "dog", "owl"])
    assert guessed.to_dict() == named.to_dict()
    # A class that is not in the sample.
    few = {name: np.asarray(column)[np.asarray(data["animal"]) != "cat"] for name, column in renamed.items()}
    assert perdita.evaluate(few, target="animal", prediction=[f"p_{n}" for n in NAMES], scale="probabilities").rows
    with pytest.raises(DomainError, match="2 different names, but there are 3 classes"):
        perdita.evaluate(few, **options)
    with pytest.raises(DomainError, match=r"animal\[\d+\] is 'cat' \(valid: dog, owl, ant\)"):
        perdita.evaluate(renamed, **options, class_names=["dog", "owl", "ant"])
    with pytest.raises(DomainError, match="class_names has 2 names, but there are 3 classes"):
        perdita.evaluate(renamed, **options, class_names=["dog", "owl"])


def test_binary_targets_of_names():
    data = columns()
    data["answer"] = np.where(data["truth"] > 0, "yes", "no")
    options = {"target": "answer", "prediction": "value", "loss": "binary_cross_entropy_with_logits"}
    found = perdita.evaluate(data, **options, class_names=["no", "yes"])
    expected = perdita.evaluate(data["value"], data["truth"] > 0, options["loss"], class_names=["no", "yes"])
    assert found.to_dict() == expected.to_dict()


@pytest.mark.parametrize("kind", ["pandas, nullable", "pandas, arrow", "polars", "arrow", "duckdb"])
def test_missing_numbers_are_nan(kind):
    data = columns()
    value = [None if i == 3 else float(x) for i, x in enumerate(data["value"])]
    table = KINDS[kind]({**data, "value": value})
    with pytest.warns(UserWarning, match="row 3"):
        found = perdita.evaluate(table, target="truth", prediction="value", loss="mse")
    assert found.left_out["nan"] == 1
    integers = [None if i == 3 else int(x) for i, x in enumerate(data["w"])]
    with pytest.warns(UserWarning, match="row 3"):
        perdita.evaluate(KINDS[kind]({**data, "w": integers}), target="truth", prediction="w", loss="mse")


@pytest.mark.parametrize("kind", ["pandas", "pandas, nullable", "pandas, categories", "polars", "arrow", "duckdb"])
def test_a_missing_label_is_an_error(kind):
    data = columns()
    data["animal"][5] = None
    with pytest.raises(DomainError, match="column 'animal' has no value in row 5"):
        perdita.evaluate(
            KINDS[kind](data), target="animal", prediction=[f"p_{n}" for n in NAMES], scale="probabilities"
        )


@pytest.mark.parametrize("kind", ["pandas", "pandas, categories", "polars", "arrow"])
def test_groups(kind, tmp_path):
    data = columns()
    options = {"target": "truth", "prediction": "value", "loss": "mse"}
    found = perdita.evaluate(KINDS[kind](data), **options, groups="country", weights="w")
    assert list(found.groups) == ["Chile", "Peru"]
    for name, group in found.groups.items():
        rows = np.asarray(data["country"]) == name
        expected = perdita.evaluate(data["value"][rows], data["truth"][rows], "mse", weights=data["w"][rows])
        assert group.to_dict() == expected.to_dict()
    assert sum(group.rows for group in found.groups.values()) == found.rows == 200
    by_array = perdita.evaluate(data["value"], data["truth"], "mse", groups=data["country"], weights=data["w"])
    assert by_array.to_dict() == found.to_dict() and list(found.to_dict()["groups"]) == ["Chile", "Peru"]
    assert "Chile" in str(found) and "Chile" in found._repr_html_() and "mean loss" in found._repr_html_()
    assert pickle.loads(pickle.dumps(found)).groups["Peru"].to_dict() == found.groups["Peru"].to_dict()
    found.save(tmp_path / "evaluation")
    saved = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    assert saved == found.to_dict()
    numbers = perdita.evaluate(data["value"], data["truth"], "mse", groups=data["w"])
    assert list(numbers.groups) == ["1", "2", "3"]
    with pytest.raises(ShapeError, match=r"groups has shape \[3\] \(valid: \[200\], one per row\)"):
        perdita.evaluate(data["value"], data["truth"], "mse", groups=[1, 2, 3])


def test_names_of_groups_are_escaped():
    data = {"y": [0.0, 1.0], "t": [1.0, 1.0], "g": ["<script>", "b"]}
    page = perdita.evaluate(data, target="t", prediction="y", loss="mse", groups="g")._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_errors():
    data = columns()
    with pytest.raises(DataError, match=r"no column 'truht' \(valid: .*\); did you mean 'truth'\?"):
        perdita.evaluate(pandas.DataFrame(data), target="truht", prediction="value")
    with pytest.raises(DTypeError, match="column 'animal' holds strings"):
        perdita.evaluate(pandas.DataFrame(data), target="truth", prediction="animal", loss="mse")
    with pytest.raises(DTypeError, match="both, or neither"):
        perdita.evaluate(data, target="truth")
    with pytest.raises(DTypeError, match="targets is given"):
        perdita.evaluate(data, data["truth"], target="truth", prediction="value")
    with pytest.raises(DTypeError, match="targets is None"):
        perdita.evaluate(data["value"])
    with pytest.raises(DTypeError, match="predictions is a list, of which columns are named"):
        perdita.evaluate([1.0], target="truth", prediction="value")
    with pytest.raises(DTypeError, match=r"column 'when' holds datetime64"):
        perdita.evaluate({**data, "when": np.array(["2026-01-01"] * 200, "M8[ns]")}, target="when", prediction="value")


def test_columns_that_name_numbers_and_booleans():
    data = columns()
    numbered = {
        "y": np.array([3, 5, 7])[data["index"]],
        "p_7": data["p_owl"],
        "p_3": data["p_dog"],
        "p_5": data["p_cat"],
    }
    named = perdita.evaluate(
        data,
        target="animal",
        prediction=["p_owl", "p_dog", "p_cat"],
        scale="probabilities",
        class_names=["owl", "dog", "cat"],
    )
    found = perdita.evaluate(numbered, target="y", prediction=["p_7", "p_3", "p_5"], scale="probabilities")
    assert found.accuracy == named.accuracy and found.losses == named.losses
    frame = pandas.DataFrame(numbered).astype({"y": "category"})
    of_categories = perdita.evaluate(frame, target="y", prediction=["p_7", "p_3", "p_5"], scale="probabilities")
    assert of_categories.to_dict() == found.to_dict()
    flags = {"y": data["truth"] > 0, "p_True": data["value"], "p_False": -data["value"]}
    by_name = perdita.evaluate(flags, target="y", prediction=["p_True", "p_False"])
    swapped = perdita.evaluate(np.column_stack([-data["value"], data["value"]]), (data["truth"] > 0).astype(int))
    assert by_name.accuracy == swapped.accuracy
    with pytest.raises(DomainError, match="by the names of the prediction columns the classes are dog, cat, owl"):
        perdita.evaluate(data, target="animal", prediction=[f"p_{n}" for n in NAMES], class_names=["cat", "dog", "owl"])


def test_a_column_that_names_one_of_two_classes():
    data = {"answer": ["yes", "no", "yes", "no"], "p_no": [0.1, 0.8, 0.2, 0.6], "p_yes": [0.9, 0.2, 0.8, 0.4]}
    results = [
        perdita.evaluate(data, target="answer", prediction=name, loss="binary_cross_entropy")
        for name in ("p_yes", "p_no")
    ]
    assert [result.accuracy for result in results] == [1, 1]
    assert [entry["name"] for entry in results[1].classes] == ["yes", "no"]


def test_categories_that_do_not_occur():
    data = columns()
    frame = pandas.DataFrame(data)
    frame["animal"] = pandas.Categorical(frame["animal"], categories=["bear", "cat", "dog", "owl"])
    prediction = [f"p_{n}" for n in NAMES]
    expected = perdita.evaluate(data, target="animal", prediction=prediction, scale="probabilities")
    assert (
        perdita.evaluate(frame, target="animal", prediction=prediction, scale="probabilities").to_dict()
        == expected.to_dict()
    )


def test_a_group_that_does_not_count_is_left_out():
    data = columns()
    prediction = np.column_stack([data[f"p_{n}"] for n in NAMES])
    groups = np.where(np.arange(200) < 20, "a", "b")
    labels = np.where(groups == "a", -100, data["index"])
    with pytest.warns(UserWarning, match="the group 'a' is left out: .*ignored label"):
        found = perdita.evaluate(prediction, labels, scale="probabilities", groups=groups)
    assert list(found.groups) == ["b"]
    with pytest.raises(DomainError, match="groups has no value in row 2"):
        perdita.evaluate(data["value"], data["truth"], "mse", groups=[1.0, 2.0, math.nan, *range(197)])


def test_names_of_columns_that_are_no_strings():
    data = columns()
    frame = pandas.DataFrame({0: data["truth"], 1: data["value"]})
    expected = perdita.evaluate(data["value"], data["truth"], "mse").to_dict()
    assert perdita.evaluate(frame, target=0, prediction=1, loss="mse").to_dict() == expected
    frame.columns = pandas.MultiIndex.from_tuples([("a", "truth"), ("a", "value")])
    found = perdita.evaluate(frame, target=("a", "truth"), prediction=("a", "value"), loss="mse")
    assert found.to_dict() == expected
    twice = pandas.DataFrame(np.zeros((3, 2)), columns=["y", "y"])
    with pytest.raises(DataError, match="2 columns 'y'"):
        perdita.evaluate(twice, target="y", prediction="y", loss="mse")
    with pytest.raises(ShapeError, match=r"groups has shape \[\] \(valid: \[200\], one per row\)"):
        perdita.evaluate(data["value"], data["truth"], "mse", groups="country")
