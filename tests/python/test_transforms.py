"""torch.func, forward-mode differentiation and traces: torch's results where torch has the loss, else those of plain calls;
no wrong number, no tangent lost, no constant in the place of a loss."""

import functools

import pytest
import torch
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx

import perdita.torch.functional as F
import perdita.torch.nn as nn
from all_losses import ALL, FIRST, OF_PERDITA, OF_TORCH, value_and_gradients
from perdita.errors import DTypeError

TRANSFORMED = [call for call in OF_TORCH if call.name != "ctc_loss"]  # torch's derivative is that of another function


def leading(call, loss):
    """The loss as a function of its first operand, and that operand."""
    first, *rest = call.tensors().values()
    return first, lambda x: loss(x, *rest)


def result_of(function, *arguments):
    try:
        return function(*arguments)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        return error


def assert_same(found, expected):
    """Torch's result. Where torch refuses there may be one: see test_composed.py."""
    if isinstance(expected, Exception):
        assert "INTERNAL ASSERT" not in str(found), found
    else:
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


TRANSFORMS = {
    "grad": lambda f: torch.func.grad(lambda x: f(x).sum()),
    "grad_and_value": lambda f: torch.func.grad_and_value(lambda x: f(x).sum()),
    "jacrev": lambda f: torch.func.jacrev(f),
    "jacfwd": lambda f: torch.func.jacfwd(f),
    "hessian": lambda f: torch.func.hessian(lambda x: f(x).sum()),
    "jvp": lambda f: lambda x: torch.func.jvp(f, (x,), (torch.cos(x),)),
    "vjp": lambda f: lambda x: torch.func.vjp(f, x)[1](torch.ones_like(f(x))),
    "linearize": lambda f: lambda x: torch.func.linearize(f, x)[1](torch.cos(x)),
    "vmap": lambda f: lambda x: torch.func.vmap(f)(torch.stack([x, 0.9 * x])),
    "vmap_of_grad": lambda f: (
        lambda x: torch.func.vmap(torch.func.grad(lambda v: f(v).sum()))(torch.stack([x, 0.9 * x]))
    ),
    "hvp": lambda f: lambda x: torch.func.jvp(torch.func.grad(lambda v: f(v).sum()), (x,), (torch.sin(x),))[1],
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("call", TRANSFORMED, ids=str)
def test_transforms(call, transform):
    for reduction in ("none", "mean"):
        x, ours = leading(call, call.function(reduction=reduction))
        _, theirs = leading(call, call.of_torch(reduction=reduction))
        expected = TRANSFORMS[transform](theirs)
        if transform == "linearize" and call.id.startswith("weighted l1"):  # torch traces it without the weight
            expected = lambda v, f=theirs: torch.func.jvp(f, (v,), (torch.cos(v),))[1]  # noqa: E731
        assert_same(result_of(TRANSFORMS[transform](ours), x), result_of(expected, x))


@pytest.mark.parametrize("call", [*TRANSFORMED, *OF_PERDITA], ids=str)
def test_transforms_give_what_plain_calls_do(call):
    """A batch is its elements one after the other; a gradient is torch.autograd.grad's."""
    x, loss = leading(call, call.function())
    batch = torch.stack([x, 0.9 * x, 0.7 * x])
    found = result_of(torch.func.vmap(loss), batch)
    if not isinstance(found, Exception):
        torch.testing.assert_close(found, torch.stack([loss(v) for v in batch]), rtol=1e-10, atol=1e-12)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(leaf), leaf)
    torch.testing.assert_close(torch.func.grad(loss)(x), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["poisson_nll_loss", "l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss"])
def test_integers(name):
    """Are torch's, as in plain calls: the same result, or none."""
    x, t = torch.tensor([[1, 0, 2], [1, 1, 1]]), torch.tensor([[1, 3, 2], [0, 1, 5]])
    transforms = (
        torch.func.vmap,
        lambda f: make_fx(lambda a, b: f(a, b))(x, t),
        lambda f: lambda a, b: f(a.to("meta"), b.to("meta")).dtype,
        lambda f: torch.compile(f, fullgraph=True, backend="eager"),
    )
    for transform in transforms:
        for reduction in ("none", "mean"):
            results = []
            for module in (torch.nn.functional, F):
                loss = functools.partial(getattr(module, name), reduction=reduction)
                results.append(attempt(lambda f=loss, transform=transform: transform(f)(x, t)))
            expected, found = results
            assert isinstance(found, Exception) == isinstance(expected, Exception), (name, found, expected)
            if isinstance(expected, torch.Tensor):
                torch.testing.assert_close(found, expected, rtol=0, atol=0)
            elif not isinstance(expected, Exception):
                assert found == expected


def attempt(function):
    try:
        return function()
    except Exception as error:
        return error


@pytest.mark.parametrize("name", ["log_cosh_loss", "focal_loss"])
def test_integers_where_torch_lacks_the_loss(name):
    with pytest.raises(DTypeError, match="holds int64"):
        torch.func.vmap(getattr(F, name))(torch.ones(2, 3, 4, dtype=torch.int64), torch.zeros(2, 3, dtype=torch.int64))


LABELED = {
    "smoothed cross_entropy": lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1),
    "cross_entropy": F.cross_entropy,
    "focal_loss": F.focal_loss,
    "dice_loss": F.dice_loss,
    "lovasz_loss": F.lovasz_loss,
    "multi_margin_loss": F.multi_margin_loss,
    "ldam_loss": lambda z, y: F.ldam_loss(z, y, torch.ones(4)),
}


@pytest.mark.parametrize("name", LABELED)
def test_labels_that_are_not_classes(name):
    """Are errors in transforms and traces too, which do not read elements."""
    loss, z = LABELED[name], torch.randn(2, 3, 4, dtype=torch.float64)
    right, wrong = torch.tensor([0, 1, 2]), torch.tensor([3, 7, 1])
    traces = (
        lambda z, y: torch.func.vmap(loss)(torch.stack([z, z]), torch.stack([right, y])),
        make_fx(lambda z, y: loss(z, y))(z[0], right),
        torch.jit.trace(lambda z, y: loss(z, y), (z[0], right), check_trace=False),
        torch.export.export(Criterion(loss), (z[0], right)).module(),
    )
    for trace in traces:
        trace(z[1], right)
        with pytest.raises(RuntimeError, match="out of bounds"):
            trace(z[1], wrong)


def test_options_that_torch_lacks():
    x, y = torch.randn(2, 3, 4), torch.tensor([0, 1, 2])
    found, extras = torch.func.vmap(lambda v: F.cross_entropy(v, y, normalize_by="count", return_extras=True))(x)
    torch.testing.assert_close(found, torch.stack([F.cross_entropy(v, y) for v in x]))
    torch.testing.assert_close(extras.hits, x.argmax(2) == y)
    with pytest.raises(ValueError, match="label_smoothing"):
        torch.func.grad(lambda v: F.cross_entropy(v, y, label_smoothing=-1.0))(x[0])


def test_per_sample_gradients_of_a_model():
    """As laplace-torch and Opacus call a criterion."""
    torch.manual_seed(0)
    model, criterion = torch.nn.Linear(5, 3).double(), nn.CrossEntropyLoss(weight=torch.rand(3).double())
    x, y = torch.randn(4, 5).double(), torch.tensor([0, 2, 1, 1])

    def loss(parameters, sample, label, criterion=criterion):
        return criterion(torch.func.functional_call(model, parameters, (sample[None],)), label[None])

    theirs = torch.nn.CrossEntropyLoss(weight=criterion.weight)
    parameters = dict(model.named_parameters())
    found = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(parameters, x, y)
    expected = torch.func.vmap(torch.func.grad(lambda *a: loss(*a, criterion=theirs)), (None, 0, 0))(parameters, x, y)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)
    adaptive = nn.AdaptiveLogSoftmaxWithLoss(5, 12, [4, 8])
    for wrong in (lambda v: adaptive(v, y).loss, lambda v: torch.func.functional_call(adaptive, {}, (v, y)).loss):
        found = result_of(torch.func.grad(wrong), x.float())
        assert isinstance(found, (torch.Tensor, RuntimeError)) and "INTERNAL ASSERT" not in str(found)


@pytest.mark.parametrize("call", TRANSFORMED, ids=str)
def test_forward_mode(call):
    for reduction in ("none", "sum"):
        results = []
        for loss in (call.function(reduction=reduction), call.of_torch(reduction=reduction)):
            x, loss = leading(call, loss)
            with forward_ad.dual_level():
                results.append(
                    result_of(lambda x=x, f=loss: tuple(forward_ad.unpack_dual(f(forward_ad.make_dual(x, x.cos())))))
                )
        assert_same(*results)


def test_forward_mode_by_hand():
    """mse of (1, 2) with tangent (1, 1) to 0: 2 (1 + 2) / 2."""
    with forward_ad.dual_level():
        x = forward_ad.make_dual(torch.tensor([1.0, 2.0]), torch.ones(2))
        assert forward_ad.unpack_dual(F.mse_loss(x, torch.zeros(2))).tangent.item() == 3
        assert F.mse_loss(torch.tensor([1.0, 2.0]), torch.zeros(2)).item() == 2.5  # no tangent, no detour


@pytest.mark.parametrize("call", OF_PERDITA, ids=str)
def test_forward_mode_of_other_losses(call):
    x, loss = leading(call, call.function(reduction="sum"))
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf), leaf)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(loss(forward_ad.make_dual(x, x.cos()))).tangent
    torch.testing.assert_close(tangent, (gradient * x.cos()).sum(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_forward_mode_of_a_backward_pass(reduction):
    """The gradient is linear in the upstream gradient."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    value = F.log_cosh_loss(x, torch.zeros(2), reduction=reduction)
    (expected,) = torch.autograd.grad(value, x, torch.full_like(value, 3.0), retain_graph=True)
    with forward_ad.dual_level():
        upstream = forward_ad.make_dual(torch.ones_like(value), torch.full_like(value, 3.0))
        (gradient,) = torch.autograd.grad(value, x, upstream)
        torch.testing.assert_close(forward_ad.unpack_dual(gradient).tangent, expected)


def assert_traced(traced, call, operands, differentiable=None):
    """The trace gives what the loss does, for other numbers too, and its gradients."""
    names = call.differentiable if differentiable is None else differentiable
    for factor in (1.0, 0.8):
        tensors = {n: t * factor if n in call.differentiable[:1] else t for n, t in operands.items()}
        value, gradients = value_and_gradients(call.function(), tensors, names)
        found, found_gradients = value_and_gradients(traced, tensors, names)
        torch.testing.assert_close(found, value, rtol=1e-12, atol=1e-14)
        if call.name != "ctc_loss":
            torch.testing.assert_close(found_gradients, gradients, rtol=1e-10, atol=1e-12)


def traceable(call):
    """Without operands whose type torch cannot trace."""
    return "distance_function" not in call.options


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
@pytest.mark.parametrize("call", [c for c in ALL if traceable(c)], ids=str)
def test_make_fx(call, mode):
    tensors = call.tensors()
    traced = make_fx(call.function(), tracing_mode=mode)(*tensors.values())
    assert any(node.op == "call_function" for node in traced.graph.nodes), "the loss is a constant"
    value = call.function()(*tensors.values())
    torch.testing.assert_close(traced(*tensors.values()), value, rtol=1e-12, atol=1e-14)
    first = next(iter(tensors))
    smaller = {**tensors, first: tensors[first] * 0.8}
    torch.testing.assert_close(traced(*smaller.values()), call.function()(*smaller.values()), rtol=1e-12, atol=1e-14)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", [c for c in FIRST if traceable(c)], ids=str)
def test_jit_trace(call):
    tensors = call.tensors()
    traced = torch.jit.trace(call.function(), tuple(tensors.values()), check_trace=False)
    assert_traced(traced, call, tensors)


class Criterion(torch.nn.Module):
    """A loss as a model whose inputs are the operands."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, *operands):
        return self.loss(*operands)


@pytest.mark.parametrize("call", FIRST, ids=str)
def test_symbolic_trace(call):
    tensors = call.tensors()
    names = list(tensors)
    scope = {"loss": call.function()}
    exec(f"def step({', '.join(names)}): return loss({', '.join(names)}) * 2", scope)  # torch.fx reads the signature
    traced = torch.fx.symbolic_trace(scope["step"])
    torch.testing.assert_close(
        traced(*tensors.values()), 2 * call.function()(*tensors.values()), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", ["mse_loss", "cross_entropy", "log_cosh_loss", "focal_loss", "dice_loss"])
def test_export(name, strict):
    call = next(c for c in FIRST if c.name == name)
    tensors = call.tensors()
    program = torch.export.export(Criterion(call.function()), tuple(tensors.values()), strict=strict)
    first = next(iter(tensors))
    other = {**tensors, first: tensors[first] * 0.8}
    torch.testing.assert_close(
        program.module()(*other.values()), call.function()(*other.values()), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("transform", ["grad", "vmap", "jvp"])
@pytest.mark.parametrize("name", ["mse_loss", "cross_entropy", "log_cosh_loss"])
def test_transforms_within_compiled_code(name, transform):
    torch.compiler.reset()
    call = next(c for c in FIRST if c.name == name)
    x, loss = leading(call, call.function())
    compiled = torch.compile(TRANSFORMS[transform](loss), backend="aot_eager")
    torch.testing.assert_close(compiled(x), TRANSFORMS[transform](loss)(x))


def test_dispatch_modes_of_a_user_see_the_loss():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Seen(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            names.append(str(function))
            return function(*args, **(kwargs or {}))

    names, x = [], torch.tensor([1.0, 2.0], requires_grad=True)
    with Seen():
        first = F.mse_loss(x, torch.zeros(2))
        second = F.log_cosh_loss(x, torch.zeros(2))
        gradients = torch.autograd.grad(first + second, x)
    assert len(names) > 5 and all(name.startswith("aten.") for name in names)
    expected = torch.autograd.grad(F.mse_loss(x, torch.zeros(2)) + F.log_cosh_loss(x, torch.zeros(2)), x)
    torch.testing.assert_close(gradients, expected)
