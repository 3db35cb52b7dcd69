"""The header perdita/torch.hpp, compiled against the LibTorch of this environment: its losses as operators that torch calls,
compared with torch's losses and with losses by operators of torch."""

import os
import pathlib
import shutil
import subprocess

import pytest
import torch

from comparing import evaluate, of_torch
from loss_cases import LOSSES, cases, function_name, reductions_of
from loss_operands import Numbers
from own_losses import CALLS
from perdita._catalogue import ARGUMENTS, ENTRIES, roles_of
from perdita._functions import functions, text_of
from perdita.torch._composed import composed_loss
from perdita.torch._operands import as_tensor

ROOT = pathlib.Path(__file__).parents[2]
LIBRARY = pathlib.Path(os.environ.get("PERDITA_BUILD", ROOT / "build/release"))
CASES = [case for case in cases(LOSSES, shapes=slice(4)) if function_name(case.loss) in ENTRIES]


def _run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.fixture(scope="session")
def built():
    """The folder in which tests/libtorch is built with the installed library; a second run compiles what changed."""
    if not (LIBRARY / "libperdita.a").exists() and not (LIBRARY / "libperdita.so").exists():
        pytest.skip(f"{LIBRARY} has no library (make build)")
    if not shutil.which("cmake") or not shutil.which("ninja"):
        pytest.skip("cmake and ninja are missing (scripts/install-deps.sh)")
    folder = ROOT / "build" / f"libtorch-{torch.__version__}"
    _run("cmake", "--install", LIBRARY, "--prefix", folder / "prefix")
    launcher = shutil.which("ccache")
    _run(
        "cmake",
        *("-S", ROOT / "tests/libtorch", "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"),
        f"-DCMAKE_PREFIX_PATH={folder / 'prefix'};{torch.utils.cmake_prefix_path}",
        *([f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}"] if launcher else []),
    )
    _run("cmake", "--build", folder, "-j", os.cpu_count())
    return folder


@pytest.fixture(scope="session")
def ops(built):
    torch.ops.load_library(built / "libperdita_libtorch_ops.so")
    return torch.ops.perdita_libtorch


class Functional:
    """The operators as functions of keywords, like those of torch.nn.functional."""

    def __init__(self, ops):
        self.ops = ops

    def __getattr__(self, name):
        def loss(reduction="mean", normalize_by="standard", **arguments):
            order = [n for n, role in zip(ARGUMENTS[name], roles_of(name), strict=True) if role != "weight"]
            operands = [arguments.pop(n, None) for n in order]
            while operands[-1] is None:
                operands.pop()
            weights = [arguments.pop(n, None) for n in ("weight", "pos_weight")]
            if not arguments:
                return self.ops.by_function(name, operands, *weights, reduction, normalize_by)
            return self.ops.by_text(f"{name}:{text_of(arguments.items())}", operands, *weights, reduction, normalize_by)

        return loss


def _composed(function, tensors, reduction, normalize_by, return_extras, **options):
    return composed_loss(function, tensors, reduction, normalize_by, return_extras, text_of(options.items()))


COMPOSED = functions(_composed, torch, lambda *_: None, as_tensor)


def assert_equal(ours, theirs, what, relative=1e-12, absolute=1e-15):
    torch.testing.assert_close(
        ours, theirs, rtol=relative, atol=absolute, equal_nan=True, msg=lambda text: f"{what}: {text}"
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_losses_of_torch(ops, case):
    """Value and the gradients with respect to every operand for which torch has one, times random upstream gradients."""
    tensors = case.tensors()
    for reduction in reductions_of(case.loss):
        options = {**case.variant.options, "reduction": reduction}
        theirs = of_torch(case.loss, tensors, options)
        ours = evaluate(Functional(ops), case.loss, tensors, options)
        for what, expected in theirs.items():
            if expected is not None:
                assert_equal(ours[what], expected, f"{reduction}: {what}")


@pytest.mark.parametrize("name", sorted(CALLS))
def test_losses_that_torch_lacks(ops, name):
    """The same with the loss by operators of torch."""
    predictions = [n for n, role in zip(ARGUMENTS[name], roles_of(name), strict=True) if role == "prediction"]
    for tensors, options in CALLS[name]:
        wide = {n: t.double() if t.is_floating_point() else t for n, t in tensors.items()}
        leaves = {n: t.detach().requires_grad_() if n in predictions else t for n, t in wide.items()}
        wanted = [leaves[n] for n in predictions if n in leaves]
        for reduction in ("mean", "sum", "none"):
            keywords = {**leaves, **options, "reduction": reduction}
            ours, theirs = getattr(Functional(ops), name)(**keywords), COMPOSED[name](**keywords)
            assert_equal(ours, theirs, f"{options} {reduction}")
            upstream = Numbers(1).normal(theirs.shape)
            gradients = (torch.autograd.grad(loss, wanted, upstream) for loss in (ours, theirs))
            for mine, expected in zip(*gradients, strict=True):
                assert_equal(mine, expected, f"{options} {reduction}: gradient", 1e-10, 1e-13)


def _mse(ops, input, target, reduction="mean"):
    return Functional(ops).mse_loss(input=input, target=target, reduction=reduction)


def _pair(*shape, **options):
    numbers = Numbers(2)
    return numbers.normal(shape).requires_grad_(), numbers.normal(shape)


def test_options_as_structs(ops):
    numbers = Numbers(0)
    logits, labels = numbers.normal((6, 4)).requires_grad_(), torch.tensor([0, 1, 3, 3, 2, 1])
    weight = numbers.uniform((4,), 0.5, 2.0)
    ours = ops.by_options(logits, labels, weight, 3, 0.1)
    theirs = torch.nn.functional.cross_entropy(logits, labels, weight, ignore_index=3, label_smoothing=0.1)
    assert_equal(ours, theirs, "cross_entropy")
    input, target = numbers.normal((5, 3)), numbers.normal((5,))
    levels = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    error = target[:, None] - input
    assert_equal(
        ops.by_quantiles(input, target, levels.tolist()),
        torch.maximum(levels * error, (levels - 1) * error).mean(),
        "quantiles",
    )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_lambda(ops, reduction):
    input, target = _pair(5, 3)
    weight = Numbers(4).uniform((5, 3), 0.5, 2.0)
    for factor in (None, weight):
        ours = ops.by_lambda(input, target, factor, reduction)
        losses = torch.log(torch.cosh(input - target)) * torch.exp(0.1 * input) * (1.0 if factor is None else factor)
        theirs = {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]
        assert_equal(ours, theirs, "value")
        upstream = Numbers(1).normal(ours.shape)
        gradients = (torch.autograd.grad(loss, input, upstream)[0] for loss in (ours, theirs))
        assert_equal(*gradients, "gradient", 1e-11)


def test_any_strides(ops):
    base = Numbers(3).normal((6, 8))
    for view in (base.t(), base[::2, 1::3], base[:, :1].expand(6, 5), base.unfold(1, 3, 2), base.view(2, 3, 8).permute(2, 0, 1)):
        leaf = view.detach().requires_grad_()
        target = Numbers(5).normal(view.shape[::-1]).permute(*reversed(range(view.dim())))
        for reduction in ("none", "mean"):
            upstream = Numbers(6).normal(view.shape[::-1]).permute(*reversed(range(view.dim())))
            upstream = upstream if reduction == "none" else torch.tensor(2.0, dtype=torch.float64)
            losses = (_mse(ops, leaf, target, reduction), torch.nn.functional.mse_loss(leaf, target, reduction=reduction))
            assert_equal(*losses, "value")
            assert_equal(*(torch.autograd.grad(loss, leaf, upstream)[0] for loss in losses), "gradient")


def test_upstream_without_memory(ops):
    """sum() expands one number, and the imaginary part of a conjugate is a negated view."""
    input, target = _pair(3, 4)
    _mse(ops, input, target, "none").sum().backward()
    assert_equal(input.grad, 2 * (input - target).detach(), "gradient")
    upstream = torch.complex(target, target).conj().imag
    assert upstream.is_neg()
    gradient = torch.autograd.grad(_mse(ops, input, target, "none"), input, upstream)[0]
    assert_equal(gradient, -target * 2 * (input - target).detach(), "gradient")
    assert_equal(_mse(ops, input.detach(), upstream), ((input + target) ** 2).mean().detach(), "value")


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_types_of_labels(ops, dtype):
    logits, labels = Numbers(0).normal((5, 4)), torch.tensor([3, 0, 2, 1, 1])
    ours = Functional(ops).cross_entropy(input=logits, target=labels.to(dtype))
    assert_equal(ours, torch.nn.functional.cross_entropy(logits, labels), "value")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_types_are_float32_rounded(ops, dtype):
    logits, labels = Numbers(0, dtype).normal((5, 4)).requires_grad_(), torch.tensor([3, 0, 2, 1, 1])
    wide = logits.detach().float().requires_grad_()
    for reduction in ("none", "mean"):
        found, exact = (Functional(ops).cross_entropy(input=x, target=labels, reduction=reduction) for x in (logits, wide))
        assert found.dtype == dtype and torch.equal(found, exact.to(dtype))
        upstream = torch.full(found.shape, 0.5, dtype=dtype)
        gradient = torch.autograd.grad(found, logits, upstream)[0]
        assert torch.equal(gradient, torch.autograd.grad(exact, wide, upstream.float())[0].to(dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Functional(ops).cross_entropy(input=logits, target=labels).dtype == torch.float32


DERIVATIVES = ("huber_loss", "cross_entropy", "focal_loss", "dice_loss", "gaussian_nll_loss", "cox_loss", "info_nce_loss",
               "triplet_margin_loss", "kl_div")  # fmt: skip


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("name", DERIVATIVES)
def test_second_derivatives(ops, name, reduction):
    """Of all predictions, by finite differences of first derivatives."""
    if name in CALLS:
        tensors, options = CALLS[name][0]
    else:
        case = next(case for case in CASES if case.loss.name == name)
        tensors, options = case.tensors(), case.variant.options
    predictions = [n for n in ARGUMENTS[name] if n in tensors and roles_of(name)[ARGUMENTS[name].index(n)] == "prediction"]

    def loss(*operands):
        given = {**tensors, **dict(zip(predictions, operands, strict=True))}
        return getattr(Functional(ops), name)(**given, **options, reduction=reduction)

    leaves = [tensors[n].detach().requires_grad_() for n in predictions]
    assert torch.autograd.gradcheck(loss, leaves)
    assert torch.autograd.gradgradcheck(loss, leaves)


def test_third_derivative(ops):
    input, target = _pair(4)
    found = []
    losses = torch.log(torch.cosh(input - target)) * torch.exp(0.1 * input)
    for value in (ops.by_lambda(input, target, None, "sum"), losses.sum()):
        for _ in range(3):
            value = torch.autograd.grad(value.sum(), input, create_graph=True)[0]
            found.append(value.detach())
    for mine, expected in zip(found[:3], found[3:], strict=True):
        assert_equal(mine, expected, "derivative", 1e-9, 1e-12)


def test_loss_without_a_second_derivative(ops):
    case = next(case for case in CASES if case.loss.name == "ctc_loss")
    tensors = case.tensors()
    leaf = tensors["log_probs"].requires_grad_()
    loss = Functional(ops).ctc_loss(**tensors)
    torch.autograd.grad(loss, leaf, retain_graph=True)
    with pytest.raises(RuntimeError, match="ctc_loss: has no second derivative"):
        torch.autograd.grad(loss, leaf, create_graph=True)


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_passes_through_one_graph(ops, reduction):
    input, target = _pair(3, 4)
    loss = _mse(ops, input, target, reduction)
    upstream = torch.full_like(loss, 3.0)
    expected = torch.autograd.grad(torch.nn.functional.mse_loss(input, target, reduction=reduction), input, upstream)[0]
    first = torch.autograd.grad(loss, input, upstream, retain_graph=True)[0]
    assert_equal(first, expected, "first pass")
    first.zero_()  # the results of two passes do not share memory
    assert_equal(torch.autograd.grad(loss, input, upstream)[0], expected, "second pass")
    with pytest.raises(RuntimeError, match="mse_loss: backward through a graph that has already been freed"):
        torch.autograd.grad(loss, input, upstream)


def test_operands_changed_in_place(ops):
    input, target = _pair(3, 4)
    expected = 2 * (input - target).detach()
    loss = _mse(ops, input, target, "sum")
    target.add_(1)  # the gradients have been computed
    assert_equal(torch.autograd.grad(loss, input, retain_graph=True)[0], expected, "gradient")
    with pytest.raises(RuntimeError, match="mse_loss: an operand that backward.. needs was changed in place"):
        torch.autograd.grad(loss, input, create_graph=True)
    loss = _mse(ops, input, target, "none")
    target.add_(1)
    with pytest.raises(RuntimeError, match="mse_loss: an operand that backward.. needs was changed in place"):
        loss.sum().backward()


@pytest.mark.parametrize("name", sorted({*CALLS, *(c.loss.name for c in CASES if c.loss.name in ENTRIES)}))
def test_results_changed_in_place(ops, name):
    """A loss that is not reduced may be changed after the call: backward does not read it."""
    if name in CALLS:
        tensors, options = CALLS[name][0]
    else:
        case = next(case for case in CASES if case.loss.name == name)
        tensors, options = case.tensors(), case.variant.options
    first = ARGUMENTS[name][0]
    found = []
    for changes in (False, True):
        leaf = tensors[first].detach().clone().requires_grad_()
        loss = getattr(Functional(ops), name)(**{**tensors, first: leaf}, **options, reduction="none")
        upstream = Numbers(1).normal(loss.shape)
        if changes:
            loss.detach().fill_(7.0)
        found.append(torch.autograd.grad(loss, leaf, upstream)[0])
    assert torch.equal(*found)


def test_without_recording(ops):
    input, target = _pair(3, 4)
    with torch.no_grad():
        assert not _mse(ops, input, target).requires_grad
    with torch.inference_mode():
        made = Numbers(0).normal((3, 4))
        assert_equal(_mse(ops, made, target), torch.nn.functional.mse_loss(made, target), "value")
    assert not _mse(ops, made, target).requires_grad
    assert _mse(ops, target, input).requires_grad


def test_extras(ops):
    logits, labels = Numbers(0).normal((5, 4)).requires_grad_(), torch.tensor([3, 0, -100, 1, 1])
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none").detach()
    for reduction in ("none", "mean"):
        loss, losses, margins, hits, numerator, denominator = ops.with_extras(logits, labels, reduction)
        assert loss.requires_grad and not losses.requires_grad
        assert_equal(losses, expected, "losses")
        used = labels >= 0
        assert torch.equal(hits[used], logits.argmax(1)[used] == labels[used]) and margins[2].isnan()
        assert_equal(torch.tensor(numerator / (denominator if reduction == "mean" else 1)), (expected.sum() / 4 if reduction == "mean" else expected.sum()).float(), "numerator", 1e-6)
        gradient = torch.autograd.grad(loss.sum(), logits)[0]
        losses.zero_()  # memory of its own
        assert_equal(loss.detach().sum(), expected.mean() * 5 / 4 if reduction == "mean" else expected.sum(), "loss")
        assert gradient.abs().sum() > 0


def test_threads(ops):
    """The number of threads is that of torch, and two threads may go through one graph."""
    import concurrent.futures

    before = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            _mse(ops, *_pair(3))
            assert ops.num_threads() == count
    finally:
        torch.set_num_threads(before)
    input, target = _pair(50, 40)
    for reduction in ("none", "mean"):
        loss = _mse(ops, input, target, reduction)
        upstream = torch.ones_like(loss)
        expected = torch.autograd.grad(loss, input, upstream, retain_graph=True)[0]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            passes = [
                pool.submit(torch.autograd.grad, loss, input, upstream, retain_graph=True, create_graph=i % 2 == 1)
                for i in range(40)
            ]
            for each in passes:
                assert_equal(each.result()[0].detach(), expected, "gradient")


def _trace(loss, x):
    return torch.jit.trace(lambda a: loss(a, a), x)


def _in_fake_mode(loss, x):
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode() as mode:
        return loss(mode.from_tensor(x), mode.from_tensor(x))


def _in_forward_mode(loss, x):
    from torch.autograd import forward_ad

    with forward_ad.dual_level():
        return loss(forward_ad.make_dual(x, x), x)


def _with_inference_tensor(loss, x):
    with torch.inference_mode():
        made = torch.ones_like(x)
    return loss(x.clone().requires_grad_(), made)


REFUSED = {
    "vmap": (lambda loss, x: torch.func.vmap(lambda a: loss(a, a))(x), "transform"),
    "grad": (lambda loss, x: torch.func.grad(lambda a: loss(a, a))(x), "transform"),
    "trace": (_trace, "trace"),
    "FakeTensor": (_in_fake_mode, "dispatch mode|device|wrapper"),
    "forward mode": (_in_forward_mode, "tangent"),
    "meta": (lambda loss, x: loss(x.to("meta"), x.to("meta")), "input is on the device meta"),
    "sparse": (lambda loss, x: loss(x.to_sparse(), x), "input is not dense"),
    "complex": (lambda loss, x: loss(x, x.to(torch.complex128)), "target holds ComplexDouble"),
    "int16": (lambda loss, x: loss(x, x.short()), "target holds Short"),
    "no storage": (lambda loss, x: loss(x, _freed(x)), "target has no storage"),
    "rank 9": (lambda loss, x: loss(x.view((1,) * 7 + (3, 4)), x), "input has 9 dimensions"),
    "shapes": (lambda loss, x: loss(x, x[:2]), r"mse_loss.*\[2, 4\]"),
    "undefined": (lambda loss, x: loss(x, None), "mse_loss: got 1 operands|mse_loss: target is undefined"),
    "integers": (lambda loss, x: loss(x.long(), x), "mse_loss: input holds int64"),
    "inference": (_with_inference_tensor, "target was made in inference mode"),
}  # fmt: skip


def _freed(x):
    other = x.clone()
    other.untyped_storage().resize_(0)
    return other


@pytest.mark.parametrize("what", REFUSED)
def test_refused(ops, what):
    call, message = REFUSED[what]
    with pytest.raises(Exception, match=message):
        call(lambda input, target: _mse(ops, input, target), Numbers(0).normal((3, 4)))


def test_refused_options(ops):
    logits, labels = Numbers(0).normal((3, 4)), torch.tensor([0, 1, 2])
    counts = torch.ones(4, dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="class_counts requires a gradient"):
        Functional(ops).balanced_softmax_loss(input=logits, target=labels, class_counts=counts)
    with pytest.raises(RuntimeError, match="unknown loss 'hubber'"):
        ops.by_text("hubber", [logits, logits], None, None, "mean", "standard")
    with pytest.raises(RuntimeError, match="target.*is 7"):
        Functional(ops).cross_entropy(input=logits, target=labels + 5)
    with pytest.raises(RuntimeError, match="pos_weight is not supported"):
        ops.by_function("mse_loss", [logits, logits], None, logits, "mean", "standard")


def test_example(built):
    done = subprocess.run([built / "example/train_network"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    losses = [float(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith("epoch")]
    assert len(losses) == 5 and losses == sorted(losses, reverse=True)
