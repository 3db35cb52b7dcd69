"""Messages in the user's words: dtypes, names of other libraries, arguments of a wrong type, warnings of evaluate."""

import numpy as np
import pytest
import torch

import perdita
import perdita.functional as numpy_functional
import perdita.nn as numpy_nn
import perdita.torch.functional as torch_functional
import perdita.torch.nn as torch_nn
from perdita import data
from perdita.errors import DomainError, DTypeError, ShapeError

X, Y = np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 0.25]]), np.array([0, 1, 1])

DTYPES = [
    (X.astype("complex64"), "complex64", "real part"),
    (X.astype("complex128"), "complex128", "real part"),
    (Y.astype("int8"), "int8", r'astype\("int64"\)'),
    (Y.astype("uint16"), "uint16", r'astype\("int64"\)'),
    (Y.astype("uint64"), "uint64", r'astype\("int64"\)'),
    (X.astype("longdouble"), "float128", r'astype\("float32"\)'),
    (np.array(["a", "bc"]), "<U2", "numpy.unique"),
    (np.array([b"a"]), r"\|S1", "numpy.unique"),
    (np.array(["2020-01-01"], "datetime64[D]"), r"datetime64\[D\]", "numbers|field"),
    (np.array([(1, 2)], dtype=[("a", "f4"), ("b", "f4")]), r"\[\('a', '<f4'\)", "field"),
    (torch.ones(3, dtype=torch.complex64), "complex64", "real part"),
    (torch.ones(3, dtype=torch.int8), "int8", r"long\(\) converts"),
    (torch.ones(3, dtype=torch.int16), "int16", r"long\(\) converts"),
]


@pytest.mark.parametrize(("array", "name", "remedy"), DTYPES, ids=[name for _, name, _ in DTYPES])
def test_dtypes_have_their_names(array, name, remedy):
    for call, argument in [
        (lambda: numpy_functional.mse_loss(array, array), "input"),
        (lambda: numpy_functional.mse_loss(X, array), "target"),
        (lambda: numpy_functional.mse_loss(X, X, weight=array), "weight"),
    ]:
        with pytest.raises(DTypeError, match=f"{argument} holds {name}.* .valid: float32.*({remedy})"):
            call()


@pytest.mark.parametrize(
    ("name", "function", "cls"),
    [
        ("mae", "l1_loss", "L1Loss"),
        ("mean_squared_error", "mse_loss", "MSELoss"),
        ("log_loss", "cross_entropy", "CrossEntropyLoss"),
        ("bce", "binary_cross_entropy", "BCELoss"),
        ("BCEWithLogits", "binary_cross_entropy_with_logits", "BCEWithLogitsLoss"),
        ("sparse_categorical_crossentropy", "cross_entropy", "CrossEntropyLoss"),
        ("sigmoid_focal_loss", "binary_focal_loss", "BinaryFocalLoss"),
        ("KLDivergence", "kl_div", "KLDivLoss"),
        ("hubr_loss", "huber_loss", "HuberLoss"),
        ("mean_squared_logarithmic_error", "msle_loss", "MSLELoss"),
    ],
)
def test_names_of_other_libraries(name, function, cls):
    for module, meant in [(numpy_functional, function), (torch_functional, function), (numpy_nn, cls), (torch_nn, cls)]:
        with pytest.raises(AttributeError, match=rf"no attribute '{name}'; did you mean {meant}\?"):
            getattr(module, name)


def test_other_names_are_only_missing():
    for module in (numpy_functional, torch_functional, numpy_nn, torch_nn):
        assert hasattr(module, "relu") == (module is torch_functional)
        assert not hasattr(module, "no_such_name") and not hasattr(module, "__path__")


def test_evaluate_names_the_loss_that_was_meant():
    with pytest.raises(DomainError, match="unknown loss 'mae' .*did you mean 'l1'"):
        perdita.evaluate(X, X, "mae")
    with pytest.raises(DomainError, match="did you mean 'cross_entropy'"):
        perdita.evaluate(X, Y, "log_loss")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: perdita.evaluate(X, Y, bins="a"), r"evaluate: bins is 'a' \(valid: an integer\)"),
        (lambda: perdita.evaluate(X, Y, bins=1 << 40), r"evaluate: bins is .*valid: "),
        (lambda: perdita.evaluate(X, Y, hardest=1.5), r"evaluate: hardest is 1.5 \(valid: an integer\)"),
        (lambda: perdita.evaluate(X, Y, scale=3), r"evaluate: scale is 3 \(valid: a string or None\)"),
        (lambda: perdita.evaluate(X, Y, header="x"), r"evaluate: header is 'x' \(valid: True or False, or None\)"),
        (lambda: perdita.evaluate(X, Y, loss=3), "evaluate: loss is 3 .*valid: text such as"),
        (lambda: perdita.set_num_threads("a"), r"set_num_threads: count is 'a' \(valid: an integer\)"),
        (lambda: perdita.set_num_threads(0), r"set_num_threads: count is 0 \(valid: 1\.\.1024\)"),
        (lambda: perdita.set_validation("x"), "set_validation: on is 'x' .*valid: True or False"),
        (lambda: data.random_split(3.5, [1]), r"random_split: count is 3.5 \(valid: an integer\)"),
        (lambda: data.random_split(3, ["a"]), r"random_split: fractions holds <U1 \(valid: numbers\)"),
        (lambda: data.random_split(3, [1], seed=-1), "random_split: seed is -1 .*valid: 0"),
        (lambda: data.stratified_split(Y, [1], seed=None), "stratified_split: seed is None"),
        (lambda: data.RandomSampler("a"), r"RandomSampler: count is 'a' \(valid: an integer\)"),
        (lambda: data.RandomSampler(3, replacement="no"), "RandomSampler: replacement is 'no'"),
        (lambda: data.RandomSampler(3).draw(-1), "RandomSampler: epoch is -1"),
        (lambda: data.RandomSampler(3).set_epoch("a"), "RandomSampler: epoch is 'a'"),
        (lambda: data.WeightedRandomSampler([1, 2], "a"), "WeightedRandomSampler: num_samples is 'a'"),
        (lambda: data.WeightedRandomSampler(["a"], 2), "WeightedRandomSampler: weights holds <U1"),
        (lambda: data.ClassBalancedSampler(Y, how=1), "ClassBalancedSampler: how is 1"),
        (lambda: data.ClassBalancedSampler(Y, samples_per_class="a"), "ClassBalancedSampler: samples_per_class is 'a'"),
        (lambda: data.DistributedSampler(data.RandomSampler(3), "a", 0), "DistributedSampler: num_replicas is 'a'"),
        (lambda: data.class_weights(Y, 3), "class_weights: scheme is 3"),
        (lambda: data.count_classes(Y, num_classes="a"), "count_classes: num_classes is 'a'"),
        (lambda: data.pos_weight(Y, cap="a"), "pos_weight: cap is 'a'"),
        (lambda: data.imbalanced_subset(Y, 3), "imbalanced_subset: imbalance is 3"),
    ],
)
def test_arguments_of_a_wrong_type(call, message):
    with pytest.raises((DTypeError, DomainError), match=message) as raised:
        call()
    assert "incompatible function arguments" not in str(raised.value) and len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("loss", "reduction", "valid"),
    [
        ("mse_loss", "abc", "none, mean, sum"),
        ("mse_loss", "batchmean", "none, mean, sum"),
        ("kl_div", "abc", "none, mean, sum, batchmean"),
    ],
)
def test_an_unknown_reduction_names_those_of_the_loss(loss, reduction, valid):
    with pytest.raises(DomainError, match=rf"^{loss}: reduction is '{reduction}' \(valid: {valid}\)$"):
        getattr(numpy_functional, loss)(X, X, reduction=reduction)


@pytest.mark.parametrize("face", [numpy_functional, torch_functional])
def test_one_hot_targets_of_integers(face):
    x, one_hot = (
        (X, np.eye(3, 2, dtype=int)) if face is numpy_functional else (torch.zeros(3, 2), torch.eye(3, 2).long())
    )
    with pytest.raises(ShapeError, match=r"holds int64 \(valid: class indices \[3\], for example the argmax .*float32"):
        face.cross_entropy(x, one_hot)


def test_evaluate_warns_of_probabilities():
    with pytest.warns(UserWarning, match='appear to be probabilities .*set scale="probabilities"') as caught:
        perdita.evaluate(np.array([[0.5, 0.5], [0.2, 0.8]]), [0, 1])
    assert caught[0].filename == __file__


@pytest.mark.parametrize("hostile, shown", [("\x1b[31m", r"\x1b[31m"), ("\r", r"\r"), ("\u202e", r"\u202e")])
def test_control_characters_of_files_are_escaped(tmp_path, hostile, shown):
    """Names of files and words in them reach no terminal as they are."""
    predictions, targets = tmp_path / f"p{hostile}.csv", tmp_path / "t.csv"
    predictions.write_text("0.5\nabc\n")
    targets.write_text("1\n0\n")
    with pytest.raises((DomainError, OSError, ValueError)) as caught:
        perdita.evaluate(str(predictions), str(targets), "mse")
    assert hostile not in str(caught.value) and shown in str(caught.value)

    predictions = tmp_path / "p.csv"
    predictions.write_text(f"0.5\nab{hostile}c\n", newline="")
    with pytest.raises((DomainError, OSError, ValueError)) as caught:
        perdita.evaluate(str(predictions), str(targets), "mse")
    assert hostile not in str(caught.value)
