"""The losses made of torch's operators: the kernels' results for every loss, option and shape, in every transform.

The transforms are tried on all cases of a loss in one test. What a transform must give comes from the kernels, which do
not take part in it, or from another transform.
"""

import functools

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.func import grad, hessian, jacrev, jvp, vmap
from torch.fx.experimental.proxy_tensor import make_fx

import perdita.torch.functional as F
from loss_cases import LINEAR, LOSSES, cases, function_name, reductions_of
from own_losses import CALLS, with_reduction
from perdita._catalogue import ENTRIES
from perdita._functions import functions, text_of
from perdita.errors import GraphError
from perdita.torch._composed import composed_loss
from perdita.torch._operands import as_tensor

pytestmark = pytest.mark.filterwarnings("ignore")  # of broadcasts, and of what torch says of tracing

NAMES = sorted({function_name(loss) for loss in LOSSES if loss not in LINEAR} | set(CALLS))
SMALL = 60  # elements


def _composed(function, tensors, reduction, normalize_by, return_extras, **options):
    return composed_loss(function, tensors, reduction, normalize_by, return_extras, text_of(options.items()))


COMPOSED = functions(_composed, torch, lambda *_: None, as_tensor)


def described_calls(name, dtype=torch.float64):
    """(description, operands, options) for each case and reduction."""
    for tensors, options in CALLS.get(name, ()):
        operands = {k: t.to(dtype) if t.is_floating_point() else t for k, t in tensors.items()}
        for reduction in ("mean", "sum", "none"):
            yield f"{name} {options} {reduction}", operands, with_reduction(options, reduction)
    for loss in LOSSES:
        if function_name(loss) == name:
            for case in cases([loss]):
                for reduction in reductions_of(loss):
                    yield f"{case} {reduction}", case.tensors(dtype), {**case.variant.options, "reduction": reduction}


def calls_of(name, most):
    """(description, loss of the first operand, that operand) of up to `most` small calls, spread over the options."""
    calls = []
    for what, tensors, options in described_calls(name):
        first = next(iter(tensors))
        if options["reduction"] in ("mean", "none") and 0 < tensors[first].numel() <= SMALL:
            calls.append((what, Call(name, tensors, first, options), tensors[first]))
    return calls[:: -(-len(calls) // most)]


class Call(torch.nn.Module):
    """A loss of its first operand; losses that are not reduced are added, each with another weight."""

    def __init__(self, name, tensors, first, options):
        super().__init__()
        self.function, self.tensors, self.first, self.options = getattr(F, name), tensors, first, options

    def forward(self, x):
        losses = self.function(**{**self.tensors, self.first: x}, **self.options)
        return losses if not losses.dim() else _sum(losses)


def _sum(losses):
    weights = torch.arange(1, losses.numel() + 1, dtype=losses.dtype, device=losses.device) / max(losses.numel(), 1)
    return (losses * weights.reshape(losses.shape)).sum()


def gradient_of(loss, x):
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x), x)
    return gradient


def direction(x):
    return torch.rand(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(3))


def check(found, expected, what, rtol=1e-10):
    torch.testing.assert_close(found, expected, rtol=rtol, atol=1e-12, equal_nan=True, msg=lambda m: f"{what}: {m}")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_results_of_the_kernels(name, dtype):
    rtol, atol = (1e-12, 1e-14) if dtype == torch.float64 else (2e-5, 2e-6)
    for what, given, options in described_calls(name, dtype):
        tensors = {k: requiring_grad(name, k, t) for k, t in given.items()}
        leaves = [t for t in tensors.values() if t is not None and t.requires_grad]
        close = functools.partial(
            torch.testing.assert_close, rtol=rtol, atol=atol, equal_nan=True, msg=lambda m, what=what: f"{what}: {m}"
        )
        results = []
        for function in (getattr(F, name), COMPOSED[name]):
            loss, extras = function(**tensors, **options, return_extras=True)
            close(function(**tensors, **options), loss)
            results.append((loss, torch.autograd.grad(_sum(loss), leaves, allow_unused=True), extras))
        (loss, gradients, extras), (composed, composed_gradients, composed_extras) = results
        assert composed.dtype == loss.dtype, what
        close(composed, loss)
        for ours, theirs in zip(composed_gradients, gradients, strict=True):
            ours, theirs = (torch.zeros((), dtype=dtype) if g is None else g for g in (ours, theirs))
            close(*torch.broadcast_tensors(ours, theirs))
        for ours, theirs in zip(composed_extras, extras, strict=True):
            assert (ours is None) == (theirs is None), what
            if ours is not None:
                close(torch.as_tensor(ours, dtype=dtype), torch.as_tensor(theirs, dtype=dtype))


def _f64(values):
    return torch.tensor(values, dtype=torch.float64)


_CROSS = _f64([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])  # cosines of 0 and 1
_PAIRED = torch.tensor([0, 0, 1, 1])
# Operands at which the formula of a loss has a kink, or at which a smooth function is often written with one.
KINKS = [
    (
        "siglip_loss",
        {"query": _CROSS[:2], "positive": _CROSS[:2], "logit_scale": _f64(3.0), "logit_bias": _f64(0.0)},
        {},
    ),
    ("multi_similarity_loss", {"input": _CROSS, "target": _PAIRED}, {"base": 0.0}),
    ("circle_loss", {"input": _CROSS, "target": _PAIRED}, {"margin": 0.0, "gamma": 2.0}),
    *(
        ("batch_triplet_loss", {"input": _CROSS, "target": _PAIRED}, {"mining": mining, "distance": distance, **more})
        for mining in ("hard", "semi_hard", "all")
        for distance in ("euclidean", "squared", "cosine")
        for more in ({"soft": True}, {"margin": 0.0})
    ),
    ("contrastive_loss", {"input1": _CROSS[:2], "input2": _CROSS[:2] + _f64([1.0, 0.0]), "target": _f64([0, 0])}, {}),
    ("rank_net_loss", {"input": _f64([[0.5, 0.5, 0.5]]), "target": _f64([[2, 1, 0]])}, {}),
    ("lambda_rank_loss", {"input": _f64([[0.5, 0.5, 0.5]]), "target": _f64([[2, 1, 0]])}, {}),
    ("coral_loss", {"input": _f64([[0.0, -0.0], [0.0, 1.0]]), "target": torch.tensor([1, 0])}, {}),
    (
        "logistic_hazard_loss",
        {"input": _f64([[0.0, 0.0]]), "interval": torch.tensor([1]), "event": torch.tensor([1])},
        {},
    ),
    ("lovasz_loss", {"input": _f64([[1.0, -1.0, 0.0, 2.0]]), "target": _f64([[1, 0, 1, 0]])}, {}),
    ("lovasz_loss", {"input": _f64([[1.0, 1.0, -1.0]]), "target": _f64([[1, 1, 0]])}, {}),
    *(
        (name, {"input": _f64([[0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 2, 2]]), "target": _f64(boxes)}, {})
        for name in ("box_iou_loss", "box_giou_loss", "box_diou_loss", "box_ciou_loss")
        for boxes in ([[0, 0, 2, 2], [1, 0, 2, 1], [0, 1, 2, 3]],)
    ),
    *(
        (
            "triplet_margin_loss",
            {"anchor": _CROSS[:2], "positive": _CROSS[1:3], "negative": -_CROSS[:2]},
            {"p": p, "eps": 0.0, "swap": swap, "margin": margin},
        )
        for p in (1.0, 2.0, 3.0, float("inf"))
        for swap in (False, True)
        for margin in (1.0, 0.5)
    ),
    ("total_variation_loss", {"input": _f64([[[0.0, 0.0], [1.0, 0.0]]])}, {"norm": "l1"}),
    ("crps_ensemble_loss", {"input": _f64([[0.0, 0.0, 1.0]]), "target": _f64([0.0])}, {}),
    ("multi_margin_loss", {"input": _f64([[1.0, 0.0, 2.0]]), "target": torch.tensor([0])}, {}),
    ("multilabel_margin_loss", {"input": _f64([[1.0, 0.0, 0.5]]), "target": torch.tensor([[0, -1, -1]])}, {}),
    (
        "cosine_embedding_loss",
        {"input1": _CROSS[:2], "input2": _CROSS[1:3], "target": _f64([-1.0, 1.0])},
        {"margin": 0.0},
    ),
    ("hinge_loss", {"input": _f64([1.0, -1.0, 0.0]), "target": _f64([1, -1, 1])}, {}),
    ("l1_loss", {"input": _f64([1.0, 0.0]), "target": _f64([1.0, -0.0])}, {}),
    ("huber_loss", {"input": _f64([1.0, 2.0, -1.0]), "target": _f64([1.0, 1.0, 0.0])}, {}),
    ("epsilon_insensitive_loss", {"input": _f64([1.5, 0.5]), "target": _f64([1.0, 1.0])}, {"epsilon": 0.5}),
    ("quantile_loss", {"input": _f64([1.0, 0.0]), "target": _f64([1.0, 0.0])}, {"q": 0.3}),
    (
        "margin_ranking_loss",
        {"input1": _f64([1.0, 0.0]), "input2": _f64([1.0, 0.0]), "target": _f64([1.0, -1.0])},
        {},
    ),
    ("binary_cross_entropy_with_logits", {"input": _f64([0.0, -0.0]), "target": _f64([1.0, 0.3])}, {}),
    ("soft_margin_loss", {"input": _f64([0.0, -0.0]), "target": _f64([1.0, -1.0])}, {}),
]


@pytest.mark.parametrize("case", range(len(KINKS)), ids=[f"{i}-{name}" for i, (name, *_) in enumerate(KINKS)])
def test_subgradients_of_the_kernels(case):
    name, given, options = KINKS[case]
    gradients = []
    for function in (getattr(F, name), COMPOSED[name]):
        tensors = {k: requiring_grad(name, k, t) for k, t in given.items()}
        leaves = [t for t in tensors.values() if t.requires_grad]
        loss = function(**tensors, **options, reduction="sum")
        gradients.append(torch.autograd.grad(loss, leaves, materialize_grads=True))
    for (kernel, composed), leaf in zip(zip(*gradients, strict=True), leaves, strict=True):
        check(composed, kernel, f"{name} {options} {list(leaf.shape)}", rtol=1e-12)


@pytest.mark.parametrize("name", ["siglip_loss", "batch_triplet_loss", "rank_net_loss", "coral_loss"])
def test_the_derivative_of_softplus_at_0(name):
    """A logit of 0 is a probability of 1/2, not of 0 or 1; of transforms, which the kernels do not compute."""
    _, tensors, options = next(case for case in KINKS if case[0] == name)
    first, options = next(iter(tensors)), {**options, "reduction": "sum"}
    loss = Call(name, tensors, first, options)
    check(grad(loss)(tensors[first]), gradient_of(loss, tensors[first]), name)


def requiring_grad(function, name, tensor):
    """A leaf, where the loss has a derivative with respect to the operand."""
    is_constant = name in CONSTANTS or (function, name) in NO_DERIVATIVE
    if tensor is None or not tensor.is_floating_point() or is_constant:
        return tensor
    return tensor.detach().clone().requires_grad_()


CONSTANTS = {"time"} | {
    operand["name"]
    for entry in ENTRIES.values()
    for operand in entry["operands"]
    if operand["role"] == "side information"
}
_RANKING = ("approx_ndcg_loss", "lambda_rank_loss", "list_mle_loss", "list_net_loss", "rank_net_loss")
NO_DERIVATIVE = {("lovasz_loss", "target"), *((name, "target") for name in _RANKING)}


def test_no_loss_is_left_out():
    assert set(ENTRIES) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_grad_and_vmap(name):
    for what, loss, x in calls_of(name, 16):
        expected = gradient_of(loss, x)
        check(grad(loss)(x), expected, what)
        check(vmap(grad(loss))(torch.stack([x, x]))[1], expected, f"vmap of {what}")


@pytest.mark.parametrize("name", NAMES)
def test_forward_mode(name):
    for what, loss, x in calls_of(name, 16):
        v = direction(x)
        check(jvp(loss, (x,), (v,))[1], (gradient_of(loss, x) * v).sum(), what, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_higher_derivatives(name):
    """Of the kernels' nodes and of transforms: forward over reverse, reverse over reverse, and a third."""
    for what, loss, x in calls_of(name, 10):
        v = direction(x)
        second = hessian(loss)(x).reshape(x.numel(), x.numel())
        check(jacrev(jacrev(loss))(x).reshape(second.shape), second, what, rtol=1e-8)
        expected = (v.flatten() @ second).reshape(x.shape)  # clamp and fastemit of rnnt make the matrix asymmetric
        leaf = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
        by_nodes = _grad_or_zero((first * v).sum(), leaf)
        check(by_nodes, expected, f"second derivative of {what}", rtol=1e-8)
        third = _grad_or_zero((by_nodes * v).sum(), leaf)
        by_transforms = grad(lambda y, v=v, loss=loss: (_hvp(loss, y, v) * v).sum())(x)
        check(third, by_transforms, f"third derivative of {what}", rtol=1e-7)


def _hvp(loss, x, v):
    return grad(lambda y: (grad(loss)(y) * v).sum())(x)


def _grad_or_zero(value, leaf):
    if not value.requires_grad:
        return torch.zeros_like(leaf)
    (gradient,) = torch.autograd.grad(value, leaf, create_graph=True, allow_unused=True)
    return torch.zeros_like(leaf) if gradient is None else gradient


@pytest.mark.parametrize("name", NAMES)
def test_shapes_without_elements(name):
    """FakeTensor and the meta device: shape, dtype and device of the result."""
    function = getattr(F, name)
    for what, tensors, options in described_calls(name, torch.float32):
        if "groups" in tensors:  # whose number of losses is data
            continue
        expected = function(**tensors, **options)
        with FakeTensorMode() as mode:
            fake = function(**{k: None if t is None else mode.from_tensor(t) for k, t in tensors.items()}, **options)
        meta = function(**{k: None if t is None else t.to("meta") for k, t in tensors.items()}, **options)
        assert meta.is_meta and fake.device == expected.device, what
        for found in (fake, meta):
            assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what


@pytest.mark.parametrize("name", NAMES)
def test_traces(name):
    """make_fx of the value and of its gradient, and torch.jit.trace."""
    for what, loss, x in calls_of(name, 5):
        check(make_fx(loss)(x)(x), loss(x), what)
        check(make_fx(grad(loss))(x)(x), gradient_of(loss, x), f"gradient of {what}")
        traced = torch.jit.trace(loss, (x,), check_trace=False)
        check(traced(x), loss(x), f"jit of {what}")


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_export(name, strict):
    """torch.export, to operators of torch alone, of the first cases of a loss."""
    for what, loss, x in calls_of(name, 2):
        if strict and "groups" in loss.tensors:  # which are read on the host
            continue
        program = torch.export.export(loss, (x,), strict=strict)
        assert "perdita" not in str(program.graph), what
        check(program.module()(x), loss(x), what)


@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_transform(name):
    for what, loss, x in calls_of(name, 1):
        torch._dynamo.reset()
        compiled = torch.compile(grad(loss), fullgraph=True, backend="aot_eager")
        check(compiled(x), gradient_of(loss, x), what)


def test_per_sample_gradients():
    """vmap over the samples of a batch, with in_dims that differ, as for differential privacy."""
    logits, labels = torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 4, 2, -100, 1, 3])

    def loss(row, label):
        return F.focal_loss(row, label, reduction="sum")

    gradients = vmap(grad(loss), in_dims=(1, 0))(logits.mT.contiguous(), labels)
    check(gradients, gradient_of(lambda z: F.focal_loss(z, labels, reduction="sum"), logits), "per sample")


def test_hvp_and_vhp_are_not_zero():
    x, t = torch.randn(4, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    v = torch.ones(4, dtype=torch.float64)
    for product in (torch.autograd.functional.hvp, torch.autograd.functional.vhp):
        _, found = product(lambda y: F.log_cosh_loss(y, t, reduction="sum"), x, v)
        check(found, 1 / torch.cosh(x - t) ** 2, product.__name__)


def test_a_user_formula_in_transforms():
    import perdita

    loss = perdita.formula("select(r < 1, r^2 / 2, r - 1 / 2) where r = abs(y - t)")
    x, t = torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    for transform in (grad, jacrev):
        check(transform(lambda y: loss(y, t))(x), gradient_of(lambda y: torch.nn.functional.huber_loss(y, t), x), "")
    of_classes = perdita.formula(lambda log_p, t: -t * log_p)
    z, y = torch.randn(3, 4, dtype=torch.float64), torch.tensor([0, 3, 1])
    expected = hessian(lambda z: torch.nn.functional.cross_entropy(z, y))(z)
    check(hessian(lambda z: of_classes(z, y))(z), expected, "class formula")


def test_forward_mode_over_equal_derivatives():
    """A graph whose derivatives with respect to two operands are one expression gives two tensors."""
    x, y = torch.randn(2, 3, 4, dtype=torch.float64), torch.randint(0, 3, (2, 4))
    expected = hessian(lambda z: F.dice_loss(z, y))(x)
    found = torch.autograd.functional.hessian(
        lambda z: F.dice_loss(z, y), x, vectorize=True, outer_jacobian_strategy="forward-mode"
    )
    check(found, expected, "dice")


def test_vmap_over_groups_is_refused():
    scores, relevance = torch.randn(2, 4), torch.tensor([[1.0, 0, 2, 0], [0, 1, 0, 1]])
    groups = torch.tensor([[0, 0, 1, 1], [0, 1, 1, 1]])
    for name in ("list_net_loss", "rank_net_loss", "lambda_rank_loss", "list_mle_loss", "approx_ndcg_loss"):
        loss = getattr(F, name)
        for mapped in (vmap(loss), vmap(grad(loss)), grad(lambda *tensors, loss=loss: vmap(loss)(*tensors).sum())):
            with pytest.raises(GraphError, match=f"{name}: vmap maps over groups.*valid: in_dims with None for groups"):
                mapped(scores, relevance, groups)
        one = vmap(loss, in_dims=(0, 0, None))(scores, relevance, groups[0])
        check(one[1], loss(scores[1], relevance[1], groups[0]), name, rtol=1e-5)


def test_groups_in_a_vectorized_hessian():
    scores, relevance, groups = torch.randn(3, dtype=torch.float64), torch.tensor([1.0, 2, 3]), torch.tensor([0, 0, 1])
    loss = lambda s: F.list_net_loss(s, relevance.double(), groups)  # noqa: E731
    found = torch.autograd.functional.hessian(loss, scores, vectorize=True, outer_jacobian_strategy="forward-mode")
    check(found, hessian(loss)(scores), "list_net")
