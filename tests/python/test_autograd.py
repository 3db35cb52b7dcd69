"""The losses inside torch's autograd: every habit of a training loop, with torch's own losses beside."""

import copy
import io
import pickle
import threading

import pytest
import torch
import torch.nn.functional as torch_functional

import perdita.torch.functional as perdita_functional
from loss_cases import LOSSES, Case, cases, function_name

FIRST = cases(variants=slice(1), shapes=slice(1))
IDS = [case.loss.name for case in FIRST]


def bound(case, tensors, **options):
    """The loss of its first differentiable operand, all others bound."""
    name = case.loss.differentiable[0]
    rest = {key: tensor for key, tensor in tensors.items() if key != name}
    function = getattr(perdita_functional, function_name(case.loss))
    return tensors[name], lambda x: function(**{name: x}, **rest, **{**case.variant.options, **options})


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_backward_twice(case, reduction):
    x, loss = bound(case, case.tensors(), reduction=reduction)
    x.requires_grad_()
    value = loss(x).sum()
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    kept = first.clone()
    first.zero_()  # a gradient belongs to its receiver
    (second,) = torch.autograd.grad(value, x)
    assert torch.equal(kept, second)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(value, x)


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_an_operand_changed_before_backward(case, reduction):
    """A reduced loss has its gradient from the forward pass, and ignores the change. What is differentiated in backward,
    losses that are not reduced and linear_cross_entropy, raises torch's error."""
    x, loss = bound(case, case.tensors(), reduction=reduction)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(leaf).sum(), leaf)
    leaf = x.clone().requires_grad_()
    inner = leaf * 1
    value = loss(inner).sum()
    with torch.no_grad():
        inner.add_(1.0)
    if reduction == "none" or "linear" in case.loss.name:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            torch.autograd.grad(value, leaf)
    else:
        (found,) = torch.autograd.grad(value, leaf)
        assert torch.equal(found, expected)


@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_an_operand_changed_between_two_passes(case):
    x, loss = bound(case, case.tensors())
    leaf = x.clone().requires_grad_()
    inner = leaf * 1
    value = loss(inner)
    torch.autograd.grad(value, leaf, retain_graph=True)
    with torch.no_grad():
        inner.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(value, leaf)


def test_an_operand_changed_before_a_second_derivative():
    leaf = torch.arange(4.0).requires_grad_()
    inner, target = leaf * 1, torch.ones(4)
    value = perdita_functional.soft_margin_loss(inner, target)
    with torch.no_grad():
        inner.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(value, leaf, create_graph=True)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_gradients_accumulate_in_memory_of_their_own(case, reduction):
    tensors = case.tensors()
    leaves = {n: t.requires_grad_() for n, t in tensors.items() if n in case.loss.differentiable}
    call = lambda: getattr(perdita_functional, function_name(case.loss))(  # noqa: E731
        **tensors, **case.variant.options, reduction=reduction
    )
    call().sum().backward()
    once = {name: leaf.grad.clone() for name, leaf in leaves.items()}
    addresses = [t.data_ptr() for t in tensors.values()] + [leaf.grad.data_ptr() for leaf in leaves.values()]
    assert len(set(addresses)) == len(addresses), "a gradient shares memory"
    call().sum().backward()
    for name, leaf in leaves.items():
        torch.testing.assert_close(leaf.grad, 2 * once[name], rtol=1e-15, atol=0)
        assert leaf.grad.is_contiguous() or leaf.grad.stride() == leaf.stride()


@pytest.mark.parametrize("reduction", ["none", "sum"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "kl_div", "cosine_embedding_loss"])
def test_gradients_may_be_written_to(name, reduction):
    """d/d input is -d/d target for some losses: they must not be one tensor, nor the upstream gradient itself."""
    x, y = (torch.randn(3, 4, generator=torch.Generator().manual_seed(i)).abs().requires_grad_() for i in (0, 1))
    operands = (x, y, torch.ones(3)) if name == "cosine_embedding_loss" else (x, y)
    value = getattr(perdita_functional, name)(*operands, reduction=reduction)
    upstream = torch.ones_like(value)
    by_x, by_y = torch.autograd.grad(value, (x, y), upstream)
    kept = by_y.clone()
    by_x.fill_(7.0)
    assert torch.equal(by_y, kept) and torch.equal(upstream, torch.ones_like(value))
    assert x.max() < 7 and y.max() < 7


@pytest.mark.parametrize("case", FIRST, ids=IDS)
def test_without_gradients(case):
    tensors = case.tensors()
    x, loss = bound(case, tensors)
    expected = loss(x)
    assert not expected.requires_grad
    x = x.clone().requires_grad_()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found = loss(x)
            assert not found.requires_grad and found.grad_fn is None
            assert torch.equal(found, expected)
    with torch.inference_mode():
        made = x.detach() * 1
        assert torch.equal(loss(made), expected)
    assert torch.equal(loss(x).detach(), expected)


@pytest.mark.parametrize("case", [c for c in FIRST if len(c.loss.differentiable) > 1], ids=str)
def test_gradient_by_one_operand_only(case):
    """Each alone is what it is together with the others."""
    tensors = case.tensors()
    names = [n for n in case.loss.differentiable if n in tensors]
    function = getattr(perdita_functional, function_name(case.loss))
    leaves = [tensors[n].clone().requires_grad_() for n in names]
    together = torch.autograd.grad(
        function(**{**tensors, **dict(zip(names, leaves, strict=True))}, **case.variant.options), leaves
    )
    for name, expected in zip(names, together, strict=True):
        leaf = tensors[name].clone().requires_grad_()
        (alone,) = torch.autograd.grad(function(**{**tensors, name: leaf}, **case.variant.options), leaf)
        torch.testing.assert_close(alone, expected, rtol=1e-13, atol=1e-16)


UPSTREAM = {
    "scalar": lambda value: torch.tensor(0.25, dtype=value.dtype).expand_as(value),
    "dense": lambda value: torch.linspace(-1, 1, value.numel(), dtype=value.dtype).reshape(value.shape),
    "transposed": lambda value: torch.linspace(-1, 1, value.numel(), dtype=value.dtype).reshape(value.T.shape).T,
    "zeros": torch.zeros_like,
    "infinite": lambda value: torch.full_like(value, float("inf")),
    "nan": lambda value: torch.full_like(value, float("nan")),
}


@pytest.mark.parametrize("kind", UPSTREAM)
@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "binary_cross_entropy_with_logits", "huber_loss", "kl_div"])
def test_upstream_gradients(name, reduction, kind):
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(3, 4)
    t = torch.linspace(0.1, 0.9, 12, dtype=torch.float64).reshape(3, 4)
    found = []
    for functional in (torch_functional, perdita_functional):
        leaf = x.clone().requires_grad_()
        value = getattr(functional, name)(leaf, t, reduction=reduction)
        found.append(torch.autograd.grad(value, leaf, UPSTREAM[kind](value.detach()))[0])
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-15, equal_nan=True)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "kl_div", "soft_margin_loss"])
def test_one_tensor_as_input_and_target(name):
    found = []
    for functional in (torch_functional, perdita_functional):
        x = torch.linspace(0.1, 2, 6, dtype=torch.float64).requires_grad_()
        other = x.detach() if name == "soft_margin_loss" else x
        value = getattr(functional, name)(x, other, reduction="sum")
        found.append((value.detach(), torch.autograd.grad(value, x)[0]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-15)


def test_views_of_one_tensor():
    base = torch.arange(8.0, dtype=torch.float64).requires_grad_()
    perdita_functional.mse_loss(base[:4], base[4:], reduction="sum").backward()
    assert torch.equal(base.grad, torch.tensor([-8.0] * 4 + [8.0] * 4, dtype=torch.float64))


def test_hooks():
    x = torch.arange(3.0).requires_grad_()
    seen = []
    x.register_hook(lambda gradient: seen.append(gradient.clone()) or gradient * 10)
    value = perdita_functional.mse_loss(x, torch.zeros(3))
    value.register_hook(lambda gradient: gradient * 3)
    value.backward()
    assert torch.equal(seen[0], 2 * x.detach()) and torch.equal(x.grad, 20 * x.detach())


def test_inside_larger_graphs():
    """Sums of losses, checkpointing, a custom function above, a penalty on the gradient."""
    from torch.utils.checkpoint import checkpoint

    results = []
    for functional in (torch_functional, perdita_functional):
        w = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3).requires_grad_()
        x, labels = torch.linspace(0, 1, 8, dtype=torch.float64).reshape(2, 4), torch.tensor([0, 2])
        logits = x @ w
        total = functional.cross_entropy(logits, labels) + 0.5 * functional.mse_loss(w, torch.zeros_like(w))
        total = total + checkpoint(
            lambda z: functional.huber_loss(z, labels[:, None].double()), logits, use_reentrant=False
        )
        (gradient,) = torch.autograd.grad(total, w, create_graph=True)
        (gradient.square().sum() + total).backward()
        results.append(w.grad)
    torch.testing.assert_close(results[1], results[0], rtol=1e-11, atol=1e-14)


def test_higher_order_functions():
    x, t = torch.linspace(-1, 1, 5, dtype=torch.float64), torch.linspace(0, 1, 5, dtype=torch.float64)
    for name in ("mse_loss", "binary_cross_entropy_with_logits"):
        jacobians, hessians = [], []
        for functional in (torch_functional, perdita_functional):
            loss = lambda v, f=functional: getattr(f, name)(v, t, reduction="none")  # noqa: E731
            jacobians.append(torch.autograd.functional.jacobian(loss, x))
            hessians.append(torch.autograd.functional.hessian(lambda v, f=loss: f(v).sum(), x))
        torch.testing.assert_close(jacobians[1], jacobians[0])
        torch.testing.assert_close(hessians[1], hessians[0])


@pytest.mark.parametrize(
    "name",
    ["binary_cross_entropy_with_logits", "soft_margin_loss", "multilabel_soft_margin_loss", "mse_loss", "kl_div"],
)
@pytest.mark.parametrize("at", [0.0, -0.0, 1e-9, 30.0, -800.0])
def test_second_derivatives_where_a_stable_form_has_its_seam(name, at):
    """max(x, 0) and |x| inside a smooth loss leave no kink."""
    t, seconds = torch.ones(1, 1, dtype=torch.float64), []
    for functional in (torch_functional, perdita_functional):
        x = torch.full((1, 1), at, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(getattr(functional, name)(x, t, reduction="sum"), x, create_graph=True)
        second = torch.zeros_like(x)
        if gradient.requires_grad:
            second = torch.autograd.grad(gradient.sum(), x, allow_unused=True)[0]
        seconds.append(torch.zeros_like(x) if second is None else second)
    if seconds[0].isnan():  # disagreements: soft_margin_overflow
        seconds[0] = torch.zeros_like(seconds[0])
    torch.testing.assert_close(seconds[1], seconds[0], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("transform", ["grad", "vmap", "jvp"])
def test_functional_transforms(transform):
    """torch.func: right, or an error; not a wrong number."""
    x, t = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3), torch.zeros(2, 3, dtype=torch.float64)

    def run(functional):
        loss = lambda v: functional.mse_loss(v, t[0], reduction="sum")  # noqa: E731
        if transform == "grad":
            return torch.func.grad(loss)(x[0])
        if transform == "vmap":
            return torch.func.vmap(loss)(x)
        return torch.func.jvp(loss, (x[0],), (torch.ones(3, dtype=torch.float64),))[1]

    try:
        found = run(perdita_functional)
    except (RuntimeError, NotImplementedError) as error:
        assert str(error)
    else:
        torch.testing.assert_close(found, run(torch_functional))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_any_number_of_threads_gives_the_same_bits(loss, reduction):
    big = {2: (700, 60), 3: (64, 90, 30), 4: (40, 20, 30, 9)}
    shape = loss.shapes[0]
    shape = ((300, 200),) * 2 if shape and isinstance(shape[0], tuple) else big[len(shape)]
    case = Case(loss, loss.variants[-1], shape)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            tensors = case.tensors(torch.float32)
            x, call = bound(case, tensors, reduction=reduction)
            x.requires_grad_()
            value = call(x)
            results.append((value.detach(), torch.autograd.grad(value.sum(), x)[0]))
    finally:
        torch.set_num_threads(before)
    if "linear" in loss.name or "distance_function" in case.variant.options:  # torch's own sums
        torch.testing.assert_close(results[1], results[0])
    else:
        assert torch.equal(results[0][0], results[1][0]) and torch.equal(results[0][1], results[1][1])


def test_calls_from_many_threads():
    x = torch.randn(200, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.arange(200) % 30

    def step():
        leaf = x.clone().requires_grad_()
        perdita_functional.cross_entropy(leaf, labels, label_smoothing=0.1).backward()
        return leaf.grad

    expected, wrong = step(), []

    def work():
        for _ in range(20):
            if not torch.equal(step(), expected):
                wrong.append(threading.get_ident())

    workers = [threading.Thread(target=work) for _ in range(6)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert not wrong


def modules():
    import perdita.torch.nn as nn

    weight = torch.tensor([1.0, 2.0, 0.5])
    return [
        nn.CrossEntropyLoss(weight=weight, label_smoothing=0.1, ignore_index=1),
        nn.MSELoss(reduction="sum"),
        nn.BCEWithLogitsLoss(pos_weight=weight),
        nn.HuberLoss(delta=0.5),
        nn.TripletMarginWithDistanceLoss(distance_function=torch.nn.PairwiseDistance(), swap=True),
    ]


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("way", ["deepcopy", "pickle", "torch.save"])
def test_modules_are_copied(index, way):
    module = modules()[index]
    if way == "deepcopy":
        twin = copy.deepcopy(module)
    elif way == "pickle":
        twin = pickle.loads(pickle.dumps(module))
    else:
        file = io.BytesIO()
        torch.save(module, file)
        file.seek(0)
        twin = torch.load(file, weights_only=False)
    assert type(twin) is type(module) and repr(twin) == repr(module)
    x, y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.rand(4, 3)
    operands = (x, y, x + 1) if "Triplet" in type(module).__name__ else (x, y)
    if "CrossEntropyLoss" in type(module).__name__:
        operands = (x, torch.tensor([0, 1, 2, 0]))
    assert torch.equal(module(*operands), twin(*operands))


def test_modules_in_a_model():
    """Buffers move and are saved as torch's are."""
    import perdita.torch.nn as nn

    weight = torch.tensor([1.0, 2.0, 0.5])
    ours, theirs = nn.CrossEntropyLoss(weight=weight.clone()), torch.nn.CrossEntropyLoss(weight=weight)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["weight"]
    assert isinstance(ours, torch.nn.Module) and not list(ours.parameters())
    ours.load_state_dict({"weight": 2 * weight})
    assert torch.equal(ours.weight, 2 * weight)
    assert ours.double().weight.dtype == torch.float64
    x, labels = torch.zeros(2, 3, dtype=torch.float64), torch.tensor([0, 1])
    torch.testing.assert_close(ours(x, labels), theirs.double()(x, labels))


def test_every_class_of_torch_is_there():
    import perdita.torch.nn as nn

    names = {name for name in torch.nn.modules.loss.__all__ if name != "NLLLoss2d"} | {"AdaptiveLogSoftmaxWithLoss"}
    assert not {name for name in names if not hasattr(nn, name)}


def test_adaptive_log_softmax():
    import perdita.torch.nn as nn

    torch.manual_seed(0)
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 12], div_value=2.0, head_bias=True).double()
    ours = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 12], div_value=2.0, head_bias=True).double()
    ours.load_state_dict(theirs.state_dict())
    labels = torch.randint(0, 20, (16,))
    results = []
    for module in (theirs, ours):
        x = torch.randn(16, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64).requires_grad_()
        output, loss = module(x, labels)
        loss.backward()
        results.append((output.detach(), loss.detach(), x.grad, *(p.grad for p in module.parameters())))
        torch.testing.assert_close(module.predict(x), module.log_prob(x).argmax(1))
    torch.testing.assert_close(results[1], results[0], rtol=1e-11, atol=1e-14)
    with pytest.raises(RuntimeError, match=r"\[0, 19\]"):
        ours(x, labels + 10)


@pytest.mark.parametrize("wrong", [{"reduction": "foo"}, {"label_smoothing": 1.5}, {"normalize_by": "foo"}])
def test_modules_check_their_options_when_made(wrong):
    import perdita.torch.nn as nn

    with pytest.raises(ValueError, match=f"{list(wrong.values())[0]}"):
        nn.CrossEntropyLoss(**wrong)
