"""perdita.evaluate of columns of other types: missing values, tensors, large integers, categories, indices of pandas."""

import math

import numpy as np
import pytest

import perdita
from perdita.errors import DataError, DomainError, DTypeError, ShapeError

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
duckdb = pytest.importorskip("duckdb")


def duck(data):
    given = pyarrow.table(data)  # noqa: F841 - read by name
    return duckdb.sql("select * from given")


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
