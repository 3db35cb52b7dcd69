"""cox, list_net and info_nce from NumPy and torch: values of other packages, gradients, modules, torch.compile, errors."""

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

# (function, operands, options, value): of torchsurv 0.2.0, statsmodels 0.15.0, allRank 1.4.3, rax 0.4.0 and
# info-nce-pytorch 0.1.4.
KNOWN = [
    ("cox_loss", (HAZARDS, TIMES, EVENTS), {}, 1.3611185928928),
    ("cox_loss", (HAZARDS, TIMES, EVENTS), {"ties": "breslow", "reduction": "sum"}, 7.047577956),
    ("cox_loss", (HAZARDS, TIMES, EVENTS, STRATA), {"reduction": "sum"}, 4.446280513675),
    *(("list_net_loss", (SCORES, LABELS, groups), {}, 1.0630245428842) for groups in GROUPS.values()),
    ("list_net_loss", (SCORES, LABELS, GROUPS["sizes"]), {"relevance": "labels"}, 3.864700372),
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
    leaves = [t.double().requires_grad_() for t in tensors[:count]]
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
