"""The NumPy face: the torch face's numbers bit for bit, any array without a copy, gradients, threads and errors."""

import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest
import torch

import perdita
import perdita.functional as numpy_functional
import perdita.torch.functional as torch_functional
from loss_cases import LINEAR, LOSSES, cases, function_name, reductions_of

# But for products of matrices, which are NumPy's and torch's own.
CASES = [
    case
    for case in cases([loss for loss in LOSSES if loss not in LINEAR], shapes=slice(4))
    if "distance_function" not in case.variant.options
]
GRID = [(case, reduction, dtype) for case in CASES for reduction in reductions_of(case.loss)
        for dtype in (torch.float64, torch.float32)]  # fmt: skip


def arrays_of(tensors):
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def assert_identical(array, tensor, what):
    expected = tensor.numpy()
    array = np.asarray(array)
    assert array.dtype == expected.dtype, f"{what}: {array.dtype}, torch face {expected.dtype}"
    assert array.shape == expected.shape, f"{what}: {array.shape}, torch face {expected.shape}"
    assert array.tobytes() == expected.tobytes(), f"{what}: {array}, torch face {expected}"


@pytest.mark.parametrize(
    ("case", "reduction", "dtype"), GRID, ids=[f"{case}-{reduction}-{dtype}" for case, reduction, dtype in GRID]
)
def test_values_are_the_torch_faces(case, reduction, dtype):
    tensors, name = case.tensors(dtype), function_name(case.loss)
    options = {**case.variant.options, "reduction": reduction}
    expected = getattr(torch_functional, name)(**tensors, **options)
    assert_identical(getattr(numpy_functional, name)(**arrays_of(tensors), **options), expected, f"{case} {reduction}")


GRADIENTS = [(case, dtype) for case in CASES for dtype in (torch.float64, torch.float32)]


@pytest.mark.parametrize(("case", "dtype"), GRADIENTS, ids=[f"{case}-{dtype}" for case, dtype in GRADIENTS])
def test_gradients_are_the_torch_faces(case, dtype):
    tensors, name = case.tensors(dtype), function_name(case.loss)
    names = [n for n in tensors if n in case.loss.differentiable and tensors[n].is_floating_point()]
    names = [n for n in names if n not in ("weight", "pos_weight", "linear_bias")]
    argnums = tuple(list(tensors).index(n) for n in names)
    arrays = arrays_of(tensors)
    value, gradients = perdita.value_and_grad(getattr(numpy_functional, name), argnums)(
        **arrays, **case.variant.options
    )
    leaves = [tensors[n].requires_grad_() for n in names]
    expected = getattr(torch_functional, name)(**tensors, **case.variant.options)
    assert_identical(value, expected.detach(), f"{case}: value")
    for n, gradient, truth in zip(names, gradients, torch.autograd.grad(expected, leaves), strict=True):
        assert_identical(gradient, truth, f"{case}: {n}")


LINEARS = [(case, dtype) for case in cases(LINEAR) for dtype in (torch.float64, torch.float32)]


@pytest.mark.parametrize(("case", "dtype"), LINEARS, ids=[f"{case}-{dtype}" for case, dtype in LINEARS])
def test_linear_cross_entropy_is_near_the_torch_faces(case, dtype):
    tensors, name = case.tensors(dtype), function_name(case.loss)
    call = perdita.value_and_grad(numpy_functional.linear_cross_entropy, (0, 1))
    value, gradients = call(**arrays_of(tensors), **case.variant.options)
    leaves = [tensors[n].requires_grad_() for n in ("input", "linear_weight")]
    expected = getattr(torch_functional, name)(**tensors, **case.variant.options)
    close = {"rtol": 1e-5, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-12, "atol": 1e-14}
    np.testing.assert_allclose(value, expected.item(), **close)
    for gradient, truth in zip(gradients, torch.autograd.grad(expected, leaves), strict=True):
        np.testing.assert_allclose(gradient, truth.numpy(), **close)


class TestValueAndGrad:
    y, t = np.arange(6.0).reshape(2, 3), np.ones((2, 3))

    def test_one_gradient_or_a_tuple(self):
        loss, gradient = perdita.value_and_grad(numpy_functional.mse_loss)(self.y, self.t)
        assert np.allclose(gradient, 2 * (self.y - self.t) / 6)
        again, (by_y, by_t) = perdita.value_and_grad(numpy_functional.mse_loss, argnums=(0, 1))(self.y, self.t)
        assert loss == again == np.mean((self.y - self.t) ** 2)
        assert np.array_equal(by_y, gradient) and np.array_equal(by_t, -gradient)
        _, by_target = perdita.value_and_grad(numpy_functional.mse_loss, argnums=1)(self.y, self.t, reduction="sum")
        assert np.allclose(by_target, 2 * (self.t - self.y))

    @pytest.mark.parametrize("argnums", [-1, (0, 0), (1, 0), (), "0", 1.5, None, 99])
    def test_wrong_argnums(self, argnums):
        with pytest.raises((ValueError, TypeError), match="argnums"):
            perdita.value_and_grad(numpy_functional.mse_loss, argnums=argnums)(self.y, self.t)

    def test_an_argument_that_is_absent(self):
        with pytest.raises((ValueError, TypeError)):
            perdita.value_and_grad(numpy_functional.mse_loss, argnums=2)(self.y, self.t)

    def test_integers_have_no_gradient(self):
        with pytest.raises((ValueError, TypeError)):
            perdita.value_and_grad(numpy_functional.cross_entropy, argnums=1)(self.y, np.array([0, 1]))

    def test_other_functions(self):
        with pytest.raises(TypeError, match="perdita.functional"):
            perdita.value_and_grad(np.sum)

    def test_unreduced(self):
        with pytest.raises(ValueError, match="reduc|element|scalar"):
            perdita.value_and_grad(numpy_functional.mse_loss)(self.y, self.t, reduction="none")


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, dtype=np.uint8)
    view = raw[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def byte_strided(array):
    """A field of packed records: strides that are no number of elements."""
    records = np.zeros(array.shape, dtype=[("skip", "u1"), ("value", array.dtype)])
    records["value"] = array
    return records["value"]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


KINDS = {
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "negative": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "all_negative": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "fortran": np.asfortranarray,
    "read_only": read_only,
    "big_endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "misaligned": misaligned,
    "byte_strided": byte_strided,
    "list": lambda a: a.tolist(),
    "memoryview": lambda a: memoryview(np.ascontiguousarray(a)),
    "torch": torch.from_numpy,
    "subclass": lambda a: a.view(type("Sub", (np.ndarray,), {})),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["mse_loss", "cross_entropy", "cosine_embedding_loss"])
def test_kinds_of_arrays(kind, name):
    """The same numbers, or for memory that a kernel cannot read an error that says what to do."""
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(2, 4, 6))
    operands = {"mse_loss": (x, y), "cross_entropy": (x, np.abs(y) / 6), "cosine_embedding_loss": (x, y, np.ones(4))}[
        name
    ]
    function = getattr(numpy_functional, name)
    expected = function(*operands)
    try:
        found = function(KINDS[kind](operands[0]), *operands[1:])
        other = function(operands[0], KINDS[kind](operands[1]), *operands[2:])
    except (ValueError, TypeError) as error:
        assert kind in ("big_endian", "misaligned", "byte_strided"), error
        assert "copy" in str(error) or "astype" in str(error), error
        assert "input" in str(error), error
        return
    assert found == expected and other == expected


def test_expanded_and_zero_dimensional():
    row = np.arange(3.0)
    assert numpy_functional.mse_loss(np.broadcast_to(row, (4, 3)), np.zeros((4, 3))) == np.mean(row**2)
    found = numpy_functional.mse_loss(np.float64(3), np.array(1.0))
    assert found == 4 and isinstance(found, np.float64)
    assert numpy_functional.mse_loss(3.0, 1.0) == 4
    assert np.isnan(numpy_functional.mse_loss(np.zeros((0, 3)), np.zeros((0, 3))))
    assert numpy_functional.mse_loss(np.zeros((0, 3)), np.zeros((0, 3)), reduction="none").shape == (0, 3)


class OnlyDlpack:
    """A producer without the buffer protocol."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **keywords):
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack_producers():
    x, labels = np.random.default_rng(6).normal(size=(5, 3)), np.array([0, 1, 2, 1, 0])
    expected = numpy_functional.cross_entropy(x, labels)
    for _ in range(3):  # each call takes a capsule of its own
        assert numpy_functional.cross_entropy(OnlyDlpack(x), OnlyDlpack(labels)) == expected
    assert numpy_functional.cross_entropy(OnlyDlpack(x[:, ::-1]), 2 - labels) == expected
    before = sys.getrefcount(x)
    for _ in range(10):
        numpy_functional.cross_entropy(OnlyDlpack(x), labels)
    assert sys.getrefcount(x) == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_result_types(dtype, reduction):
    x, y = np.ones((2, 3), dtype), np.zeros((2, 3), dtype)
    found = numpy_functional.mse_loss(x, y, reduction=reduction)
    assert found.dtype == dtype
    assert isinstance(found, np.ndarray if reduction == "none" else dtype)
    _, gradient = perdita.value_and_grad(numpy_functional.mse_loss)(x, y)
    assert gradient.dtype == dtype and gradient.flags.writeable and gradient.flags.owndata is not None


def test_integer_targets_and_labels():
    x = np.random.default_rng(7).normal(size=(5, 3))
    labels = np.array([0, 1, 2, 1, 0])
    for dtype in (np.int64, np.int32, np.uint8):
        assert numpy_functional.cross_entropy(x, labels.astype(dtype)) == numpy_functional.cross_entropy(x, labels)
        assert numpy_functional.mse_loss(x[:, 0], labels.astype(dtype)) == numpy_functional.mse_loss(
            x[:, 0], labels.astype(float)
        )


@pytest.mark.parametrize(
    "layout", [lambda a: a, lambda a: a[:, ::-1], lambda a: a.T], ids=["dense", "negative", "transposed"]
)
def test_operands_are_not_copied(layout):
    """Of 64 MB of operands, Python's allocator sees nothing, and the peak of the process stays below one more operand."""
    import resource

    x, y = (layout(np.zeros((1000, 4000))) for _ in range(2))
    numpy_functional.mse_loss(x, y)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    numpy_functional.mse_loss(x, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10  # KiB


def test_operands_are_not_changed():
    for case in cases(shapes=slice(1)):
        tensors = case.tensors()
        copies = {name: tensor.clone() for name, tensor in tensors.items()}
        getattr(numpy_functional, function_name(case.loss))(
            **arrays_of(tensors), **{k: v for k, v in case.variant.options.items() if k != "distance_function"}
        )
        assert all(torch.equal(tensors[name], copies[name]) for name in tensors), str(case)


def test_other_threads_run_meanwhile():
    """A kernel of some milliseconds; a counter of Python's must go on in it."""
    x, labels = np.zeros((40_000, 500), np.float32), np.zeros(40_000, np.int64)
    count, stop, during = [0], threading.Event(), []

    def counting():
        while not stop.is_set():
            count[0] += 1
            time.sleep(1e-5)  # gives the interpreter up

    interval = sys.getswitchinterval()
    sys.setswitchinterval(100.0)  # no thread is forced to release it: a kernel that keeps it stops the counter
    thread = threading.Thread(target=counting, daemon=True)
    try:
        thread.start()
        for _ in range(5):
            before = count[0]
            numpy_functional.cross_entropy(x, labels)
            during.append(count[0] - before)
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert max(during) >= 3, during


@pytest.mark.parametrize("threads", [1, 2])
def test_calls_from_many_threads(threads):
    before = perdita.num_threads()
    perdita.set_num_threads(threads)
    try:
        x, labels = np.random.default_rng(8).normal(size=(300, 50)), np.arange(300) % 50
        call = perdita.value_and_grad(numpy_functional.cross_entropy)
        expected, gradient = call(x, labels)
        wrong = []

        def work():
            for _ in range(20):
                value, found = call(x, labels)
                if value != expected or not np.array_equal(found, gradient):
                    wrong.append(value)

        workers = [threading.Thread(target=work) for _ in range(6)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        assert not wrong
    finally:
        perdita.set_num_threads(before)


def test_at_most_eight_dimensions():
    x = np.ones((1,) * 8)
    assert numpy_functional.mse_loss(x, x) == 0
    with pytest.raises(ValueError, match=r"mse_loss: input has 9 dimensions \(valid: up to 8\)"):
        numpy_functional.mse_loss(x[None], x[None])


def test_extras():
    x, labels = np.random.default_rng(9).normal(size=(6, 4)), np.array([0, 1, 2, 3, -100, 1])
    weight = np.array([1.0, 2.0, 0.5, 1.0])
    loss, extras = numpy_functional.cross_entropy(x, labels, weight, return_extras=True)
    assert loss == extras.numerator / extras.denominator
    assert extras.denominator == weight[labels[labels >= 0]].sum()
    losses = numpy_functional.cross_entropy(x, labels, weight, reduction="none")
    assert np.array_equal(extras.losses, losses)
    used = labels >= 0
    own = np.where(used, labels, 0)
    rest = np.where(np.eye(4, dtype=bool)[own], -np.inf, x)
    margins = x[np.arange(6), own] - rest.max(1)
    assert np.allclose(extras.margins[used], margins[used]) and np.isnan(extras.margins[~used]).all()
    assert np.array_equal(extras.hits[used], x.argmax(1)[used] == labels[used])


@pytest.mark.parametrize(("normalize_by", "denominator"), [("count", 5), ("batch", 6), ("weight_sum", 6.5)])
def test_normalize_by(normalize_by, denominator):
    x, labels = np.random.default_rng(9).normal(size=(6, 4)), np.array([0, 1, 2, 3, -100, 1])
    weight = np.array([1.0, 2.0, 0.5, 1.0])
    found = numpy_functional.cross_entropy(x, labels, weight, normalize_by=normalize_by)
    assert np.isclose(
        found, numpy_functional.cross_entropy(x, labels, weight, reduction="sum") / denominator, rtol=1e-14
    )


def test_modules():
    import perdita.nn

    x, labels = np.random.default_rng(10).normal(size=(6, 4)), np.array([0, 1, 2, 3, 0, 1])
    criterion = perdita.nn.CrossEntropyLoss(label_smoothing=0.1)
    assert criterion(x, labels) == numpy_functional.cross_entropy(x, labels, label_smoothing=0.1)
    assert "0.1" in repr(criterion)
