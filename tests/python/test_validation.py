"""validate=True and set_validation(): targets and inputs outside a loss's domain, by every way of calling."""

import warnings

import numpy as np
import pytest
import torch

import perdita
import perdita.functional as numpy_functional
import perdita.nn as numpy_nn
import perdita.torch
import perdita.torch.functional as torch_functional
import perdita.torch.nn as torch_nn
from perdita._catalogue import ENTRIES
from perdita.errors import DomainError

X = [0.5, 0.25, 0.75]
PAIRS = [
    ("hinge_embedding_loss", X, [1, -1, 0], {}, r"target\[2\] is 0 \(valid: -1 or 1\)"),
    ("soft_margin_loss", X, [1, 0.5, -1], {}, r"target\[1\] is 0.5 \(valid: -1 or 1\)"),
    ("binary_cross_entropy_with_logits", X, [0, 1, 2], {}, r"target\[2\] is 2 \(valid: 0\.\.1\)"),
    ("binary_focal_loss", X, [0, 1, -1], {}, r"target\[2\] is -1 \(valid: 0\.\.1\)"),
    ("asymmetric_loss", X, [0, 1, float("nan")], {}, r"target\[2\] is nan \(valid: 0\.\.1\)"),
    ("multilabel_soft_margin_loss", X, [0, 1, 7], {}, r"target\[2\] is 7 \(valid: 0\.\.1\)"),
    ("gamma_nll_loss", X, [1, 0, 2], {}, r"target\[1\] is 0 \(valid: above 0\)"),
    ("poisson_nll_loss", X, [1, 0, -2], {}, r"target\[2\] is -2 \(valid: 0 or more\)"),
    ("poisson_nll_loss", [1, 2, -0.5], [1, 0, 2], {"log_input": False}, r"input\[2\] is -0.5 \(valid: 0 or more\)"),
    ("tweedie_loss", [1, 0, 2], [1, 0, 2], {"log_input": False}, r"input\[1\] is 0 \(valid: above 0\)"),
    ("kl_div", X, [1, 0, -2], {}, r"target\[2\] is -2 \(valid: 0 or more\)"),
    ("margin_ranking_loss", X, X, {"target": [1, -1, 0]}, r"target\[2\] is 0 \(valid: -1 or 1\)"),
    ("cosine_embedding_loss", [X, X], [X, X], {"target": [1, 0]}, r"target\[1\] is 0 \(valid: -1 or 1\)"),
    ("cross_entropy", [X, X], [[1, 0, 0], [2, -1, 0]], {}, r"target\[3\] is 2 \(valid: 0\.\.1\)"),
    ("focal_loss", [X, X], [[1, 0, 0], [2, -1, 0]], {}, r"target\[3\] is 2 \(valid: 0\.\.1\)"),
]
IDS = [f"{name}-{message[:5]}" for name, _, _, _, message in PAIRS]


def calls(name, first, second, others):
    """The same loss by every way of calling; each takes further options."""
    more = {key: value for key, value in others.items() if key != "target"}
    arrays = [np.array(a, np.float64) for a in (first, second, *([others["target"]] if "target" in others else []))]
    tensors = [torch.tensor(a) for a in arrays]
    leaves = [tensors[0].clone().requires_grad_(), *tensors[1:]]
    module = ENTRIES[name]["module"]
    yield lambda **o: getattr(numpy_functional, name)(*arrays, **more, **o)
    yield lambda **o: getattr(torch_functional, name)(*tensors, **more, **o)
    yield lambda **o: getattr(torch_functional, name)(*leaves, **more, **o)
    yield lambda **o: getattr(numpy_nn, module)(**more, **o)(*arrays)
    yield lambda **o: getattr(torch_nn, module)(**more, **o)(*leaves)
    yield lambda **o: perdita.value_and_grad(getattr(numpy_functional, name))(*arrays, **more, **o)
    yield lambda **o: getattr(torch_functional, name)(*(t.to(torch.bfloat16) for t in tensors), **more, **o)


@pytest.fixture
def validating():
    perdita.set_validation(True)
    yield
    perdita.set_validation(False)


@pytest.mark.parametrize(("name", "first", "second", "others", "message"), PAIRS, ids=IDS)
def test_by_keyword(name, first, second, others, message):
    for call in calls(name, first, second, others):
        call()
        call(validate=False)
        with pytest.raises(DomainError, match=f"^{name}: {message}"):
            call(validate=True)


@pytest.mark.parametrize(("name", "first", "second", "others", "message"), PAIRS, ids=IDS)
def test_for_all_losses(name, first, second, others, message, validating):
    assert perdita.validation()
    for call in calls(name, first, second, others):
        with pytest.raises(DomainError, match=f"^{name}: {message}"):
            call()


def test_valid_operands_pass(validating):
    x, signs, p = np.array(X), np.array([1.0, -1.0, 1.0]), np.array([0.0, 1.0, 0.5])
    for call, reference in [
        (lambda: numpy_functional.soft_margin_loss(x, signs), np.log1p(np.exp(-signs * x)).mean()),
        (lambda: numpy_functional.binary_cross_entropy_with_logits(x, p), (np.log1p(np.exp(x)) - p * x).mean()),
        (lambda: numpy_functional.poisson_nll_loss(-x, p), (np.exp(-x) + p * x).mean()),
        (lambda: numpy_functional.kl_div(-x, -x, log_target=True), 0.0),
    ]:
        assert call() == pytest.approx(reference, rel=1e-12)


def test_every_function_has_the_keyword():
    for name in ENTRIES:
        for face in (numpy_functional, torch_functional):
            assert "validate" in getattr(face, name).__kwdefaults__


def test_compiled_losses_validate():
    compiled = torch.compile(lambda x, y: torch_functional.soft_margin_loss(x, y, validate=True), backend="eager")
    x, signs = torch.tensor(X), torch.tensor([1.0, -1.0, 1.0])
    torch.testing.assert_close(compiled(x, signs), torch.nn.functional.soft_margin_loss(x, signs))
    with pytest.raises(DomainError, match=r"target\[0\] is 0"):
        compiled(x, torch.zeros(3))


def test_what_torch_computes_is_not_checked_and_says_so():
    x = torch.tensor(X)
    with (
        perdita.torch.torch_exact(),
        pytest.raises(DomainError, match="validate, missing and label_smoothing of labels are not options of torch"),
    ):
        torch_functional.soft_margin_loss(x, x, validate=True)


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry["unit"] == "mask"])
def test_masks_that_are_taken_for_logits(name):
    mask = (np.arange(32).reshape(2, 4, 4) % 3 == 0).astype(np.float64)
    scores, labels = np.linspace(-1, 1, 80).reshape(8, 10), np.arange(8)
    for face, convert in ((numpy_functional, np.asarray), (torch_functional, torch.as_tensor)):
        function = getattr(face, name)
        with pytest.warns(UserWarning, match=f"{name}: input contains only 0 and 1"):
            function(convert(mask), convert(mask), validate=True)
        with pytest.warns(UserWarning, match=rf"{name}: input has shape \[8, 10\] and target \[8\].*cross_entropy"):
            function(convert(scores), convert(labels), validate=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            function(convert(20 * mask - 10), convert(mask), validate=True)
            function(convert(mask), convert(mask))


def test_ctc_refuses_a_blank_among_the_labels():
    log_probs, lengths = np.full((5, 1, 3), -np.log(3)), (np.array([5]), np.array([2]))
    with pytest.raises(DomainError, match=r"targets\[0, 1\] is 0, which is the blank"):
        numpy_functional.ctc_loss(log_probs, np.array([[1, 0]]), *lengths, validate=True)
    with pytest.raises(DomainError, match="blank"):
        torch_functional.ctc_loss(
            torch.tensor(log_probs), torch.tensor([[1, 2]]), *map(torch.tensor, lengths), blank=2, validate=True
        )
    numpy_functional.ctc_loss(log_probs, np.array([[1, 2]]), *lengths, validate=True)
    numpy_functional.ctc_loss(log_probs, np.array([[1, 0]]), *lengths)  # torch's value


def test_transforms_do_not_validate_in_silence():
    """Elements are not read there, so the option is an error and not ignored."""
    with pytest.raises(DomainError, match="validate is not supported in transforms"):
        torch.func.grad(lambda x: torch_functional.huber_loss(x, torch.zeros(2), validate=True))(torch.ones(2))
    with pytest.raises(DomainError, match="validate is not supported in transforms"):
        torch_functional.focal_loss(
            torch.empty(2, 3, device="meta"), torch.empty(2, dtype=torch.int64, device="meta"), validate=True
        )
