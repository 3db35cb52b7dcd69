"""perdita.torch in the place of torch: imports, installed losses, criteria that are stored and loaded."""

import copy
import io
import pickle
import subprocess
import sys

import pytest
import torch

import perdita.torch
import perdita.torch.functional as F
import perdita.torch.nn as nn
from perdita.torch._readable import IS_READABLE

torch_mse, torch_cross_entropy = torch.nn.functional.mse_loss, torch.nn.functional.cross_entropy
X, T = torch.linspace(-1, 1, 12).reshape(4, 3), torch.linspace(0, 1, 12).reshape(4, 3)
LABELS = torch.tensor([0, 2, 1, 1])


def is_ours(loss):
    return is_node_of_ours(type(loss.grad_fn).__name__)


def is_node_of_ours(name):
    """The node of the kernels; where torch does not offer its memory to them, the last operator of the loss."""
    return "_Loss" in name if IS_READABLE else not name.startswith(("MseLoss", "NllLoss"))


def test_other_names_are_those_of_torch():
    assert F.relu is torch.nn.functional.relu and nn.Linear is torch.nn.Linear
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    assert F.softmax(model(X), dim=1).shape == (4, 2)
    with pytest.raises(AttributeError, match="did you mean"):
        F.focal  # noqa: B018
    with pytest.raises(AttributeError):
        F.no_such_function  # noqa: B018


def test_install_and_uninstall():
    with perdita.torch.install():
        assert "cross_entropy" in perdita.torch.installed()
        x = X.clone().requires_grad_()
        assert is_ours(torch.nn.CrossEntropyLoss()(x, LABELS))
        assert is_ours(torch.nn.functional.mse_loss(x, T))
        perdita.torch.install()  # again
    assert perdita.torch.installed() == []
    assert torch.nn.functional.mse_loss is torch_mse and torch.nn.functional.cross_entropy is torch_cross_entropy


@pytest.mark.filterwarnings("ignore:size_average and reduce")
@pytest.mark.parametrize("arguments", [
    ((None, None, "sum"), {}), ((False,), {}), ((), {"size_average": False}), ((True, False), {}), ((), {"reduce": False}),
    ((), {"reduction": "none"}),
])  # fmt: skip
def test_old_arguments(arguments):
    args, kwargs = arguments
    expected = torch.nn.functional.mse_loss(X, T, *args, **kwargs)
    with perdita.torch.install():
        found = torch.nn.functional.mse_loss(X, T, *args, **kwargs)
    torch.testing.assert_close(found, expected)


def test_what_torch_computes_is_not_routed_again():
    """Operands that the kernels leave to torch, while torch's losses are ours."""
    with perdita.torch.install():
        x = torch.randn(3, dtype=torch.complex64)
        torch.testing.assert_close(torch.nn.functional.l1_loss(x, -x), (2 * x).abs().mean())
        with perdita.torch.torch_exact():
            torch.nn.functional.cross_entropy(X, LABELS)


def test_every_module_of_torch_gives_the_same():
    x = X.sigmoid()
    for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss", "KLDivLoss"):
        criterion = getattr(torch.nn, name)()
        expected = criterion(x, T)
        with perdita.torch.install():
            torch.testing.assert_close(criterion(x, T), expected)


@pytest.mark.parametrize("command", [["{script}", "--lr", "3"], ["-m", "program", "--lr", "3"]])
def test_a_program(tmp_path, command):
    script = tmp_path / "program.py"
    script.write_text(
        "import sys, torch\n"
        "import helper\n"
        "loss = torch.nn.functional.mse_loss(torch.ones(3, requires_grad=True), torch.zeros(3))\n"
        "print(type(loss.grad_fn).__name__, sys.argv[1:], __name__)\n"
    )
    (tmp_path / "helper.py").write_text("")
    arguments = [part.format(script=script) for part in command]
    run = subprocess.run(
        [sys.executable, "-m", "perdita.torch", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert is_node_of_ours(run.stdout) and "['--lr', '3'] __main__" in run.stdout


def test_a_program_that_does_not_exist():
    run = subprocess.run([sys.executable, "-m", "perdita.torch", "absent.py"], capture_output=True, text=True)
    assert run.returncode == 1 and "there is no file absent.py" in run.stderr


def test_criteria_are_those_of_torch():
    criterion = nn.CrossEntropyLoss(weight=[1.0, 2.0, 3.0], label_smoothing=0.1)
    assert isinstance(criterion, torch.nn.CrossEntropyLoss) and isinstance(criterion, torch.nn.modules.loss._Loss)
    expected = criterion(X, LABELS)
    assert criterion(input=X, target=LABELS) == expected
    for other in (copy.deepcopy(criterion), pickle.loads(pickle.dumps(criterion))):
        assert other(X, LABELS) == expected
    theirs = torch.nn.CrossEntropyLoss(weight=torch.tensor([3.0, 2.0, 1.0]), label_smoothing=0.1)
    criterion.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(criterion(X, LABELS), theirs(X, LABELS))
    theirs.load_state_dict(criterion.state_dict())


@pytest.mark.parametrize(
    "criterion", [nn.CrossEntropyLoss(weight=[1.0, 2.0, 3.0]), nn.FocalLoss(gamma=1.5), nn.DiceLoss()]
)
def test_loading_with_weights_only(criterion):
    stored = io.BytesIO()
    torch.save(criterion, stored)
    stored.seek(0)
    loaded = torch.load(stored, weights_only=True)
    target = T.round() if isinstance(criterion, nn.DiceLoss) else LABELS
    assert loaded(X, target) == criterion(X, target)


def test_options_at_the_call_and_during_training():
    criterion = nn.CrossEntropyLoss()
    loss, extras = criterion(X, LABELS, return_extras=True)
    assert loss == criterion(X, LABELS) and extras.hits.shape == (4,)
    criterion.label_smoothing = 0.5
    assert criterion(X, LABELS) == F.cross_entropy(X, LABELS, label_smoothing=0.5)


def test_a_subclass_of_a_user():
    class Doubled(nn.CrossEntropyLoss):
        def forward(self, input, target):
            return 2 * super().forward(input, target)

    assert Doubled()(X, LABELS) == 2 * nn.CrossEntropyLoss()(X, LABELS)


@pytest.mark.parametrize("name", ["cross_entropy", "focal_loss", "mse_loss", "linear_cross_entropy"])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_batches_of_a_global_count(name, as_tensor):
    """Unequal micro-batches divided by the count of all equal one batch."""
    numbers = torch.Generator().manual_seed(2)
    x = torch.randn(10, 4, generator=numbers, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 3, -100, 0, 1, -100, 2, 3])
    target = torch.randn(10, 4, generator=numbers, dtype=torch.float64) if name == "mse_loss" else labels
    more = (torch.eye(5, 4, dtype=torch.float64),) if name == "linear_cross_entropy" else ()
    loss = getattr(F, name)
    count = 40 if name == "mse_loss" else 8
    count = torch.tensor(count) if as_tensor else count
    whole = x.clone().requires_grad_()
    loss(whole, *more, target).backward()
    parts = x.clone().requires_grad_()
    for rows in (slice(0, 1), slice(1, 5), slice(5, 10)):
        loss(parts[rows], *more, target[rows], normalize_by=count).backward()
    torch.testing.assert_close(parts.grad, whole.grad, rtol=1e-12, atol=1e-15)


def test_a_denominator_of_narrow_linear_losses():
    x = torch.full((4096, 4), 20.0, dtype=torch.float16)
    weight = torch.tensor([[0.0] * 4, [10.0] * 4], dtype=torch.float16)
    loss = F.linear_cross_entropy(x, weight, torch.zeros(4096, dtype=torch.int64), normalize_by=4096)
    assert loss == 800 and loss.dtype == torch.float16


def test_denominators_that_are_wrong():
    for denominator, says in ((0, "is 0"), (-1.0, "is -1.0"), (torch.ones(2), r"is \[2\]"), (True, "is True")):
        with pytest.raises((ValueError, TypeError), match=f"normalize_by {says}"):
            F.mse_loss(X, T, normalize_by=denominator)
        with pytest.raises((ValueError, TypeError), match=f"normalize_by {says}"):
            nn.MSELoss(normalize_by=denominator)
    assert nn.MSELoss(normalize_by=6)(X, T) == F.mse_loss(X, T, reduction="sum") / 6
    for denominator in 6, torch.tensor(6):
        with pytest.raises(ValueError, match="but reduction is 'sum'"):
            F.mse_loss(X, T, reduction="sum", normalize_by=denominator)
        with pytest.raises(ValueError, match="but reduction is 'batchmean'"):
            F.kl_div(X, T, reduction="batchmean", normalize_by=denominator)
    loss, extras = F.mse_loss(X, T, normalize_by=6, return_extras=True)
    assert extras.denominator == 6 and loss == extras.numerator / 6


def test_nested_installs():
    with perdita.torch.install():
        with perdita.torch.install():
            pass
        assert perdita.torch.installed()
    assert not perdita.torch.installed()


def test_denominators_of_narrow_types():
    x = torch.full((8,), 100.0, dtype=torch.float16, requires_grad=True)
    loss = F.mse_loss(x, torch.zeros_like(x), normalize_by=5_000_000)
    loss.backward()
    torch.testing.assert_close(x.grad, torch.full_like(x, 4e-5), rtol=2e-3, atol=0)
    many = torch.ones(70_000, dtype=torch.float16)
    assert F.mse_loss(many, torch.zeros_like(many), normalize_by=torch.tensor(70_000)) == 1
    wide = torch.tensor(4.0, dtype=torch.float64)
    assert F.mse_loss(X, T, normalize_by=wide).dtype == torch.float32
