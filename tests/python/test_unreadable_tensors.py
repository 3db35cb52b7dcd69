"""Tensors whose elements the core cannot read as they lie in memory, or that have none: computed rightly by another way,
or refused by name; never a crash, never the numbers of other memory."""

import os
import tempfile
import warnings

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensorMode

import perdita
import perdita.functional as numpy_functional
import perdita.torch.functional as F
import perdita.torch.nn as nn
from all_losses import ALL, FIRST, OF_TORCH, value_and_gradients
from perdita.errors import DTypeError

IDS = [str(call) for call in ALL]


class Wrapper(torch.Tensor):
    """Has an inner tensor, and no memory itself."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, strides=inner.stride())

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        unwrapped = torch.utils._pytree.tree_map_only(cls, lambda t: t.inner, (args, kwargs or {}))
        found = function(*unwrapped[0], **unwrapped[1])
        return torch.utils._pytree.tree_map_only(torch.Tensor, cls, found)


class Plain(torch.Tensor):
    """A subclass with methods only."""

    def twice(self):
        return 2 * self


class Logging(torch.Tensor):
    """Sees the functions called on it, as tensor-likes do."""

    seen = []

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        cls.seen.append(getattr(function, "__name__", function))
        return super().__torch_function__(function, types, args, kwargs or {})


def negated(tensor):
    """The same numbers behind a pending negation."""
    lazy = torch.complex(torch.zeros_like(tensor), -tensor).conj().imag
    assert lazy.is_neg() and torch.equal(lazy, tensor)
    return lazy


def real_operands(call, tensors):
    return [n for n, t in tensors.items() if t.is_floating_point()]


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("call", ALL, ids=IDS)
def test_pending_negations(call, reduction):
    """Each operand alone, all together, and the upstream gradient."""
    tensors, loss = call.tensors(), call.function(reduction=reduction)
    names = real_operands(call, tensors)
    value, gradients = value_and_gradients(loss, tensors, call.differentiable)
    upstream = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)
    _, weighted = value_and_gradients(loss, tensors, call.differentiable, upstream)
    for chosen in [[name] for name in names] + [names]:
        lazy = {n: negated(t) if n in chosen else t for n, t in tensors.items()}
        torch.testing.assert_close(loss(*lazy.values()), value, rtol=1e-14, atol=0)
        leaves = {
            n: torch.complex(torch.zeros_like(t), -t).requires_grad_(n in call.differentiable) if n in chosen else t
            for n, t in tensors.items()
        }
        operands = [leaf.conj().imag if n in chosen else leaf for n, leaf in leaves.items()]
        wanted = [n for n in call.differentiable if n in chosen]
        if not wanted:
            continue
        found = torch.autograd.grad(loss(*operands), [leaves[n] for n in wanted], torch.ones_like(value))
        for name, gradient in zip(wanted, found, strict=True):
            expected = gradients[call.differentiable.index(name)]
            torch.testing.assert_close(gradient.imag, -expected, rtol=1e-12, atol=1e-16)
    _, found = value_and_gradients(loss, tensors, call.differentiable, negated(upstream))
    torch.testing.assert_close(found, weighted, rtol=1e-14, atol=0)


def test_the_imaginary_part_of_a_conjugate():
    """An example with its closed form: mse of (-0.9, -1.1, 1.2) to 0 is (0.81 + 1.21 + 1.44) / 3."""
    lazy = torch.tensor([1 + 0.9j, 2 + 1.1j, 3 - 1.2j], dtype=torch.complex128).conj().imag
    assert F.mse_loss(lazy, torch.zeros(3, dtype=torch.float64)).item() == pytest.approx(3.46 / 3, rel=1e-15)
    zeros = torch.zeros(3, dtype=torch.float64)
    assert perdita.formula("square(y - t)")(lazy, zeros).item() == pytest.approx(3.46 / 3, rel=1e-15)
    assert nn.MSELoss()(lazy, zeros).item() == pytest.approx(3.46 / 3, rel=1e-15)
    value, extras = F.mse_loss(lazy, zeros, return_extras=True)
    assert extras.numerator == pytest.approx(3.46, rel=1e-15)


@pytest.mark.parametrize("call", ["functional", "value_and_grad", "evaluate", "data", "formula"])
def test_numpy_functions_refuse_pending_negations(call):
    lazy = torch.tensor([1 + 1j, 2 + 1j, 3 - 1j]).conj().imag
    with pytest.raises((TypeError, RuntimeError), match="resolve_neg"):
        if call == "functional":
            numpy_functional.mse_loss(lazy, np.zeros(3, np.float32))
        elif call == "value_and_grad":
            perdita.value_and_grad(numpy_functional.mse_loss)(lazy, np.zeros(3, np.float32))
        elif call == "evaluate":
            perdita.evaluate(lazy, torch.zeros(3), loss="mse")
        elif call == "data":
            perdita.data.WeightedRandomSampler(lazy, 3)
        else:
            perdita.value_and_grad(perdita.formula("square(y - t)"))(lazy, np.zeros(3, np.float32))


@pytest.mark.parametrize("call", ALL, ids=IDS)
def test_zeros_that_are_not_stored(call):
    tensors, loss = call.tensors(), call.function(reduction="none")
    for name in real_operands(call, tensors):
        if name == "thresholds":  # which ascend
            continue
        stored = {n: torch.zeros_like(t) if n == name else t for n, t in tensors.items()}
        lazy = {**stored, name: torch._efficientzerotensor(stored[name].shape, dtype=torch.float64)}
        torch.testing.assert_close(loss(*lazy.values()), loss(*stored.values()), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("function", ["functional", "evaluate", "formula"])
def test_numpy_functions_refuse_zeros_that_are_not_stored(function):
    zeros = torch._efficientzerotensor((6,))
    with pytest.raises(DTypeError, match="no storage"):
        if function == "functional":
            numpy_functional.mse_loss(zeros, np.zeros(6, np.float32))
        elif function == "evaluate":
            perdita.evaluate(zeros, torch.zeros(6), loss="mse")
        else:
            perdita.value_and_grad(perdita.formula("square(y - t)"))(zeros, np.zeros(6, np.float32))


@pytest.mark.parametrize("offset", [0, 3, 100_000])
@pytest.mark.parametrize("call", ALL, ids=IDS)
def test_storages_that_were_freed(call, offset):
    """As fully sharded training frees the parameters of a layer."""
    tensors = call.tensors()
    for name, tensor in tensors.items():
        whole = torch.zeros(offset + tensor.numel(), dtype=tensor.dtype)
        freed = whole[offset:].view(tensor.shape)
        whole.untyped_storage().resize_(0)
        with pytest.raises(DTypeError, match=f"{call.name}: {name} has "):
            call.function()(*{**tensors, name: freed}.values())


@pytest.mark.parametrize("call", ALL, ids=IDS)
def test_fake_tensors(call):
    """The shape and type of the result, without numbers; torch's own loss says what they are."""
    tensors = call.tensors()
    for reduction in ("none", "mean"):
        loss = call.function(reduction=reduction)
        value = loss(*tensors.values())
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            fake = {n: mode.from_tensor(t) for n, t in tensors.items()}
            leaves = {n: t.requires_grad_() if n in call.differentiable else t for n, t in fake.items()}
            found = loss(*leaves.values())
            wanted = [leaves[n] for n in call.differentiable]
            gradients = torch.autograd.grad(found, wanted, torch.ones_like(found), allow_unused=True)
        assert (found.shape, found.dtype) == (value.shape, value.dtype)
        assert [None if g is None else g.shape for g in gradients] == [leaf.shape for leaf in wanted]
        assert loss(*{n: mode.from_tensor(t) for n, t in tensors.items()}.values()).shape == value.shape


def test_fake_tensors_of_the_mode_itself():
    with FakeTensorMode():
        value = F.cross_entropy(torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64))
        assert isinstance(value, torch._subclasses.FakeTensor) and value.shape == ()
        with pytest.raises(RuntimeError):
            F.mse_loss(torch.zeros(2, 3), torch.zeros(4, 5))


@pytest.mark.parametrize("call", ALL, ids=IDS)
def test_wrappers_of_another_tensor(call):
    tensors = call.tensors()
    for reduction in ("none", "mean"):
        loss = call.function(reduction=reduction)
        expected = loss(*tensors.values())
        for name in [*tensors, None]:
            wrapped = {n: Wrapper(t) if name in (n, None) else t for n, t in tensors.items()}
            try:
                found = loss(*wrapped.values())
            except DTypeError as error:  # operators that torch itself cannot hand to such a type
                assert str(error).startswith(f"{call.name}:") and "Wrapper" in str(error)
            else:
                torch.testing.assert_close(found.inner, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [Plain, Logging, torch.nn.Parameter, torch.nn.Buffer])
@pytest.mark.parametrize("call", ALL, ids=IDS)
def test_subclasses_with_memory_of_their_own(call, kind):
    """Value and gradients, and torch's type of the result."""
    tensors, loss = call.tensors(), call.function()
    expected, gradients = value_and_gradients(loss, tensors, call.differentiable)

    def made(tensor):
        if kind in (Plain, Logging):
            return tensor.as_subclass(kind)
        return kind(tensor, requires_grad=False) if kind is torch.nn.Parameter else kind(tensor)

    operands = {n: made(t) if t.is_floating_point() else t for n, t in tensors.items()}
    for name in call.differentiable:
        operands[name].requires_grad_()
    value = loss(*operands.values())
    found = torch.autograd.grad(value, [operands[n] for n in call.differentiable], allow_unused=True,
                                grad_outputs=torch.ones_like(value))  # fmt: skip
    assert type(value) is (kind if kind in (Plain, Logging) else torch.Tensor)
    torch.testing.assert_close(value.detach().as_subclass(torch.Tensor), expected, rtol=1e-12, atol=1e-14)
    for gradient, wanted in zip(found, gradients, strict=True):
        if wanted is not None:
            torch.testing.assert_close(gradient.as_subclass(torch.Tensor), wanted, rtol=1e-12, atol=1e-14)


def other_layouts(tensor):
    yield "sparse", tensor.to_sparse()
    yield "meta", tensor.to("meta")
    if tensor.dim() == 2:
        yield "csr", tensor.to_sparse_csr()
        yield "nested", torch.nested.nested_tensor(list(tensor))
        yield "jagged", torch.nested.nested_tensor(list(tensor), layout=torch.jagged)
    if tensor.dtype == torch.float32:
        yield "mkldnn", tensor.to_mkldnn()
        yield "quantized", torch.quantize_per_tensor(tensor, 0.1, 10, torch.quint8)
    yield "functional", torch._to_functional_tensor(tensor)


@pytest.mark.parametrize("call", FIRST, ids=[str(call) for call in FIRST])
def test_layouts_without_strides(call):
    """A result only where it is torch's own; else DTypeError, or what torch raises for a shape."""
    tensors = call.tensors(torch.float32)
    for name, tensor in tensors.items():
        for kind, other in other_layouts(tensor):
            operands = {**tensors, name: other}
            try:
                found = call.function()(*operands.values())
            except (TypeError, ValueError, RuntimeError, AttributeError) as error:  # the last of torch's jagged tensors
                assert str(error), f"{name} {kind}"
                continue
            assert call.is_torchs or kind in ("meta", "functional"), f"{name} {kind}: {found}"
            if kind == "functional":
                torch._sync(found)
                found = torch._from_functional_tensor(found)
                torch.testing.assert_close(found, call.function()(*tensors.values()), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("call", FIRST, ids=[str(call) for call in FIRST])
def test_meta_tensors(call):
    """Shape and type, for losses of torch's and of Perdita's."""
    tensors = call.tensors()
    for reduction in ("none", "sum"):
        loss = call.function(reduction=reduction)
        expected = loss(*tensors.values())
        found = loss(*(t.to("meta") for t in tensors.values()))
        assert (found.device.type, found.shape, found.dtype) == ("meta", expected.shape, expected.dtype)


@pytest.fixture(scope="module")
def mesh():
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_gloo_available():
        pytest.skip("torch without gloo")
    folder = tempfile.mkdtemp()
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=0, world_size=1)
    from torch.distributed.device_mesh import init_device_mesh

    yield init_device_mesh("cpu", (1,))
    distributed.destroy_process_group()
    if os.path.exists(f"{folder}/store"):
        os.remove(f"{folder}/store")
    os.rmdir(folder)


@pytest.mark.parametrize("call", FIRST, ids=[str(call) for call in FIRST])
def test_distributed_tensors(call, mesh):
    from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

    tensors = call.tensors()
    expected = call.function()(*tensors.values())
    for placement in (Shard(0), Replicate()):
        if any(t.dim() == 0 for t in tensors.values()) and isinstance(placement, Shard):
            continue
        operands = [distribute_tensor(t, mesh, [placement]) for t in tensors.values()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = call.function()(*operands)
            except DTypeError as error:
                assert str(error).startswith(f"{call.name}: not supported for DTensor"), error
                continue
        assert isinstance(found, DTensor)
        torch.testing.assert_close(found.full_tensor(), expected, rtol=1e-12, atol=1e-14)


def test_masked_tensors():
    from torch.masked import masked_tensor

    x = masked_tensor(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([True, False, True]))
    for call in (F.mse_loss, F.log_cosh_loss, perdita.formula("square(y - t)"), nn.HuberLoss()):
        with pytest.raises((TypeError, RuntimeError)):
            found = call(x, torch.zeros(3))
            raise TypeError(f"a result: {found}")


@pytest.mark.parametrize("call", OF_TORCH, ids=[str(call) for call in OF_TORCH])
def test_views_of_a_part(call):
    """Memory that is read as it lies: expanded, overlapping, from an offset."""
    tensors, loss = call.tensors(), call.function(reduction="none")
    for name in real_operands(call, tensors):
        tensor = tensors[name]
        overlapping = (
            torch.arange(1.0, tensor.numel() + 9, dtype=tensor.dtype)
            .div(100)
            .as_strided(tensor.shape, [1] * tensor.dim(), 7)
        )
        for view in (tensor[..., :1].expand_as(tensor) if tensor.dim() else tensor, overlapping):
            found = loss(*{**tensors, name: view}.values())
            torch.testing.assert_close(
                found, loss(*{**tensors, name: view.clone()}.values()), rtol=1e-12, atol=1e-14, equal_nan=True
            )


def test_linear_cross_entropy_and_the_adaptive_softmax():
    torch.manual_seed(0)
    x, weight, labels = torch.randn(4, 5), torch.randn(3, 5), torch.tensor([0, 1, 2, 1])
    expected = F.linear_cross_entropy(x, weight, labels)
    torch.testing.assert_close(F.linear_cross_entropy(negated(x), negated(weight), labels), expected)
    adaptive = nn.AdaptiveLogSoftmaxWithLoss(5, 12, [4, 8])
    expected = adaptive(x, labels)
    torch.testing.assert_close(adaptive(negated(x), labels), expected)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert F.linear_cross_entropy(*map(mode.from_tensor, (x, weight, labels))).shape == ()
    freed = torch.zeros(3, 5)
    freed.untyped_storage().resize_(0)
    with pytest.raises(DTypeError, match="linear_cross_entropy: linear_weight has"):
        F.linear_cross_entropy(x, freed, labels)


def test_arrays_of_data_functions():
    """torch tensors without memory, given to the samplers and splits."""
    with FakeTensorMode() as mode:
        labels = mode.from_tensor(torch.tensor([0, 1, 1]))
    freed = torch.zeros(5, dtype=torch.int64)[2:]
    freed.untyped_storage().resize_(0)
    for function in (perdita.data.class_weights, perdita.data.count_classes, perdita.data.pos_weight,
                     lambda a: perdita.data.stratified_split(a, [0.5, 0.5]), perdita.data.SubsetSampler,
                     lambda a: perdita.data.WeightedRandomSampler(a, 2),
                     lambda a: perdita.data.random_split(9, a)):  # fmt: skip
        for array in (labels, torch.empty(3, dtype=torch.int64, device="meta"), freed):
            with pytest.raises((TypeError, ValueError, RuntimeError)):
                function(array)
