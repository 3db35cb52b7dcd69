"""Operands that users pass: what would lose its gradient or mask is refused, weights of NumPy are taken."""

import numpy as np
import pytest
import torch

import perdita
import perdita.functional as numpy_functional
import perdita.nn as numpy_nn
import perdita.torch
import perdita.torch.functional as torch_functional
import perdita.torch.nn as torch_nn
from loss_cases import cases, function_name
from perdita import data
from perdita.errors import DomainError, DTypeError

CASES = [case for case in cases(shapes=slice(1)) if case.variant.id in ("plain", "weight", "both", "all", "default")]
CASES = CASES or cases(variants=slice(1), shapes=slice(1))
FLOATING = [(case, name) for case in CASES for name, tensor in case.tensors().items() if tensor.is_floating_point()
            and "distance_function" not in case.variant.options]  # fmt: skip
IDS = [f"{case}-{name}" for case, name in FLOATING]


@pytest.mark.parametrize(("case", "name"), FLOATING, ids=IDS)
def test_numpy_functions_refuse_tensors_that_require_grad(case, name):
    tensors = case.tensors()
    tensors[name] = tensors[name].clone().requires_grad_()
    function = getattr(numpy_functional, function_name(case.loss))
    with pytest.raises(DTypeError, match=rf"{name} is a torch tensor that requires grad.*perdita\.torch\.functional"):
        function(**tensors, **case.variant.options)
    with torch.no_grad(), pytest.raises(DTypeError, match="requires grad"):
        function(**tensors, **case.variant.options)


@pytest.mark.parametrize(("case", "name"), FLOATING, ids=IDS)
def test_numpy_functions_refuse_masked_elements(case, name):
    arrays = {key: tensor.numpy() for key, tensor in case.tensors().items()}
    function = getattr(numpy_functional, function_name(case.loss))
    expected = function(**arrays, **case.variant.options)
    plain, mask = arrays[name], np.zeros(arrays[name].shape, bool)
    arrays[name] = np.ma.array(plain, mask=mask)
    np.testing.assert_array_equal(function(**arrays, **case.variant.options), expected)
    mask.flat[0] = True
    arrays[name] = np.ma.array(plain, mask=mask)
    with pytest.raises(DomainError, match=rf"{name} is a masked array with 1 masked elements .*\[~mask\]"):
        function(**arrays, **case.variant.options)


X, Y = np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 0.25]]), np.array([0, 1, 1])
GRAPH = torch.tensor(X, requires_grad=True)
MASKED = np.ma.array(X, mask=X == 2)
MASKED_LABELS = np.ma.array(Y, mask=[False, True, False])


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: numpy_nn.MSELoss()(x, X),
        lambda x, y: perdita.value_and_grad(numpy_functional.cross_entropy)(x, Y),
        lambda x, y: perdita.value_and_grad(perdita.formula("abs(y - t)"))(x, X),
        lambda x, y: perdita.formula("abs(y - t)")(X, x),
        lambda x, y: numpy_nn.AdaptiveLogSoftmaxWithLoss(2, 3, [1], div_value=1)(x, Y),
        lambda x, y: numpy_nn.AdaptiveLogSoftmaxWithLoss(2, 3, [1], div_value=1).predict(x),
        lambda x, y: numpy_nn.LinearCrossEntropyLoss(2, 3)(x, Y),
        lambda x, y: data.WeightedRandomSampler(x, 4),
        lambda x, y: data.adjust_logits(X, x[0]),
        lambda x, y: perdita.plot.loss_distribution(x[:, 0]),
    ],
)
@pytest.mark.parametrize("kind", ["graph", "masked"])
def test_other_functions_refuse_them_too(call, kind):
    x = GRAPH if kind == "graph" else np.ma.array(X, mask=X == X)
    with pytest.raises((DTypeError, DomainError), match="requires grad|masked element"):
        call(x, Y)


@pytest.mark.parametrize(
    "call",
    [
        lambda: perdita.evaluate(MASKED, Y),
        lambda: perdita.evaluate(X, MASKED_LABELS),
        lambda: perdita.evaluate(X, Y, weights=MASKED[:, 0]),
        lambda: data.class_weights(MASKED_LABELS),
        lambda: data.count_classes(MASKED_LABELS),
        lambda: data.pos_weight(MASKED_LABELS),
        lambda: data.stratified_split(MASKED_LABELS, [0.5, 0.5]),
        lambda: data.ClassBalancedSampler(MASKED_LABELS),
        lambda: data.imbalanced_subset(MASKED_LABELS, "step:2"),
        lambda: data.SubsetSampler(MASKED_LABELS),
    ],
)
def test_evaluate_and_data_refuse_masked_elements(call):
    with pytest.raises(DomainError, match="masked array with 1 masked elements"):
        call()


def test_evaluate_reads_tensors_that_require_grad():
    assert perdita.evaluate(GRAPH, Y).to_dict() == perdita.evaluate(X, Y).to_dict()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array(["cat", "dog", "dog"], object), r"target\[0\] is 'cat', a str .*factorize"),
        (np.array([0, None, 1], object), r"target\[1\] is missing \(None\).*dropna"),
        ([[0], [1, 2], [1]], "target is a list that NumPy cannot read"),
        (np.array([0, 1, 1], object), "target holds Python objects .*astype"),
    ],
)
def test_what_is_no_array_of_numbers(value, message):
    with pytest.raises((DTypeError, DomainError), match=message):
        numpy_functional.cross_entropy(X, value)


def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "label": Y})
    expected = numpy_functional.cross_entropy(X, Y)
    assert numpy_functional.cross_entropy(frame[["a", "b"]], frame["label"]) == expected
    with pytest.raises(DTypeError, match="target .*(missing|float64)"):  # pandas 3 makes real numbers with NaN of it
        numpy_functional.cross_entropy(X, pandas.Series([0, None, 1], dtype="Int64"))
    with pytest.raises(DTypeError, match=r"targets\[0\] is 'cat', a str.*factorize"):
        perdita.evaluate(X, pandas.Series(["cat", "dog", "dog"], dtype="category"))
    frame["name"] = ["x", "y", "z"]
    with pytest.raises(DTypeError, match=r"input\[0, 2\] is 'x', a str"):
        numpy_functional.mse_loss(frame[["a", "b", "name"]], X)


WEIGHTS = [case for case in cases(shapes=slice(1)) if {"weight", "pos_weight", "class_counts"} & set(case.tensors())]


@pytest.mark.parametrize("case", WEIGHTS, ids=str)
@pytest.mark.parametrize("with_gradient", [False, True])
@pytest.mark.parametrize("kind", [torch.Tensor.numpy, torch.Tensor.tolist])
def test_torch_functions_take_weights_of_numpy(case, with_gradient, kind):
    tensors = case.tensors(torch.float32)
    first = next(iter(tensors))
    if with_gradient:
        tensors[first] = tensors[first].clone().requires_grad_()
    function = getattr(torch_functional, function_name(case.loss))
    expected = function(**tensors, **case.variant.options)
    given = {name: kind(t) if name in ("weight", "pos_weight", "class_counts") else t for name, t in tensors.items()}
    result = function(**given, **case.variant.options)
    assert result.dtype == expected.dtype and result.requires_grad == with_gradient
    assert torch.equal(result, expected)


def test_torch_modules_take_weights_of_numpy():
    x, y = torch.randn(6, 3, requires_grad=True), torch.tensor([0, 0, 0, 1, 1, 2])
    weights, counts = data.class_weights(y), data.count_classes(y)
    tensor = torch.tensor([2 / 3, 1.0, 2.0])  # N / (C n)
    module = torch_nn.CrossEntropyLoss(weight=weights)
    assert module.weight.dtype == torch.float32
    torch.testing.assert_close(module.state_dict()["weight"], tensor)
    torch.testing.assert_close(module(x, y), torch.nn.functional.cross_entropy(x, y, tensor))
    balanced = torch_nn.BalancedSoftmaxLoss(counts)
    expected = torch.nn.functional.cross_entropy(x + torch.tensor([3.0, 2.0, 1.0]).log(), y)
    torch.testing.assert_close(balanced(x, y), expected)
    torch.testing.assert_close(torch_functional.cross_entropy(x.double(), y, weights),
                               torch.nn.functional.cross_entropy(x.double(), y, torch.tensor(weights)))  # fmt: skip
    with pytest.raises(DTypeError, match="CrossEntropyLoss: weight is a MaskedArray"):
        torch_nn.CrossEntropyLoss(weight=np.ma.array(weights, mask=weights > 1))


def test_weights_of_numpy_are_compiled():
    x, y, weights = torch.randn(4, 3), torch.tensor([0, 1, 2, 2]), np.array([1.0, 2.0, 0.5])
    compiled = torch.compile(lambda x, y: torch_functional.cross_entropy(x, y, weights), backend="eager")
    torch.testing.assert_close(compiled(x, y), torch.nn.functional.cross_entropy(x, y, torch.tensor(weights).float()))
