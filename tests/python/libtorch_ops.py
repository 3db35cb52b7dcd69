"""tests/python/libtorch as a module: the losses of perdita/torch.hpp, compiled against the LibTorch of this environment, as
operators that torch calls."""

import fcntl
import functools
import os
import pathlib
import shutil
import subprocess

import pytest
import torch

from loss_cases import LOSSES, cases, function_name
from loss_operands import Numbers
from perdita._catalogue import ARGUMENTS, ENTRIES, roles_of
from perdita._functions import functions, text_of
from perdita.torch._composed import composed_loss
from perdita.torch._operands import as_tensor

ROOT = pathlib.Path(__file__).parents[2]
LIBRARY = pathlib.Path(os.environ.get("PERDITA_BUILD", ROOT / "build/release"))
CASES = [case for case in cases(LOSSES, shapes=slice(4)) if function_name(case.loss) in ENTRIES]


def _run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@functools.cache
def built():
    """The folder in which tests/python/libtorch is built with the installed library; a second run compiles what changed."""
    if not (LIBRARY / "libperdita.a").exists() and not (LIBRARY / "libperdita.so").exists():
        pytest.skip(f"{LIBRARY} has no library (make build)")
    if not shutil.which("cmake") or not shutil.which("ninja"):
        pytest.skip("cmake and ninja are missing (scripts/install-deps.sh)")
    if torch.version.cuda:
        pytest.skip("this LibTorch is built for CUDA, whose toolkit its CMake package asks for")
    if not torch.compiled_with_cxx11_abi():
        pytest.skip("this LibTorch has the old ABI of libstdc++, with which the library is not built")
    folder = ROOT / "build" / f"libtorch-{torch.__version__}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:  # tests may run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build(folder)
    return folder


def _build(folder):
    _run("cmake", "--install", LIBRARY, "--prefix", folder / "prefix")
    launcher = shutil.which("ccache")
    _run(
        "cmake",
        *("-S", ROOT / "tests/python/libtorch", "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"),
        f"-DCMAKE_PREFIX_PATH={folder / 'prefix'};{torch.utils.cmake_prefix_path}",
        *([f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}"] if launcher else []),
    )
    _run("cmake", "--build", folder, "-j", os.cpu_count())


@functools.cache
def load():
    """The operators."""
    torch.ops.load_library(built() / "libperdita_libtorch_ops.so")
    return torch.ops.perdita_libtorch


class Functional:
    """The operators as functions of keywords, like those of torch.nn.functional."""

    def __init__(self, ops):
        self.ops = ops

    def __getattr__(self, name):
        def loss(reduction="mean", normalize_by="standard", **arguments):
            order = [n for n, role in zip(ARGUMENTS[name], roles_of(name), strict=True) if role != "weight"]
            operands = [arguments.pop(n, None) for n in order]
            while operands[-1] is None:
                operands.pop()
            weights = [arguments.pop(n, None) for n in ("weight", "pos_weight")]
            if not arguments:
                return self.ops.by_function(name, operands, *weights, reduction, normalize_by)
            return self.ops.by_text(f"{name}:{text_of(arguments.items())}", operands, *weights, reduction, normalize_by)

        return loss


def _composed(function, tensors, reduction, normalize_by, return_extras, **options):
    return composed_loss(function, tensors, reduction, normalize_by, return_extras, text_of(options.items()))


COMPOSED = functions(_composed, torch, lambda *_: None, as_tensor)


def assert_equal(ours, theirs, what, relative=1e-12, absolute=1e-15):
    torch.testing.assert_close(
        ours, theirs, rtol=relative, atol=absolute, equal_nan=True, msg=lambda text: f"{what}: {text}"
    )


def mse(ops, input, target, reduction="mean"):
    return Functional(ops).mse_loss(input=input, target=target, reduction=reduction)


def pair(*shape):
    numbers = Numbers(2)
    return numbers.normal(shape).requires_grad_(), numbers.normal(shape)
