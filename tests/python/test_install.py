"""What looks at the functions of torch, while they are those of Perdita: torch.jit.script, modes, subclasses, torch.fx."""

import subprocess
import sys

import pytest
import torch

import perdita.torch
from perdita.torch._readable import IS_READABLE

X, T = torch.linspace(-1, 1, 12).reshape(4, 3), torch.linspace(0, 1, 12).reshape(4, 3)
LABELS = torch.tensor([0, 2, 1, 1])


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)

    def forward(self, x, y):
        return self.criterion(x, y) + torch.nn.functional.mse_loss(x, x * x)


def test_script():
    """In another process, since torch keeps what it has compiled."""
    program = (
        "import torch, perdita.torch, test_install as t\n"
        "expected = t.Model()(t.X, t.LABELS)\n"
        "perdita.torch.install()\n"
        "torch.testing.assert_close(torch.jit.script(t.Model())(t.X, t.LABELS), expected)\n"
        "for name in perdita.torch.installed():\n"
        "    function = getattr(torch.nn.functional, name)\n"
        "    original = function.__prepare_scriptable__()\n"
        "    assert original.__name__ == name and original is not function\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=__file__.rpartition("/")[0], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


class Names(torch.overrides.TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


class Tensor(torch.Tensor):
    seen: list = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.seen.append(func)
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("name", ["mse_loss", "cross_entropy", "triplet_margin_loss", "linear_cross_entropy"])
def test_modes_and_subclasses_see_the_function_of_torch(name):
    if not hasattr(torch.nn.functional, name):
        pytest.skip(f"torch {torch.__version__} has no {name}")
    operands = {"mse_loss": (X, T), "cross_entropy": (X, LABELS), "triplet_margin_loss": (X, T, T + 1)}
    args = operands.get(name, (X, T, LABELS))
    expected = getattr(torch.nn.functional, name)(*args)
    with perdita.torch.install():
        function = getattr(torch.nn.functional, name)
        with Names() as names:
            found = function(*args)
        assert names.seen == [function]
        torch.testing.assert_close(found, expected)
        Tensor.seen.clear()
        found = function(args[0].as_subclass(Tensor), *args[1:])
        assert Tensor.seen == [function] and type(found) is Tensor
        torch.testing.assert_close(found.as_subclass(torch.Tensor), expected)


def test_a_subclass_that_computes_the_loss():
    class Halved(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func is torch.nn.functional.mse_loss:
                return "its own"
            return super().__torch_function__(func, types, args, kwargs or {})

    with perdita.torch.install():
        assert torch.nn.MSELoss()(X.as_subclass(Halved), T) == "its own"


def test_a_default_device():
    """torch.device() as a context is a mode."""
    with perdita.torch.install(), torch.device("cpu"):
        loss = torch.nn.functional.mse_loss(X.clone().requires_grad_(), T)
    assert not type(loss.grad_fn).__name__.startswith("MseLoss")


def test_a_traced_graph():
    expected = Model()(X, LABELS)
    with perdita.torch.install():
        graph = torch.fx.symbolic_trace(Model())
        torch.testing.assert_close(graph(X, LABELS), expected)
    torch.testing.assert_close(graph(X, LABELS), expected)


def test_a_compiled_graph_holds_the_operator_of_the_kernels():
    targets = []

    def backend(graph, _):
        targets.extend(str(node.target) for node in graph.graph.nodes)
        return graph

    with perdita.torch.install():
        compiled = torch.compile(
            lambda x: torch.nn.functional.cross_entropy(x, LABELS), fullgraph=True, backend=backend
        )
        torch.testing.assert_close(compiled(X), torch.nn.functional.cross_entropy(X, LABELS))
    assert ("perdita.loss.default" in targets) == IS_READABLE  # else it holds operators of torch
