"""Losses of survival, rankings and pairs of embeddings from NumPy and torch: values of other packages, gradients, modules,
torch.compile, errors."""

import numpy as np
import pytest
import torch

import perdita
import perdita.functional
import perdita.nn
import perdita.torch.functional as F
import perdita.torch.nn
from perdita.errors import DomainError

HAZARDS = [0.3, -0.5, 0.8, 0.1, -1.2, 0.4, 0.0, 0.6]
TIMES = [5.0, 3.0, 3.0, 8.0, 3.0, 1.0, 8.0, 2.0]
EVENTS = [1, 1, 1, 0, 0, 1, 1, 0]
STRATA = [0, 0, 0, 0, 1, 1, 1, 1]
SCORES = [0.2, 1.1, -0.4, 0.5, 0.5, -1.0, 2.0, 0.7, 0.3, -0.6]
LABELS = [2, 0, 1, 0, 3, 1, 0, 2, 1, 1]
GROUPS = {"sizes": [3, 4, 1, 2], "begins": [0, 3, 7, 8, 10], "ids": [7, 7, 7, 2, 2, 2, 2, 9, 0, 0]}
QUERY = [[1.0, 0.2, -0.3], [0.8, 0.5, 0.1], [-0.4, 1.1, 0.6], [0.3, 0.9, -0.7]]
POSITIVE = [[0.9, 0.4, -0.1], [0.5, 0.7, 0.3], [-0.2, 0.8, 0.9], [0.1, 1.0, -0.4]]

# (function, operands, options, value): of torchsurv 0.2.0, statsmodels 0.15.0, allRank 1.4.3, rax 0.4.0,
# LightGBM 4.7.0 (slopes) and info-nce-pytorch 0.1.4.
KNOWN = [
    ("cox_loss", (HAZARDS, TIMES, EVENTS), {}, 1.3611185928928),
    ("cox_loss", (HAZARDS, TIMES, EVENTS), {"ties": "breslow", "reduction": "sum"}, 7.047577956),
    ("cox_loss", (HAZARDS, TIMES, EVENTS, STRATA), {"reduction": "sum"}, 4.446280513675),
    *(("list_net_loss", (SCORES, LABELS, groups), {}, 1.0630245428842) for groups in GROUPS.values()),
    ("list_net_loss", (SCORES, LABELS, GROUPS["sizes"]), {"relevance": "labels"}, 3.864700372),
    ("rank_net_loss", (SCORES, LABELS, GROUPS["ids"]), {}, 1.340753684),
    ("lambda_rank_loss", (SCORES, LABELS, GROUPS["sizes"]), {"reduction": "sum"}, 1.7910156968044),
    ("lambda_rank_loss", (SCORES, LABELS, GROUPS["sizes"]), {"k": 2, "reduction": "sum"}, 1.7800372219943),
    ("list_mle_loss", (SCORES, LABELS, GROUPS["begins"]), {}, 2.5691285304005),
    ("approx_ndcg_loss", (SCORES, LABELS, GROUPS["sizes"]), {}, 1 - 0.8056595799),
    ("info_nce_loss", (QUERY, POSITIVE), {}, 0.30667328756562),
]
NAMES = [f"{name}-{i}" for i, (name, *_) in enumerate(KNOWN)]


def arrays(operands):
    return [np.array(x) for x in operands]


@pytest.mark.parametrize(("name", "operands", "options", "value"), KNOWN, ids=NAMES)
def test_values_of_other_packages(name, operands, options, value):
    assert getattr(perdita.functional, name)(*arrays(operands), **options) == pytest.approx(value, rel=1e-9)
    assert getattr(F, name)(*map(torch.from_numpy, arrays(operands)), **options).item() == pytest.approx(
        value, rel=1e-9
    )
    first, *others = operands  # lists and arrays go with a tensor where they are not predictions
    if name == "list_net_loss":
        tensors = torch.tensor(first, dtype=torch.float64), torch.tensor(others[0], dtype=torch.float64)
        assert F.list_net_loss(*tensors, np.array(others[1]), **options).item() == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(("name", "operands", "options", "value"), KNOWN, ids=NAMES)
def test_derivatives(name, operands, options, value):
    count = 2 if name == "info_nce_loss" else 1
    tensors = [torch.tensor(np.array(x)) for x in operands]
    leaves = [t.double() for t in tensors[:count]]
    if name == "lambda_rank_loss":
        leaves[0] += torch.linspace(0, 0.01, len(leaves[0]))  # without equal scores: a difference would change ranks
    leaves = [leaf.requires_grad_() for leaf in leaves]
    for reduction in ("none", "sum", "mean"):
        call = lambda *x: getattr(F, name)(*x, *tensors[count:], **{**options, "reduction": reduction})  # noqa: B023, E731
        assert torch.autograd.gradcheck(call, leaves)
        assert torch.autograd.gradgradcheck(call, leaves)


@pytest.mark.parametrize(("name", "operands", "options", "value"), KNOWN, ids=NAMES)
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_compiled(name, operands, options, value, reduction):
    torch.compiler.reset()
    tensors = [torch.tensor(np.array(x)) for x in operands]
    options = {**options, "reduction": reduction}
    call = getattr(F, name)
    compiled = torch.compile(lambda *x: call(*x, **options), fullgraph=True, backend="aot_eager")
    results = []
    for function in (lambda *x: call(*x, **options), compiled):
        leaf = tensors[0].double().requires_grad_()
        result = function(leaf, *tensors[1:])
        result.sum().backward()
        results.append((result.detach(), leaf.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_modules():
    criterion = perdita.torch.nn.CoxLoss(ties="breslow", reduction="sum")
    tensors = [torch.tensor(x) for x in (HAZARDS, TIMES, EVENTS)]
    assert criterion(*tensors).item() == pytest.approx(7.047577956, rel=1e-6)
    assert criterion(*tensors, strata=torch.tensor(STRATA)).item() != criterion(*tensors).item()
    assert repr(criterion) == "CoxLoss(ties='breslow', reduction='sum')"
    assert perdita.nn.ListNetLoss(relevance="labels")(*arrays((SCORES, LABELS, GROUPS["ids"]))) == pytest.approx(
        3.864700372
    )
    negatives = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    module = perdita.torch.nn.InfoNCELoss(temperature=0.5)
    tensors = torch.tensor(QUERY), torch.tensor(POSITIVE)
    cosine = torch.nn.functional.cosine_similarity
    logits = torch.cat([cosine(*tensors)[:, None], cosine(tensors[0][:, None], negatives[None], dim=2)], 1)
    expected = torch.nn.functional.cross_entropy(logits / 0.5, torch.zeros(4, dtype=torch.long))
    torch.testing.assert_close(module(*tensors, negatives), expected)


def test_weights():
    weight = np.array([0.5, 2.0, 1.0, 1.0, 1.0, 3.0, 0.25, 1.0])
    losses = perdita.functional.cox_loss(*arrays((HAZARDS, TIMES, EVENTS)), weight=weight, reduction="none")
    mean, extras = perdita.functional.cox_loss(
        *arrays((HAZARDS, TIMES, EVENTS)), weight=weight, normalize_by="weight_sum", return_extras=True
    )
    assert extras.denominator == pytest.approx(0.5 + 2 + 1 + 3 + 0.25)
    assert mean == pytest.approx(losses.sum() / extras.denominator)
    assert losses[3] == losses[4] == losses[7] == 0


@pytest.mark.parametrize("hazard", [0.2, 1000.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_a_sample_of_weight_0_is_as_if_it_were_absent(hazard, ties):
    hazards, times, events = (np.array(x) for x in (HAZARDS, TIMES, EVENTS))
    weight = np.array([0.5, 2.0, 0.0, 1.0, 1.0, 3.0, 0.25, 0.0])
    options = {"ties": ties, "reduction": "sum"}
    kept = weight > 0
    hazards[~kept] = hazard
    tensors = [torch.tensor(x[kept]) for x in (hazards, times, events, weight)]
    leaf = tensors[0].requires_grad_()
    expected = F.cox_loss(*tensors[:3], weight=tensors[3], **options)
    expected.backward()
    for learns_weights in (False, True):
        h, t, e, w = (torch.tensor(x) for x in (hazards, times, events, weight))
        loss = F.cox_loss(h.requires_grad_(), t, e, weight=w.requires_grad_(learns_weights), **options)
        loss.backward()
        torch.testing.assert_close(loss, expected)
        torch.testing.assert_close(h.grad[kept], leaf.grad)
        assert (h.grad[~kept] == 0).all()
        assert not learns_weights or torch.isfinite(w.grad[kept]).all()
    twice = torch.func.hessian(lambda x: F.cox_loss(x, t, e, weight=torch.tensor(weight), **options))(
        torch.tensor(hazards)
    )
    assert torch.isfinite(twice).all()
    found = perdita.functional.cox_loss(hazards, times, events, weight=weight, **options)
    assert found == pytest.approx(expected.item())


def test_narrow_types_are_computed_in_float32():
    tensors = [torch.tensor(x) for x in (HAZARDS, TIMES, EVENTS)]
    found = F.cox_loss(tensors[0].bfloat16(), *tensors[1:])
    assert found.dtype == torch.bfloat16
    assert found.item() == pytest.approx(1.36, abs=0.02)


@pytest.mark.parametrize("call", [perdita.functional.cox_loss, F.cox_loss])
def test_an_unknown_name_of_an_option(call):
    tensors = [torch.tensor(x) for x in (HAZARDS, TIMES, EVENTS)]
    with pytest.raises(
        DomainError, match=r"cox_loss: ties is 'efro' \(valid: efron or breslow\); did you mean 'efron'"
    ):
        call(*tensors, ties="efro")


def test_missing_operands_are_named():
    with pytest.raises(DomainError, match=r"cox_loss: event is None \(valid: an array\)"):
        F.cox_loss(torch.tensor(HAZARDS), torch.tensor(TIMES), None)


def test_lambda_rank_normalizes_as_lightgbm():
    """The value is that of catalogues; the slopes are compared with LightGBM's objective in test_boosting_parity.py."""
    operands = arrays((SCORES, LABELS, GROUPS["sizes"]))
    value = perdita.functional.lambda_rank_loss(*operands, normalize=True, reduction="sum")
    assert value == pytest.approx(3.355603554, rel=1e-9)


@pytest.mark.parametrize("name", ["rank_net_loss", "lambda_rank_loss"])
def test_groups_without_pairs(name):
    for labels in ([1.0, 1.0, 0.0], [0.0, 0.0, 0.0]):
        leaf = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
        loss = getattr(F, name)(leaf, torch.tensor(labels), torch.tensor([2, 1]))
        loss.backward()
        assert loss.item() == 0 and (leaf.grad == 0).all()
    empty = torch.zeros(0, 3, dtype=torch.float64)
    assert getattr(F, name)(empty, empty).isnan()


@pytest.mark.parametrize(
    "name", ["list_net_loss", "rank_net_loss", "lambda_rank_loss", "list_mle_loss", "approx_ndcg_loss"]
)
def test_a_group_of_weight_zero_has_no_gradient(name):
    scores = torch.tensor([[float("nan"), 1.0], [2.0, 1.0]], requires_grad=True)
    loss = getattr(F, name)(scores, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), weight=torch.tensor([0.0, 1.0]))
    loss.backward()
    assert loss.isfinite() and (scores.grad[0] == 0).all() and scores.grad[1].abs().sum() > 0


def test_crps_of_large_ensembles():
    members = np.random.default_rng(0).normal(size=(2, 1000))
    exact = perdita.functional.crps_ensemble_loss(members, np.zeros(2), reduction="none")
    scaled = perdita.functional.crps_ensemble_loss(
        (members * 1e33).astype(np.float32), np.zeros(2, np.float32), reduction="none"
    )
    np.testing.assert_allclose(scaled, exact * 1e33, rtol=1e-5)
    infinite = F.crps_ensemble_loss(torch.tensor([[1.0, 2.0]]), torch.tensor([float("inf")]))
    assert infinite.item() == float("inf")
