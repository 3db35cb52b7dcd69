"""torch's own test databases, run through Perdita: every sample of op_db, criterion_tests and module_db that is a loss.

Value and gradients agree, of the samples and of their non-contiguous twins; every error input raises what an except
clause for torch's class catches, with torch's message or the clearer one of clearer_messages.
"""

import pytest
import torch
from torch.testing._internal.common_modules import module_db
from torch.testing._internal.common_nn import criterion_tests

import perdita.torch.functional as perdita_functional
from clearer_messages import assert_says
from disagreements import expected_of
from opinfo.samples import OPERATORS, torch_and_perdita
from perdita._modules import CLASSES

FUNCTIONS = CLASSES | {"LinearCrossEntropyLoss": "linear_cross_entropy"}
MODULES = [module for module in module_db if module.name.endswith("Loss")]


def leaves_of(arguments):
    return [a for a in arguments if isinstance(a, torch.Tensor) and a.requires_grad]


def without_disagreements(name, arguments, leaf, gradient, truth):
    """The gradient, torch's at elements where both differ on purpose: by margin_ranking's target at infinite scores."""
    tensors = dict(zip(("input1", "input2", "target"), arguments, strict=False))
    if name != "nn.functional.margin_ranking_loss" or leaf is not tensors["target"]:
        return gradient
    mask = expected_of("margin_ranking_loss", tensors, {}, "target").double().sum_to_size(leaf.shape) > 0
    return torch.where(mask, truth, gradient)


def assert_agrees(theirs, ours, arguments, name, seed):
    """Value and gradients by all leaves. A sum in another order may round by as much as its largest terms do."""
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14, equal_nan=True)
    leaves = leaves_of(arguments)
    if not theirs.requires_grad or not leaves:
        return
    upstream = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(seed), dtype=theirs.dtype)
    expected = torch.autograd.grad(theirs, leaves, upstream, allow_unused=True)
    found = torch.autograd.grad(ours, leaves, upstream, allow_unused=True)
    loose = "linear" in name or "ctc" in name
    for leaf, gradient, truth in zip(leaves, found, expected, strict=True):
        if truth is not None:
            gradient = without_disagreements(name, arguments, leaf, gradient, truth)
            absolute = 1e-14 * max(1.0, truth.nan_to_num().abs().max().item()) if truth.numel() else 0.0
            torch.testing.assert_close(gradient, truth, rtol=1e-10 if loose else 1e-12, atol=absolute, equal_nan=True)


def results_of(op, sample):
    """Those of both."""
    return tuple(f(sample.input, *sample.args, **sample.kwargs) for f in torch_and_perdita(op))


@pytest.mark.parametrize("layout", ["as_made", "noncontiguous"])
@pytest.mark.parametrize("op", OPERATORS, ids=[op.full_name for op in OPERATORS])
def test_samples(op, layout):
    torch.manual_seed(0)
    for number, sample in enumerate(op.sample_inputs("cpu", torch.float64, requires_grad=True)):
        sample = sample.noncontiguous() if layout == "noncontiguous" else sample
        try:
            theirs, ours = results_of(op, sample)
            assert_agrees(theirs, ours, (sample.input, *sample.args, *sample.kwargs.values()), op.name, number)
        except Exception as error:
            raise AssertionError(f"sample {number}, seed 0: {sample.summary()}: {error}") from error


REFERENCED = [op for op in OPERATORS if op.reference_inputs_func is not None]


@pytest.mark.parametrize("op", REFERENCED, ids=[op.full_name for op in REFERENCED])
def test_reference_inputs(op):
    torch.manual_seed(1)
    for number, sample in enumerate(op.reference_inputs("cpu", torch.float64, requires_grad=True)):
        try:
            theirs, ours = results_of(op, sample)
            assert_agrees(theirs, ours, (sample.input, *sample.args, *sample.kwargs.values()), op.name, number)
        except Exception as error:
            raise AssertionError(f"sample {number}, seed 1: {sample.summary()}: {error}") from error


ERRORS = [
    (op, i) for op in OPERATORS if op.error_inputs_func is not None for i in range(len(list(op.error_inputs("cpu"))))
]


@pytest.mark.parametrize(("op", "number"), ERRORS, ids=[f"{op.full_name}-{i}" for op, i in ERRORS])
def test_error_inputs(op, number):
    wrong = list(op.error_inputs("cpu"))[number]
    sample, function = wrong.sample_input, op.name.split(".")[-1]
    with pytest.raises(wrong.error_type) as raised:
        getattr(perdita_functional, function)(sample.input, *sample.args, **sample.kwargs)
    assert isinstance(raised.value, (ValueError, TypeError)), type(raised.value)
    assert_says(function, str(raised.value), wrong.error_regex)


def module_of(name):
    import perdita.torch.nn

    return getattr(perdita.torch.nn, name)


@pytest.mark.parametrize("info", MODULES, ids=[module.name for module in MODULES])
def test_modules(info):
    name = info.name.split(".")[-1]
    torch.manual_seed(2)
    inputs = info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=True, training=True)
    for number, item in enumerate(inputs[:: max(1, len(inputs) // 120)]):
        made, called = item.constructor_input, item.forward_input
        theirs = getattr(torch.nn, name)(*made.args, **made.kwargs)
        ours = module_of(name)(*made.args, **made.kwargs)
        for module in (theirs, ours):
            module.to(torch.float64)
        if any(True for _ in theirs.parameters()):
            ours.load_state_dict(theirs.state_dict())
        arguments, options = called.args, called.kwargs
        try:
            results = []
            for module in (theirs, ours):
                first = arguments[0].log_softmax(-1) if name == "CTCLoss" else arguments[0]
                results.append(module(first, *arguments[1:], **options))
            assert_agrees(*results, called.args, name.lower(), number)
        except Exception as error:
            raise AssertionError(f"{name}({made}) input {number}, seed 2: {error}") from error


FAILING = [
    (module, i)
    for module in MODULES
    if module.module_error_inputs_func
    for i in range(
        len(
            module.module_error_inputs_func(
                module, device="cpu", dtype=torch.float64, requires_grad=False, training=True
            )
        )
    )
]


@pytest.mark.parametrize(("info", "number"), FAILING, ids=[f"{module.name}-{i}" for module, i in FAILING])
def test_module_errors(info, number):
    name = info.name.split(".")[-1]
    wrong = info.module_error_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=False, training=True)
    wrong = wrong[number]
    made, called = wrong.module_error_input.constructor_input, wrong.module_error_input.forward_input
    with pytest.raises(wrong.error_type) as raised:
        module = module_of(name)(*made.args, **made.kwargs)  # which torch lets pass, with some options
        if called is None:
            module(torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
        else:
            module(*called.args, **called.kwargs)
    assert_says(FUNCTIONS[name], str(raised.value), wrong.error_regex)


def shaped(test, what):
    """An input or target of a criterion test."""
    if f"{what}_fn" in test:
        return test[f"{what}_fn"]()
    sizes = test[f"{what}_size"]
    if sizes and isinstance(sizes[0], tuple):
        return tuple(torch.randn(size, dtype=torch.float64) for size in sizes)
    return torch.randn(sizes, dtype=torch.float64)


def wide(tensor):
    return tensor.double() if tensor.is_floating_point() else tensor


@pytest.mark.parametrize("test", criterion_tests, ids=[test["fullname"] for test in criterion_tests])
def test_criteria(test):
    """Those without a batch: NAME_no_batch_dim_REDUCTION."""
    name, reduction = test["fullname"].split("_no_batch_dim_")
    torch.manual_seed(3)
    input, target = shaped(test, "input"), shaped(test, "target")
    inputs = tuple(map(wide, input if isinstance(input, tuple) else (input,)))
    target = wide(target)
    for tensor in inputs:
        tensor.requires_grad_()
    theirs = getattr(torch.nn, name)(reduction=reduction)  # test["constructor"] has the last one's reduction
    ours = module_of(name)(reduction=reduction)
    assert_agrees(theirs(*inputs, target), ours(*inputs, target), inputs, name.lower(), 3)
