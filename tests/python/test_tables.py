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


# ---- values that are missing, and other types of columns ----


def evaluate_mse(table, **options):
    return perdita.evaluate(table, target="t", prediction="y", loss="mse", **options)


@pytest.mark.filterwarnings("ignore:evaluate")
def test_masked_arrays_are_missing():
    y, t = np.ma.masked_equal([1.0, 2.0, 99.0, 4.0], 99), [1.0, 2.0, 3.0, 3.0]
    found = evaluate_mse({"y": y, "t": t})
    assert found.left_out["nan"] == 1 and found.losses["mean"] == pytest.approx(1 / 3)
    assert evaluate_mse({"y": y.astype(int), "t": t}).losses["mean"] == found.losses["mean"]
    flags = np.ma.array([True, False, True, True], mask=False)
    assert list(evaluate_mse({"y": y, "t": [1.0] * 4, "g": flags}, groups="g").groups) == ["False", "True"]
    structured = np.ma.array(list(zip([1.0, 5.0], [2.0, 3.0], strict=True)), dtype=[("y", "f4"), ("t", "f8")])
    structured["y"][1] = np.ma.masked
    assert evaluate_mse(structured).left_out["nan"] == 1
    for groups in (np.ma.masked_equal(["a", "b", "a", "b"], "b"), np.ma.masked_equal([1, 2, 1, 2], 2)):
        with pytest.raises(DomainError, match="groups.* has no value in row 1"):
            perdita.evaluate([1.0, 2.0, 3.0, 4.0], [1.0] * 4, "mse", groups=groups)


def test_tensors_as_columns_and_groups():
    torch = pytest.importorskip("torch")
    y, t = [1.0, 2.0, 3.0, 4.0], [1.5, 2.0, 3.0, 3.0]
    expected = evaluate_mse({"y": y, "t": t}).to_dict()
    table = {"y": torch.tensor(y, requires_grad=True), "t": torch.tensor(t, dtype=torch.bfloat16)}
    assert evaluate_mse(table).to_dict() == expected
    groups = torch.tensor([0, 1, 0, 1])
    by_tensor = perdita.evaluate(table["y"], table["t"], "mse", groups=groups)
    assert by_tensor.to_dict() == evaluate_mse({"y": y, "t": t}, groups=groups.numpy()).to_dict()
    halves = torch.tensor([0.5, 1.5, 0.5, 1.5], dtype=torch.bfloat16, requires_grad=True)
    assert list(evaluate_mse(table, groups=halves).groups) == ["0.5", "1.5"]


@pytest.mark.filterwarnings("ignore:evaluate")
def test_missing_values_in_columns_of_objects():
    for absent in (None, pandas.NA, math.nan):
        frame = pandas.DataFrame({"y": pandas.Series([1.0, absent, 3.0], dtype=object), "t": [1.0, 2.0, 3.0]})
        assert evaluate_mse(frame).left_out["nan"] == 1
        frame["g"] = pandas.Series(["a", absent, "b"], dtype=object)
        with pytest.raises(DomainError, match="column 'g' has no value in row 1"):
            evaluate_mse(frame, groups="g")
        with pytest.raises(DomainError, match="'groups' has no value in row 1"):
            perdita.evaluate([1.0, 2.0, 3.0], [1.0] * 3, "mse", groups=["a", absent, "b"])


BEYOND = 2**53 + 1
INTEGERS = {
    "arrow": lambda values: pyarrow.table({"y": [1.0] * 3, "t": pyarrow.array(values, pyarrow.int64())}),
    "polars": lambda values: polars.DataFrame({"y": [1.0] * 3, "t": values}, schema_overrides={"t": polars.Int64}),
    "pandas": lambda values: pandas.DataFrame({"y": [1.0] * 3, "t": pandas.array(values, "Int64")}),
    "pandas, arrow": lambda values: pandas.DataFrame({"y": [1.0] * 3, "t": pandas.array(values, "int64[pyarrow]")}),
    "mapping": lambda values: {
        "y": [1.0] * 3,
        "t": np.ma.array([v or 0 for v in values], mask=[v is None for v in values]),
    },
}


@pytest.mark.filterwarnings("ignore:evaluate")
@pytest.mark.parametrize("kind", INTEGERS)
def test_large_integers_and_missing_values(kind):
    as_prediction = {"target": "y", "prediction": "t", "loss": "mse"}
    assert perdita.evaluate(INTEGERS[kind]([1, None, -(2**53)]), **as_prediction).left_out["nan"] == 1
    with pytest.raises(DTypeError, match=f"column 't' holds {BEYOND} in row 2 and has missing values"):
        perdita.evaluate(INTEGERS[kind]([1, None, BEYOND]), **as_prediction)
    groups = evaluate_mse(INTEGERS[kind]([1, BEYOND - 1, BEYOND]), groups="t").groups
    assert list(groups) == ["1", str(BEYOND - 1), str(BEYOND)]


def test_categories_of_one_name():
    frame = pandas.DataFrame({"y": [1.0, 2.0], "t": [1.0, 2.0], "g": pandas.Categorical([1, "1"], categories=[1, "1"])})
    with pytest.raises(DataError, match="column 'g' has two categories whose names are '1'"):
        evaluate_mse(frame, groups="g")
    table = {"a": ["x", "y"], "p0": [0.5, 0.5], "p1": [0.5, 0.5]}
    with pytest.raises(DomainError, match=r"class_names is x, x \(valid: different names\)"):
        perdita.evaluate(table, target="a", prediction=["p0", "p1"], class_names=["x", "x"])


ALL_NULL = {
    "mapping": lambda data: {**data, "n": [None, None]},
    "pandas": lambda data: pandas.DataFrame({**data, "n": pandas.Series([None, None], dtype=object)}),
    "pandas, nullable": lambda data: pandas.DataFrame({**data, "n": pandas.array([None, None], "Int64")}),
    "polars": lambda data: polars.DataFrame({**data, "n": [None, None]}),
    "arrow": lambda data: pyarrow.table({**data, "n": pyarrow.nulls(2)}),
    "duckdb": lambda data: duck({**data, "n": pyarrow.array([None, None], pyarrow.int32())}),
}


@pytest.mark.filterwarnings("ignore:evaluate")
@pytest.mark.parametrize("kind", ALL_NULL)
def test_columns_without_values(kind):
    table = ALL_NULL[kind]({"y": [1.0, 2.0], "t": [1.0, 2.0]})
    assert perdita.evaluate(table, target="t", prediction="n", loss="mse").left_out["nan"] == 2
    with pytest.raises(DomainError, match="has no value in row 0"):
        evaluate_mse(table, groups="n")


def test_columns_of_different_lengths():
    with pytest.raises(ShapeError, match=r"column 'b' has shape \[3\], but 'a' has \[2\]"):
        perdita.evaluate({"a": [0.1, 0.2], "b": [0.1, 0.2, 0.3], "t": [0, 1]}, target="t", prediction=["a", "b"])


def test_a_series_of_other_rows_is_refused():
    frame = pandas.DataFrame({"y": [1.0, 2.0, 3.0], "t": [1.0, 3.0, 3.0]}, index=[7, 8, 9])
    groups, weights = (pandas.Series(values, index=[9, 8, 7]) for values in (["a", "b", "b"], [1.0, 2.0, 3.0]))
    for options in ({"groups": groups}, {"weights": weights}):
        (name,) = options
        with pytest.raises(DataError, match=f"the index of {name} differs from that of the table: row 0 is 9, but 7"):
            evaluate_mse(frame, **options)
    aligned = evaluate_mse(frame, groups=groups.reindex(frame.index), weights=weights.reindex(frame.index))
    assert [group.rows for group in aligned.groups.values()] == [1, 2]
    assert aligned.groups["a"].losses["mean"] == 0
    by_position = evaluate_mse(frame, groups=groups.to_numpy())
    assert by_position.groups["a"].losses["mean"] == 0 and by_position.groups["b"].losses["mean"] == 0.5


def test_errors_name_the_row_of_the_table():
    logits, labels = np.zeros((4, 3)), np.array([0, 1, 2, 7])
    with pytest.raises(IndexError, match=r"target\[3\] is 7"):
        perdita.evaluate(logits, labels, groups=["a", "a", "b", "b"])
