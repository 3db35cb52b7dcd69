"""Every misuse is an exception that names the function, the argument, what it is and what is valid; data errors name the
first offending element. In the torch face an except clause written for torch's class catches it too."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as torch_functional

import perdita.functional as numpy_functional
import perdita.torch.functional as perdita_functional
from loss_cases import cases, function_name

VALID = r"\(valid: .+\)"
CASES = cases(variants=slice(1), shapes=slice(1))
CASES += [case for case in cases(shapes=slice(1)) if case.variant.id in ("weight", "both", "all")]
OPERANDS = [(case, name) for case in CASES for name in case.tensors()]
OPERAND_IDS = [f"{case.loss.name}-{case.variant.id}-{name}" for case, name in OPERANDS]
OPTIONAL = ("weight", "pos_weight", "linear_bias")


LABELLED = [case for case in CASES if case.loss.name in ("cross_entropy", "nll_loss", "multi_margin_loss",
                                                         "multilabel_margin_loss", "linear_cross_entropy")]  # fmt: skip


def call(case, face=perdita_functional, **changed):
    tensors = {**case.tensors(), **changed}
    if face is numpy_functional:
        tensors = {n: t.numpy() if isinstance(t, torch.Tensor) else t for n, t in tensors.items()}
    return getattr(face, function_name(case.loss))(**tensors, **case.variant.options)


def assert_explained(error, case, name, *more):
    """The message names the function and the argument (some are named in pairs), and says what is valid."""
    message = str(error)
    assert isinstance(error, (ValueError, TypeError)), f"{type(error)}: {message}"
    assert message.startswith(function_name(case.loss) + ":"), f"names no function: {message}"
    assert re.search(VALID, message), f"does not say what is valid: {message}"
    assert re.search(rf"\b{name}\b", message), f"does not name {name}: {message}"
    for text in more:
        assert text in message, f"does not say {text}: {message}"


NO_ARRAYS = {"none": None, "text": "abc", "object": object(), "set": {1.0}, "function": len}


@pytest.mark.parametrize("kind", NO_ARRAYS)
@pytest.mark.parametrize(("case", "name"), OPERANDS, ids=OPERAND_IDS)
def test_no_array(case, name, kind):
    if kind == "none" and name in OPTIONAL or "distance_function" in case.variant.options:
        return
    with pytest.raises((ValueError, TypeError)) as raised:
        call(case, **{name: NO_ARRAYS[kind]})
    assert_explained(raised.value, case, name)


def unusable():
    yield "complex64", lambda t: t.to(torch.complex64)
    yield "meta", lambda t: t.to("meta")
    yield "sparse", lambda t: t.to_sparse()
    yield "quantized", lambda t: torch.quantize_per_tensor(t.float(), 0.1, 0, torch.quint8)
    yield "int8", lambda t: t.to(torch.int8)
    yield "float8", lambda t: t.to(torch.float8_e4m3fn)


UNUSABLE = dict(unusable())


@pytest.mark.parametrize("kind", UNUSABLE)
@pytest.mark.parametrize(("case", "name"), OPERANDS, ids=OPERAND_IDS)
def test_unusable_tensors(case, name, kind):
    """Complex numbers, other devices' memory, other layouts: refused, or (torch knows some) computed as torch does."""
    wrong = UNUSABLE[kind](case.tensors()[name])
    try:
        found = call(case, **{name: wrong})
    except (ValueError, TypeError) as error:
        assert_explained(error, case, name)
    except (RuntimeError, NotImplementedError) as error:
        raise AssertionError(f"neither ValueError nor TypeError: {error!r}") from error
    else:
        expected = call(case, torch_functional, **{name: wrong})
        torch.testing.assert_close(found, expected, check_dtype=False)


@pytest.mark.parametrize("face", [perdita_functional, numpy_functional], ids=["torch", "numpy"])
@pytest.mark.parametrize(("case", "name"), OPERANDS, ids=OPERAND_IDS)
def test_wrong_sizes(case, name, face):
    """One more in the last dimension fits no other operand; nothing is read out of bounds."""
    tensor = case.tensors()[name]
    more_classes = name == "input" and case in LABELLED and "weight" not in case.tensors()
    if case.loss.name == "ctc_loss" and name in ("log_probs", "targets"):
        return  # another class, or a wider padding, is as good
    if tensor.dim() == 0 or more_classes and case.loss.name not in ("multilabel_margin_loss", "linear_cross_entropy"):
        return
    pad = torch.ones((*tensor.shape[:-1], 1), dtype=tensor.dtype)
    with pytest.raises(ValueError) as raised:
        call(case, face, **{name: torch.cat([tensor, pad], -1)})
    assert_explained(raised.value, case, name)
    if face is perdita_functional:
        assert isinstance(raised.value, RuntimeError)


@pytest.mark.parametrize(("case", "name"), OPERANDS, ids=OPERAND_IDS)
def test_too_many_dimensions(case, name):
    tensor = case.tensors()[name]
    with pytest.raises((ValueError, TypeError)) as raised:
        call(case, **{name: tensor[(None,) * (9 - tensor.dim())]})
    assert_explained(raised.value, case, name)


def element(argument, flat, shape):
    """A pattern for an element: target[1, 2], or by its place among all."""
    index = ", ?".join(str(int(i)) for i in np.unravel_index(flat, shape))
    return rf"\b{argument}\[({index}|{flat})\]"


@pytest.mark.parametrize("face", [perdita_functional, numpy_functional], ids=["torch", "numpy"])
@pytest.mark.parametrize("label", [-2, 1000, 2**40, -(2**62)])
@pytest.mark.parametrize("case", LABELLED, ids=map(str, LABELLED))
def test_labels_that_are_no_classes(case, label, face):
    target = case.tensors()["target"].clone()
    target.view(-1)[2] = label
    target.view(-1)[3] = label + 1  # the first is named
    with pytest.raises(ValueError) as raised:
        call(case, face, target=target)
    assert_explained(raised.value, case, "target", str(label))
    assert isinstance(raised.value, IndexError) and isinstance(raised.value, RuntimeError)
    assert re.search(element("target", 2, target.shape), str(raised.value)), str(raised.value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.int16])
@pytest.mark.parametrize("case", LABELLED, ids=map(str, LABELLED))
def test_labels_of_a_wrong_type(case, dtype):
    with pytest.raises((ValueError, TypeError)) as raised:
        call(case, target=case.tensors()["target"].to(dtype))
    assert_explained(raised.value, case, "target")


DATA = [
    ("binary_cross_entropy", "input", 1.5, "1.5"),
    ("binary_cross_entropy", "input", float("nan"), "nan"),
    ("binary_cross_entropy", "input", -1e-9, "-1e-09"),
    ("binary_cross_entropy", "target", -0.25, "-0.25"),
    ("gaussian_nll_loss", "var", -1.0, "-1"),
]


@pytest.mark.parametrize(("name", "argument", "value", "text"), DATA, ids=[f"{d[0]}-{d[1]}-{d[3]}" for d in DATA])
def test_elements_outside_their_domain(name, argument, value, text):
    case = next(case for case in CASES if case.loss.name == name)
    tensor = case.tensors()[argument].clone()
    tensor[1, 2] = value
    tensor[2, 3] = 2 * value
    with pytest.raises(ValueError) as raised:
        call(case, **{argument: tensor})
    assert_explained(raised.value, case, argument, text)
    assert re.search(element(argument, 6, tensor.shape), str(raised.value)), str(raised.value)
    view = tensor.t().contiguous().t()  # the index is of the array, not of its memory
    with pytest.raises(ValueError, match=element(argument, 6, tensor.shape)):
        call(case, **{argument: view})


OPTIONS = [
    ("huber_loss", {"delta": 0.0}, "delta"),
    ("huber_loss", {"delta": float("nan")}, "delta"),
    ("huber_loss", {"delta": "1"}, "delta"),
    ("huber_loss", {"delta": None}, "delta"),
    ("huber_loss", {"delta": 1j}, "delta"),
    ("smooth_l1_loss", {"beta": -1.0}, "beta"),
    ("smooth_l1_loss", {"beta": [1.0]}, "beta"),
    ("cross_entropy", {"label_smoothing": 1.5}, "label_smoothing"),
    ("cross_entropy", {"label_smoothing": float("nan")}, "label_smoothing"),
    ("cross_entropy", {"ignore_index": 1.5}, "ignore_index"),
    ("cross_entropy", {"ignore_index": "a"}, "ignore_index"),
    ("cross_entropy", {"ignore_index": 2**70}, "ignore_index"),
    ("cross_entropy", {"normalize_by": "rows"}, "normalize_by"),
    ("cross_entropy", {"normalize_by": (3,)}, "normalize_by"),
    ("mse_loss", {"normalize_by": "weight_sum,reduction=sum"}, "normalize_by"),
    *[
        (name, {"normalize_by": "count", "reduction": reduction}, "normalize_by")
        for name in ("mse_loss", "cross_entropy", "cosine_embedding_loss", "linear_cross_entropy")
        for reduction in ("none", "sum")
    ],
    ("kl_div", {"normalize_by": "count", "reduction": "batchmean"}, "normalize_by"),
    ("mse_loss", {"reduction": "average"}, "reduction"),
    ("mse_loss", {"reduction": "batchmean"}, "reduction"),
    ("mse_loss", {"reduction": None}, "reduction"),
    ("mse_loss", {"reduction": 1}, "reduction"),
    ("multi_margin_loss", {"p": 3}, "p"),
    ("multi_margin_loss", {"p": 1.5}, "p"),
    ("multi_margin_loss", {"margin": "x"}, "margin"),
    ("triplet_margin_loss", {"margin": 0.0}, "margin"),
    ("triplet_margin_loss", {"p": -1.0}, "p"),
    ("triplet_margin_loss", {"p": float("nan")}, "p"),
    ("triplet_margin_with_distance_loss", {"distance_function": 3}, "distance_function"),
    ("kl_div", {"log_target": "yes"}, "log_target"),
    ("poisson_nll_loss", {"eps": "small"}, "eps"),
    ("gaussian_nll_loss", {"eps": [1]}, "eps"),
    ("ctc_loss", {"blank": 99}, "blank"),
    ("ctc_loss", {"blank": -1}, "blank"),
    ("linear_cross_entropy", {"chunk_rows": -5}, "chunk_rows"),
    ("linear_cross_entropy", {"label_smoothing": 2.0}, "label_smoothing"),
]


@pytest.mark.parametrize("face", [perdita_functional, numpy_functional], ids=["torch", "numpy"])
@pytest.mark.parametrize(("name", "options", "option"), OPTIONS, ids=[f"{o[0]}-{o[1]}" for o in OPTIONS])
def test_options(name, options, option, face):
    case = next(case for case in CASES if case.loss.name == name)
    tensors = case.tensors()
    if face is numpy_functional:
        tensors = {n: t.numpy() for n, t in tensors.items()}
    with pytest.raises((ValueError, TypeError)) as raised:
        getattr(face, name)(**tensors, **options)
    assert_explained(raised.value, case, option)


@pytest.mark.parametrize("wrong", [1 + 0j, "1.0", np.array([1.0, 1.0])], ids=repr)
def test_an_error_does_not_depend_on_earlier_calls(wrong):
    """1 + 0j equals 1.0 and has its hash: a cache of options must tell them apart."""
    x = torch.zeros(2)
    for _ in range(2):
        with pytest.raises((ValueError, TypeError), match="delta"):
            perdita_functional.huber_loss(x, x, delta=wrong)
        perdita_functional.huber_loss(x, x, delta=1.0)


def test_an_option_that_is_not_there():
    with pytest.raises(TypeError, match="delta"):
        perdita_functional.mse_loss(torch.zeros(2), torch.zeros(2), delta=1.0)
    with pytest.raises(TypeError, match="target"):
        perdita_functional.mse_loss(torch.zeros(2))


SEQUENCE = next(case for case in CASES if case.loss.name == "ctc_loss")
LENGTHS = [
    ("input_lengths", 0, -1),
    ("input_lengths", 1, 13),
    ("target_lengths", 1, -1),
    ("target_lengths", 2, 5),
    ("targets", 0, 99),
    ("targets", 1, -3),
]


@pytest.mark.parametrize(("argument", "place", "value"), LENGTHS, ids=[f"{a}-{v}" for a, _, v in LENGTHS])
def test_sequences(argument, place, value):
    tensor = SEQUENCE.tensors()[argument].clone()
    tensor.view(-1)[place] = value
    with pytest.raises(ValueError) as raised:
        call(SEQUENCE, **{argument: tensor})
    assert_explained(raised.value, SEQUENCE, argument, str(value), "[")


@pytest.mark.parametrize(("case", "name"), OPERANDS, ids=OPERAND_IDS)
def test_after_an_error_all_is_well(case, name):
    """No operand stays held, and the next call is right."""
    import sys

    tensors = case.tensors()
    before = {n: sys.getrefcount(t) for n, t in tensors.items()}
    function = getattr(perdita_functional, function_name(case.loss))
    expected = function(**tensors, **case.variant.options)
    for _ in range(3):
        with pytest.raises(Exception):  # noqa: B017
            function(**{**tensors, name: object()}, **case.variant.options)
    assert {n: sys.getrefcount(t) for n, t in tensors.items()} == before
    assert torch.equal(function(**tensors, **case.variant.options), expected)
