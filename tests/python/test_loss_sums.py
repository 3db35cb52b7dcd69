"""Sums of losses, detection of NaN and infinity, and learned parameters, compared with torch and with the parts alone."""

import math
import pickle

import numpy as np
import pytest

import perdita
import perdita.functional as NF
import perdita.nn

torch = pytest.importorskip("torch")

import perdita.torch.functional as F  # noqa: E402
import perdita.torch.nn as nn  # noqa: E402

SEED = 20


def classes(dtype=torch.float64, rows=7, count=5):
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(rows, count, generator=generator, dtype=dtype)
    return x.requires_grad_(), torch.randint(0, count, (rows,), generator=generator)


def masks(dtype=torch.float64):
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(2, 3, 4, 5, generator=generator, dtype=dtype)
    return x.requires_grad_(), torch.randint(0, 3, (2, 4, 5), generator=generator)


def grad_of(loss, x):
    return torch.autograd.grad(loss, x)[0]


CASES = [
    ("0.7*cross_entropy + 0.3*focal:gamma=3", classes,
     lambda x, y: 0.7 * F.cross_entropy(x, y) + 0.3 * F.focal_loss(x, y, gamma=3.0)),
    ("0.7*cross_entropy:label_smoothing=0.1 + 0.3*dice:smooth=1", masks,
     lambda x, y: 0.7 * torch.nn.functional.cross_entropy(x, y, label_smoothing=0.1) + 0.3 * F.dice_loss(x, y, smooth=1.0)),
    ("cross_entropy + 0.1*(formula: -t * log_p^2)", classes,
     lambda x, y: torch.nn.functional.cross_entropy(x, y)
     - 0.1 * torch.log_softmax(x, 1).gather(1, y[:, None]).square().mean()),
    ("mse + 0.5*l1", lambda: (lambda x, _: (x, x.detach().flip(0)))(*classes()),
     lambda x, y: torch.nn.functional.mse_loss(x, y) + 0.5 * torch.nn.functional.l1_loss(x, y)),
]  # fmt: skip


@pytest.mark.parametrize("text, data, expected", CASES)
def test_value_and_gradients_are_those_of_the_parts(text, data, expected):
    x, y = data()
    criterion = nn.Sum(text)
    found, wanted = criterion(x, y), expected(x, y)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(grad_of(found, x), grad_of(wanted, x), rtol=1e-12, atol=1e-12)
    value, gradient = perdita.value_and_grad(text)(x.detach().numpy(), y.numpy())
    np.testing.assert_allclose(value, wanted.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient, grad_of(expected(x, y), x).numpy(), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(perdita.nn.Sum(text)(x.detach().numpy(), y.numpy()), wanted.item(), rtol=1e-12)


@pytest.mark.parametrize("text, data, expected", CASES)
def test_higher_derivatives_transforms_and_compilation(text, data, expected):
    x, y = data()
    criterion = nn.Sum(text)
    assert torch.autograd.gradcheck(lambda x: criterion(x, y), (x,))
    value = torch.func.grad(lambda x: criterion(x, y))(x.detach())
    torch.testing.assert_close(value, grad_of(expected(x, y), x), rtol=1e-9, atol=1e-12)
    gradient = torch.autograd.grad(criterion(x, y), x, create_graph=True)[0]
    wanted = torch.autograd.grad(expected(x, y), x, create_graph=True)[0]
    torch.testing.assert_close(
        grad_of(gradient.square().sum(), x), grad_of(wanted.square().sum(), x), rtol=1e-9, atol=1e-12
    )


def test_operators_make_the_sum_of_modules_with_their_options():
    x, y = classes()
    weight = torch.rand(5, dtype=torch.float64)
    criterion = 0.7 * nn.CrossEntropyLoss(weight=weight, label_smoothing=0.1) + 0.3 * nn.FocalLoss(
        gamma=3.0, reduction="sum"
    )
    wanted = 0.7 * torch.nn.functional.cross_entropy(x, y, weight, label_smoothing=0.1)
    wanted = wanted + 0.3 * F.focal_loss(x, y, gamma=3.0, reduction="sum")
    torch.testing.assert_close(criterion(x, y), wanted)
    assert criterion.names == ("cross_entropy", "focal")
    assert [name for name, _ in criterion.named_buffers()] == ["losses.0.weight"]
    array = 0.7 * perdita.nn.CrossEntropyLoss(weight=weight.numpy(), label_smoothing=0.1)
    array = array + 0.3 * perdita.nn.FocalLoss(gamma=3.0, reduction="sum")
    np.testing.assert_allclose(array(x.detach().numpy(), y.numpy()), wanted.item(), rtol=1e-12)
    twice = 2.0 * criterion + nn.CrossEntropyLoss()
    torch.testing.assert_close(twice(x, y), 2 * wanted + torch.nn.functional.cross_entropy(x, y))
    assert twice.names == ("cross_entropy", "focal", "cross_entropy_2")


def test_extras_name_the_parts():
    x, y = masks()
    for module, a, b in ((nn, x, y), (perdita.nn, x.detach().numpy(), y.numpy())):
        loss, extras = module.Sum("0.7*cross_entropy + 0.3*dice")(a, b, return_extras=True)
        assert list(extras.parts) == ["cross_entropy", "dice"]
        assert float(extras.parts["dice"].value) == pytest.approx(F.dice_loss(x, y).item(), rel=1e-12)
        assert extras.parts["cross_entropy"].weight == 0.7
        assert float(extras.parts["cross_entropy"].extras.denominator) == y.numel()
        total = sum(part.weight * float(part.value) for part in extras.parts.values())
        assert float(loss) == pytest.approx(total, rel=1e-12)


def test_schedules_follow_the_epoch():
    x, y = classes()
    for module in (nn, perdita.nn):
        a, b = (x, y) if module is nn else (x.detach().numpy(), y.numpy())
        criterion = module.Sum("cross_entropy + linear(0,1,epochs=4)*focal")
        for epoch in range(6):
            criterion.set_epoch(epoch)
            share = min(1, epoch / 4)
            assert criterion.weights["focal"] == share
            wanted = F.cross_entropy(x, y) + share * F.focal_loss(x, y)
            assert float(criterion(a, b)) == pytest.approx(wanted.item(), rel=1e-12)


def test_learned_weights_are_parameters():
    x, y = classes()
    criterion = nn.Sum("learned*cross_entropy + 0.5*learned*focal").double()
    assert [name for name, _ in criterion.named_parameters()] == ["log_variances.cross_entropy", "log_variances.focal"]
    s = torch.tensor([0.3, -0.7], dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        for parameter, value in zip(criterion.parameters(), s, strict=True):
            parameter.copy_(value)
    wanted = torch.exp(-s[0]) * F.cross_entropy(x, y) + 0.5 * torch.exp(-s[1]) * F.focal_loss(x, y) + s.sum() / 2
    found = criterion(x, y)
    torch.testing.assert_close(found, wanted)
    found.backward()
    wanted.backward()
    torch.testing.assert_close(torch.stack([p.grad for p in criterion.parameters()]), s.grad)
    with pytest.raises(perdita.errors.DomainError, match=r"learned.*perdita\.torch\.nn\.Sum"):
        perdita.nn.Sum("learned*mse + l1")


def test_compile_has_no_graph_breaks():
    x, y = classes(torch.float32)
    criterion = nn.Sum("0.7*cross_entropy + 0.3*focal")
    compiled = torch.compile(criterion, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, y), criterion(x, y))
    torch.testing.assert_close(grad_of(compiled(x, y), x), grad_of(criterion(x, y), x))


def test_narrow_types():
    x, y = classes(torch.bfloat16)
    criterion = nn.Sum("0.7*cross_entropy + 0.3*focal")
    found = criterion(x, y)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), criterion(x.float(), y), rtol=0.02, atol=0.02)


def test_errors():
    x, y = masks()
    with pytest.raises(perdita.errors.DomainError, match="do not read the same prediction and target"):
        nn.Sum("cross_entropy + mse")
    with pytest.raises(perdita.errors.DomainError, match="do not read the same prediction and target"):
        nn.CrossEntropyLoss() + nn.MSELoss()
    with pytest.raises(perdita.errors.DomainError, match="did you mean 'cross_entropy'"):
        nn.Sum("cross_entropi + mse")
    with pytest.raises(perdita.errors.DomainError, match="takes a weight of shape"):
        nn.Sum("binary_cross_entropy_with_logits + dice", weight=torch.ones(3))
    with pytest.raises(perdita.errors.ShapeError, match="the losses of dice"):
        nn.Sum("cross_entropy + dice", reduction="none")(x, y)
    with pytest.raises(TypeError):
        nn.MSELoss() + 1
    with pytest.raises(TypeError):
        nn.MSELoss() + perdita.nn.MSELoss()


def test_pickles_and_shows_its_text():
    criterion = pickle.loads(pickle.dumps(perdita.nn.Sum("0.5*mse + l1")))
    assert repr(criterion) == "Sum('0.5*mse + l1')"
    module = pickle.loads(pickle.dumps(nn.Sum("0.5*mse + l1")))
    x, _ = classes()
    torch.testing.assert_close(module(x, x + 1), torch.tensor(1.5, dtype=torch.float64))


def test_boosting_adds_gradients_and_hessians():
    generator = np.random.default_rng(SEED)
    scores, target = generator.normal(size=50), generator.normal(size=50)
    g, h = perdita.grad_and_hess("mse + 0.5*huber:delta=0.5")(scores, target)
    (g1, h1), (g2, h2) = (perdita.grad_and_hess(text)(scores, target) for text in ("mse", "huber:delta=0.5"))
    np.testing.assert_allclose(g, g1 + 0.5 * g2, rtol=1e-14)
    np.testing.assert_allclose(h, h1 + 0.5 * h2, rtol=1e-14)
    constant = perdita.minimize_constant("mse + 0.5*l1", target)
    points = constant + np.array([-1e-4, 0.0, 1e-4])
    values = [np.mean((p - target) ** 2 + 0.5 * abs(p - target)) for p in points]
    assert values[1] == min(values)
    logits, labels = generator.normal(size=(20, 3)), generator.integers(0, 3, 20)
    g, h = perdita.grad_and_hess(perdita.nn.Sum("0.5*cross_entropy + focal"), hessian="auto")(logits, labels)
    (g1, h1), (g2, h2) = (
        perdita.grad_and_hess(text, hessian="auto")(logits, labels) for text in ("cross_entropy", "focal")
    )
    np.testing.assert_allclose(g, 0.5 * g1 + g2, rtol=1e-13)
    np.testing.assert_allclose(h, 0.5 * h1 + h2, rtol=1e-13)
    with pytest.raises(perdita.errors.DomainError, match="changes during training"):
        perdita.grad_and_hess("mse + linear(0,1,epochs=3)*l1")
    with pytest.raises(perdita.errors.DomainError, match=r"is -1.*\(valid: 0 or more\)"):
        perdita.grad_and_hess("mse + -1*l1")


def test_evaluation_reports_the_parts():
    x, y = classes()
    result = perdita.evaluate(x.detach().numpy(), y.numpy(), loss="0.7*cross_entropy + 0.3*focal")
    text = str(result)
    assert "cross_entropy" in text and "weight 0.7" in text
    wanted = 0.7 * F.cross_entropy(x, y).item() + 0.3 * F.focal_loss(x, y).item()
    assert f"mean loss  {wanted:.4g}"[:16] in text
    assert "parts" not in perdita.evaluate(x.detach().numpy(), y.numpy()).to_dict()


def test_the_reduction_may_be_set_later():
    x = torch.tensor([1.0, 2.0])
    criterion = nn.Sum("mse + l1")
    criterion.reduction = "sum"
    assert criterion.reduction == "sum" and criterion(x, torch.zeros(2)) == 8
    made = nn.MSELoss() + nn.FormulaLoss("param(a, 1.0) * abs(y - t)")
    made.reduction = "sum"
    assert made(x, torch.zeros(2)) == 8


@pytest.mark.parametrize("module", [nn, perdita.nn], ids=["torch", "numpy"])
def test_parts_are_subtracted(module):
    x, y = torch.randn(6, 4, dtype=torch.float64), torch.randint(4, (6,))
    x, y = (x, y) if module is nn else (x.numpy(), y.numpy())
    a, b = module.CrossEntropyLoss(), module.FocalLoss(gamma=3.0)
    for criterion, wanted in (
        (a - 0.5 * b, a(x, y) - 0.5 * b(x, y)),
        (-a + 2 * b, 2 * b(x, y) - a(x, y)),
        (b - (a - b), 2 * b(x, y) - a(x, y)),
        (module.Sum("cross_entropy - 0.5*focal:gamma=3"), a(x, y) - 0.5 * b(x, y)),
        (perdita.formula(lambda log_p, t: -t * log_p) - 0.5 * b, a(x, y) - 0.5 * b(x, y)),
    ):
        assert float(criterion(x, y)) == pytest.approx(float(wanted), rel=1e-13)


def test_operators_share_learned_weights():
    a = nn.Sum("learned*mse")
    b = 2.0 * a + nn.L1Loss()
    assert b.log_variances["mse"] is a.log_variances["mse"]
    assert [name for name, _ in b.named_parameters()] == ["log_variances.mse"]


def test_weights_that_are_all_zero():
    x = torch.tensor([1.0, math.inf], requires_grad=True)
    criterion = nn.Sum("linear(0,1,epochs=2)*mse")
    loss = criterion(x, torch.zeros(2))
    loss.backward()
    assert loss == 0 and (x.grad == 0).all()


def test_what_is_not_the_text_of_a_sum():
    for module in (nn, perdita.nn):
        with pytest.raises(perdita.errors.DTypeError, match="sums of modules are made by"):
            module.Sum(module.MSELoss())
        with pytest.raises(perdita.errors.DomainError, match="nested 101 deep"):
            module.Sum("(" * 4000 + "mse" + ")" * 4000)
        with pytest.raises(perdita.errors.DomainError, match="at most 10000"):
            module.Sum("(" * 20000 + "mse" + ")" * 20000)


def test_formulas_are_computed_in_float64_where_they_say_so():
    x, t = torch.tensor([1e-3]), torch.zeros(1)
    expected = pytest.approx(math.expm1(1e-3) - 1e-3, rel=1e-5)
    assert nn.FormulaLoss("param(a, 1) * (exp(y) - 1 - y) + 0 * t; compute=float64")(x, t).item() == expected
    slope = torch.func.grad(lambda y: perdita.formula("exp(y) - 1 - y + 0 * t; compute=float64")(y, t))(x)
    assert slope.item() == pytest.approx(math.expm1(1e-3), rel=1e-5)
    with pytest.raises(perdita.errors.DomainError, match="stabilize: the formula has the parameter a"):
        nn.FormulaLoss("log(1 + exp(param(a, 1) * y)) - t * y [t = 0, 1]; stabilize=yes")


# ---- detection ----


def test_detect_nonfinite_names_part_row_and_operand():
    x, y = classes()
    bad = x.detach().clone()
    bad[3, 1] = math.nan
    bad.requires_grad_()
    criterion = nn.Sum("0.7*cross_entropy + 0.3*focal")
    assert math.isnan(criterion(bad, y).item())
    with perdita.detect_nonfinite():
        criterion(x, y).backward()
        with pytest.raises(
            perdita.errors.NumericalError, match=r"^cross_entropy: the loss of row 3 is nan: input\[3, 1\] is nan"
        ):
            criterion(bad, y)
        with pytest.raises(perdita.errors.NumericalError, match="the loss of row 1 is inf"):
            NF.mse_loss(np.array([1.0, np.inf]), np.array([0.0, 0.0]))
    assert math.isnan(criterion(bad, y).item())


def test_detect_nonfinite_sees_results_that_overflow_and_means_of_nothing():
    with perdita.detect_nonfinite():
        with pytest.raises(
            perdita.errors.NumericalError, match="all losses are finite, but their sum is inf in float32"
        ):
            F.l1_loss(torch.tensor([3e38, 3e38]), torch.zeros(2), reduction="sum")
        with pytest.raises(perdita.errors.NumericalError, match="the mean is nan, because no loss is counted"):
            F.mse_loss(torch.ones(2), torch.full((2,), math.nan), missing="nan")
        with pytest.raises(perdita.errors.NumericalError, match="the mean is nan, because no loss is counted"):
            NF.cross_entropy(np.zeros((2, 3)), np.array([-100, -100]))
        assert F.mse_loss(torch.ones(2), torch.zeros(2)) == 1


# ---- parameters of formulas ----


@pytest.mark.parametrize("as_function", [False, True])
def test_parameters_of_formulas_are_trained(as_function):
    text = "(y - t)^2 / (2 * s^2) + log(s) where s = param(sigma, 2.0)"

    def function(y, t):
        s = perdita.ops.param("sigma", 2.0)
        return (y - t) ** 2 / (2 * s**2) + perdita.ops.log(s)

    criterion = nn.FormulaLoss(function if as_function else text)
    assert [name for name, _ in criterion.named_parameters()] == ["sigma"]
    generator = torch.Generator().manual_seed(SEED)
    residuals = 0.5 * torch.randn(4000, generator=generator, dtype=torch.float64)
    target = torch.zeros_like(residuals)
    s = torch.tensor(2.0, requires_grad=True)
    wanted = (residuals.square() / (2 * s**2) + torch.log(s)).mean()
    found = criterion(residuals, target)
    torch.testing.assert_close(found, wanted)
    found.backward()
    wanted.backward()
    torch.testing.assert_close(criterion.sigma.grad, s.grad)
    assert perdita.formula(text)(residuals.numpy(), target.numpy()) == pytest.approx(wanted.item())
    optimizer = torch.optim.LBFGS(criterion.parameters(), lr=0.5, max_iter=100)

    def closure():
        optimizer.zero_grad()
        loss = criterion(residuals, target)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert criterion.sigma.item() == pytest.approx(residuals.square().mean().sqrt().item(), rel=1e-3)


def test_parameters_in_sums_and_errors():
    criterion = nn.Sum("0.5*mse + (formula: param(a, 3.0) * abs(y - t))")
    assert [name for name, _ in criterion.named_parameters()] == ["losses.1.a"]
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    loss = criterion(x, torch.zeros(2, dtype=torch.float64))
    assert loss.item() == pytest.approx(0.5 * 2.5 + 3 * 1.5)
    loss.backward()
    assert criterion.losses[1].a.grad.item() == pytest.approx(1.5)
    with pytest.raises(perdita.errors.DomainError, match="starts at 1, but also at 2"):
        perdita.formula("param(a, 1) * y + param(a, 2)")
    with pytest.raises(perdita.errors.DomainError, match="param takes a name and a number"):
        perdita.formula("param(1, a) * y")
    with pytest.raises(perdita.errors.DomainError, match="formula of classes has parameters"):
        nn.FormulaLoss("-t * log_p * param(a, 1)")
