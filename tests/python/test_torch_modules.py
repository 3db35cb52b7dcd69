"""The modules of perdita.torch.nn: copies, models, and the classes of torch.nn."""

import copy
import io
import pickle

import pytest
import torch

import perdita.torch.nn as nn


def modules():
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
    names = {name for name in torch.nn.modules.loss.__all__ if name != "NLLLoss2d"} | {"AdaptiveLogSoftmaxWithLoss"}
    assert not {name for name in names if not hasattr(nn, name)}


def test_adaptive_log_softmax():
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
    with pytest.raises(ValueError, match=f"{list(wrong.values())[0]}"):
        nn.CrossEntropyLoss(**wrong)
