"""How results are compared: with torch's in double, and in single precision by their distance from the truth in ULP."""

import math
import warnings

import torch
import torch.nn.functional as torch_functional

import perdita.torch.functional as perdita_functional
from loss_cases import function_name

RELATIVE = 1e-12  # in double: neither side rounds worse than this where nothing cancels
ULPS = 4  # in single precision


def evaluate(functional, loss, tensors, options, upstream=None, seed=7, differentiable=None, behind_softmax=True):
    """{"value": ..., operand: its gradient, ...}. upstream: of the loss; random where None."""
    leaves = {}
    arguments = {}
    for name, tensor in tensors.items():
        if name in (loss.differentiable if differentiable is None else differentiable) and tensor.is_floating_point():
            tensor = leaves[name] = tensor.detach().requires_grad_()
        arguments[name] = tensor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # torch's gradient is right behind log_softmax only (disagreements: ctc_gradient); it has none of narrow types.
        if (
            "log_probs" in arguments
            and arguments["log_probs"].dtype in (torch.float32, torch.float64)
            and behind_softmax
        ):
            arguments["log_probs"] = torch.log_softmax(arguments["log_probs"], -1)
        value = getattr(functional, function_name(loss))(**arguments, **options)
    found = {"value": value.detach()}
    if leaves:
        if upstream is None:
            generator = torch.Generator().manual_seed(seed)
            upstream = torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value.dtype)
        gradients = torch.autograd.grad(value, list(leaves.values()), upstream.to(value.dtype), allow_unused=True)
        found.update(zip(leaves, gradients, strict=True))
    return found


def of_torch(*args, **keywords):
    return evaluate(torch_functional, *args, **keywords)


def of_perdita(*args, **keywords):
    return evaluate(perdita_functional, *args, **keywords)


def bound(case, tensors, **options):
    """The loss of its first differentiable operand, all others bound."""
    name = case.loss.differentiable[0]
    rest = {key: tensor for key, tensor in tensors.items() if key != name}
    function = getattr(perdita_functional, function_name(case.loss))
    return tensors[name], lambda x: function(**{name: x}, **rest, **{**case.variant.options, **options})


def assert_same_shape(ours, theirs, what):
    assert ours is not None, f"{what}: no gradient, torch has one"
    assert ours.shape == theirs.shape, f"{what}: shape {tuple(ours.shape)}, torch {tuple(theirs.shape)}"
    assert ours.dtype == theirs.dtype, f"{what}: {ours.dtype}, torch {theirs.dtype}"


def assert_close(ours, theirs, what, relative=RELATIVE, absolute=0.0):
    """Equal to a relative error; NaN and infinities where torch has them. A zero of torch's may be rounding away from one
    by `absolute`."""
    assert_same_shape(ours, theirs, what)
    torch.testing.assert_close(
        ours, theirs, rtol=relative, atol=absolute, equal_nan=True, msg=lambda text: f"{what}: {text}"
    )


def ulp_of(truth, dtype):
    """The spacing of numbers of dtype at the truth, a tensor of float64."""
    info = torch.finfo(dtype)
    digits = {torch.float32: 24, torch.float64: 53, torch.float16: 11, torch.bfloat16: 8}[dtype]
    _, exponent = torch.frexp(truth.abs().clamp(min=info.tiny, max=info.max))
    return torch.ldexp(torch.ones_like(truth), exponent - digits)


def ulps(found, truth):
    """The distance of each number from the truth in ULP of its type; infinite where one is no finite number and the
    other not the same."""
    rounded = truth.to(found.dtype)
    distance = (found.double() - truth).abs() / ulp_of(truth, found.dtype)
    same = (found == rounded) | (found.isnan() & rounded.isnan())
    return torch.where(same & ~distance.isfinite(), 0.0, torch.where(distance.isnan(), math.inf, distance))


def distance(found, truth):
    """The largest error, in ULP of the largest number of the truth: where terms cancel, the error of a small one is that
    of a large one, and luck. (test_accuracy.py looks at single numbers, by many of them.)"""
    finite = truth.to(found.dtype).isfinite()
    if not finite.any():
        return 0.0
    return ((found.double() - truth)[finite].abs().max() / ulp_of(truth[finite].abs().max(), found.dtype)).item()


def assert_same_numbers(ours, theirs, truth, what):
    """Of torch's shape and type; NaN and infinities where the truth has them. The distance from it in ULP."""
    assert_same_shape(ours, theirs, what)
    finite = truth.to(ours.dtype).isfinite()
    wrong = (ulps(ours, truth) > 0) & ~finite | finite & ~ours.isfinite()
    assert not wrong.any(), f"{what}: ours {ours[wrong]}, torch's {theirs[wrong]}, truth {truth[wrong]}"
    return distance(ours, truth)


def widened(tensors):
    return {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
