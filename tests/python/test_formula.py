"""perdita.formula beside the same formula in plain torch and NumPy, and what it says to functions it cannot trace."""

import functools
import math
import pickle

import numpy as np
import pytest
import torch

import perdita
from perdita import ops
from perdita.errors import DTypeError

Y = torch.tensor(np.random.default_rng(5).normal(size=(40, 3)) * 2)
T = torch.tensor(np.random.default_rng(6).integers(0, 2, (40, 3)), dtype=torch.float64)


def focal_torch(y, t):
    b = torch.nn.functional.softplus(y) - t * y
    return 0.25 * (1 - torch.exp(-b)) ** 2 * b


def focal_numpy(y, t):
    b = np.logaddexp(0, y) - t * y
    return 0.25 * np.power(1 - np.exp(-b), 2) * b


def huber(y, t):
    r = abs(y - t)
    return torch.where(r < 1.5, 0.5 * r**2, 1.5 * (r - 0.75))


CASES = [
    (focal_torch, focal_torch),
    (focal_numpy, focal_torch),
    ("0.25*(1-exp(-b))^2*b where b = softplus(y) - t*y", focal_torch),
    (huber, huber),
    (lambda y, t: ops.log_cosh(y - t), lambda y, t: torch.log(torch.cosh(y - t))),
    (lambda y, t: (y - t).abs().clamp(max=1.0), lambda y, t: (y - t).abs().clamp(max=1.0)),
    (
        lambda y, t: ops.select((y > 0) & ~(t > 0.5), y, -t / 2),
        lambda y, t: torch.where((y > 0) & ~(t > 0.5), y, -t / 2),
    ),
    (lambda y, t: np.maximum(y, t) - np.minimum(y, 0.3), lambda y, t: torch.maximum(y, t) - y.clamp(max=0.3)),
    (lambda y, t: 2 ** (y / 4) + 1 / (1 + y**2) - t * 3, lambda y, t: 2 ** (y / 4) + 1 / (1 + y**2) - t * 3),
]


@pytest.mark.parametrize("written, plain", CASES)
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_equals_plain_torch(written, plain, reduction):
    loss = perdita.formula(written)
    y, t = Y.clone().requires_grad_(), T.clone().requires_grad_()
    ours = loss(y, t, reduction=reduction)
    theirs = plain(y, t)
    theirs = theirs if reduction == "none" else getattr(theirs, reduction)()
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    found = torch.autograd.grad(ours.sum(), (y, t), create_graph=True, allow_unused=True)
    expected = torch.autograd.grad(theirs.sum(), (y, t), create_graph=True, allow_unused=True)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, torch.zeros_like(a) if b is None else b, rtol=1e-11, atol=1e-12)
    if written is focal_torch:
        (second,) = torch.autograd.grad(found[0].sum(), y)
        (expected_second,) = torch.autograd.grad(expected[0].sum(), y)
        torch.testing.assert_close(second, expected_second, rtol=1e-9, atol=1e-12)
    of_numpy = loss(Y.numpy(), T.numpy(), reduction=reduction)
    np.testing.assert_allclose(of_numpy, ours.detach().numpy(), rtol=0, atol=0)


def test_value_and_grad_of_numpy_arrays():
    loss = perdita.formula(focal_numpy)
    value, gradient = perdita.value_and_grad(loss)(Y.numpy(), T.numpy())
    y = Y.clone().requires_grad_()
    expected = focal_torch(y, T).mean()
    expected.backward()
    np.testing.assert_allclose(value, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient, y.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("written", [lambda log_p, t: -t * log_p, "-t * log_p", lambda p, t: -t * ops.log(p)])
def test_of_classes_is_cross_entropy(written):
    loss = perdita.formula(written)
    logits, labels = Y.clone().requires_grad_(), torch.arange(40) % 3
    weight = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    for options in ({}, {"weight": weight}, {"reduction": "none"}):
        ours, theirs = loss(logits, labels, **options), torch.nn.functional.cross_entropy(logits, labels, **options)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
        (found,), (expected,) = torch.autograd.grad(ours.sum(), logits), torch.autograd.grad(theirs.sum(), logits)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def test_shared_parts_are_written_once():
    assert repr(perdita.formula(lambda y, t: (b := y - t) * b)) == "perdita.formula('v1 * v1 where v1 = y - t')"
    chain = perdita.formula(lambda y, t: sum((y - k) ** 2 for k in range(50)))
    assert chain(np.zeros(1), np.zeros(1)) == sum(k * k for k in range(50))


def test_survives_pickling_and_compiling():
    loss = pickle.loads(pickle.dumps(perdita.formula(focal_torch)))
    assert loss(Y, T) == perdita.formula(focal_torch)(Y, T)


def test_is_taken_into_compiled_graphs():
    loss = perdita.formula(focal_torch)
    y = Y.clone().requires_grad_()
    compiled = torch.compile(lambda y: loss(2 * y, T), backend="aot_eager", fullgraph=True)
    value = compiled(y)
    (found,) = torch.autograd.grad(value, y)
    (expected,) = torch.autograd.grad(focal_torch(2 * y, T).mean(), y)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def branches(y, t):
    return y if y > t else t


@pytest.mark.parametrize(
    "function, says",
    [
        (branches, "perdita.ops.select(condition, a, b)"),
        (lambda y, t: max(y, t), "perdita.ops.max"),
        (lambda y, t: math.exp(y), "perdita.ops.exp(y) instead of math.exp(y)"),
        (lambda y, t: np.sin(y), "unsupported function sin"),
        (lambda y, t: y.mean(), "symbols have no attribute 'mean'"),
        (lambda y, t: sum(y), "single elements"),
        (lambda y, t: y * torch.ones(3), "an array of shape [3]"),
        (lambda y, t: y * np.ones(3), "an array of shape [3]"),
        (lambda y, t: 3.0, "does not depend on y"),
        (lambda y, t: t * 2, "does not depend on y"),
        ("y +", "found the end, expected a number"),
        (3, "a string, or a function"),
    ],
)
def test_says_how_to_write_what_cannot_be_traced(function, says):
    with pytest.raises((TypeError, ValueError)) as caught:
        perdita.formula(function)
    assert says in str(caught.value)


def test_wrong_arrays_are_named():
    loss = perdita.formula("(y - t)^2")
    with pytest.raises(ValueError, match="input has shape.*target has shape"):
        loss(torch.ones(3), torch.ones(4))
    with pytest.raises(TypeError, match="formula"):
        loss(torch.ones(3), [1, 2, 3])


P = torch.nn.Parameter(torch.tensor(2.0))


@pytest.mark.parametrize(
    "function",
    [
        lambda y, t: P * abs(y - t),
        lambda y, t: abs(y - t) * P,
        lambda y, t: abs(y - t) ** (P + 1),
        lambda y, t: torch.add(P, abs(y - t)),
        lambda y, t: torch.where(y > t, P, y),
        lambda log_p, t: -t * log_p * P,
    ],
)
def test_tensors_that_require_grad_are_refused(function):
    with pytest.raises(DTypeError, match="requires grad.*constant.*valid: .*detach"):
        perdita.formula(function)


def test_a_detached_tensor_is_a_constant():
    assert perdita.formula(lambda y, t: P.detach() * abs(y - t)).text == "2.0 * abs(y - t)"


CONTRADICTING = [
    lambda t, y: ops.max(t - y, 0),
    lambda target, input: abs(input - target),
    lambda true, pred: abs(pred - true),
    lambda y_true, y_pred: abs(y_pred - y_true),
    lambda yTrue, yPred: abs(yPred - yTrue),
    lambda y, y_hat: abs(y_hat - y),
    lambda labels, x: abs(x - labels),
    lambda t, log_p: -t * log_p,
]


@pytest.mark.parametrize("function", CONTRADICTING, ids=lambda f: ",".join(f.__code__.co_varnames))
def test_names_that_contradict_their_places_are_refused(function):
    with pytest.raises(DTypeError, match=r"named \(.*first argument is the input .*valid: \(y, t\)"):
        perdita.formula(function)


class Callable:
    def __call__(self, prediction, truth):
        return abs(prediction - truth)


AGREEING = [
    lambda y, t: abs(y - t),
    lambda x, y: abs(x - y),
    lambda pred, true: abs(pred - true),
    lambda y_hat, y: abs(y_hat - y),
    lambda a, b, scale=1: abs(a - b),
    Callable(),
    functools.partial(lambda scale, y, t: abs(y - t), 2.0),
]


@pytest.mark.parametrize("function", AGREEING)
def test_other_names_are_taken_by_position(function):
    assert perdita.formula(function).text == "abs(y - t)"


@pytest.mark.parametrize("function", [lambda y: y, lambda y, t, w: y * w, lambda y, *, t: y - t])
def test_functions_of_another_number_of_arguments(function):
    with pytest.raises(DTypeError, match=r"the function takes \(.*valid: two arguments"):
        perdita.formula(function)
