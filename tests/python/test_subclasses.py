"""Modules of both packages are subclassed, copied, pickled, called by keywords, and known as torch's."""

import copy
import inspect
import io
import pickle

import numpy as np
import pytest
import torch

import perdita.nn as numpy_nn
import perdita.torch.nn as torch_nn
from perdita._modules import CLASSES

MODULES = [(package, name) for package in (numpy_nn, torch_nn) for name in CLASSES]
IDS = [f"{package.__name__}-{name}" for package, name in MODULES]


class Plain(torch_nn.CrossEntropyLoss):
    """Adds nothing."""


class Grandchild(Plain):
    """A subclass of a subclass."""


class Scaled(torch_nn.FocalLoss):
    def __init__(self, scale, **options):
        super().__init__(**options)
        self.scale = scale

    def forward(self, input, target):
        return self.scale * super().forward(input, target)


class Halved(numpy_nn.HuberLoss):
    def __init__(self, delta):
        super().__init__(delta=2 * delta)

    def __call__(self, *arrays):
        return super().__call__(*arrays) / 2


def made(cls, **options):
    if "class_counts" in inspect.signature(cls).parameters:
        options["class_counts"] = np.array([3, 2, 1])
    return cls(**options)


def copies_of(module):
    yield copy.copy(module)
    yield copy.deepcopy(module)
    yield pickle.loads(pickle.dumps(module))


@pytest.mark.parametrize(("package", "name"), MODULES, ids=IDS)
def test_every_class_can_be_subclassed(package, name):
    base = getattr(package, name)
    subclass = type("Sub" + name, (base,), {"__module__": __name__})
    assert repr(made(subclass)) == "Sub" + repr(made(base))
    assert inspect.signature(subclass) == inspect.signature(base)
    with pytest.raises(TypeError, match=name):
        made(subclass, no_such_option=1)


@pytest.mark.parametrize(("package", "name"), MODULES, ids=IDS)
def test_every_class_can_be_copied(package, name):
    module = made(getattr(package, name), reduction="sum")
    for other in copies_of(module):
        assert type(other) is type(module)
        assert repr(other) == repr(module)


@pytest.mark.parametrize(
    "module",
    [Plain(), Plain(weight=torch.tensor([1.0, 2.0, 0.5])), Grandchild(label_smoothing=0.1), Scaled(3.0, gamma=1.0)],
    ids=repr,
)
def test_subclasses_of_torch_modules(module):
    x, y = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 2.0]]), torch.tensor([0, 2])
    log_p = torch.log_softmax(x, 1)[torch.arange(2), y]
    if isinstance(module, Scaled):
        expected = (-3 * (1 - log_p.exp()) * log_p).mean()
    else:
        expected = torch.nn.functional.cross_entropy(x, y, weight=module.weight, label_smoothing=module.label_smoothing)
    for other in (module, *copies_of(module)):
        torch.testing.assert_close(other(x, y), expected)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    assert list(module.state_dict()) == (["weight"] if module.weight is not None else [])
    copy.deepcopy(module).load_state_dict(torch.load(file))


def test_a_subclass_of_a_numpy_class():
    module = Halved(1.5)
    assert repr(module) == "Halved(delta=3.0)"
    assert str(inspect.signature(Halved)) == "(delta)"
    for other in (module, *copies_of(module)):
        assert other(np.array([5.0, 1.0]), np.zeros(2)) == (3 * (5 - 1.5) + 0.5) / 2 / 2


def test_operands_by_keyword():
    x, y = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    expected = torch.nn.functional.cross_entropy(x, y)
    torch.testing.assert_close(torch_nn.CrossEntropyLoss()(input=x, target=y), expected)
    torch.testing.assert_close(torch_nn.CrossEntropyLoss()(x, target=y), expected)
    value = numpy_nn.CrossEntropyLoss()(input=x.numpy(), target=y.numpy())
    np.testing.assert_allclose(value, expected.item(), rtol=1e-6)


@pytest.mark.parametrize("name", CLASSES)
def test_torch_modules_are_torchs(name):
    module = made(getattr(torch_nn, name))
    assert isinstance(module, torch.nn.modules.loss._Loss)
    if hasattr(torch.nn, name):
        assert isinstance(module, getattr(torch.nn, name))
