"""A plugin of pytest for scripts/test-third-party.sh.

Every test starts with the same random numbers. If the losses of Perdita are installed (python -m perdita.torch -m pytest),
each call of a loss in the tests is also computed by torch, value and gradients, and the file that PERDITA_RECORD names gets
the numbers of calls and the differences, as JSON.
"""

import collections
import contextlib
import functools
import json
import os
import random
import sys

import numpy as np
import torch

RELATIVE = {torch.float64: 1e-9, torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
ABSOLUTE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.float16: 1e-4, torch.bfloat16: 1e-3}

counts: collections.Counter = collections.Counter()
differences: list[str] = []
_now = {"test": "", "is_comparing": False}

with contextlib.suppress(ImportError):
    import hypothesis

    hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
    hypothesis.settings.load_profile("same")


def pytest_runtest_setup(item):
    _now["test"] = item.nodeid
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def pytest_sessionfinish():
    if os.environ.get("PERDITA_RECORD"):
        with open(os.environ["PERDITA_RECORD"], "w") as file:
            json.dump({"counts": counts, "differences": differences}, file, indent=1)


def _is_plain(values):
    """Whether the operands can be copied for another call: no transform, mode or subclass follows them."""
    if torch._C._are_functorch_transforms_active() or torch._C._len_torch_dispatch_stack() or torch._C._is_tracing():
        return False
    return all(
        type(value) in (torch.Tensor, torch.nn.Parameter) for value in values if hasattr(value, "__torch_function__")
    )


def _copied(value):
    return value.detach().clone().requires_grad_(value.requires_grad) if isinstance(value, torch.Tensor) else value


def _results(loss, args, kwargs):
    """The loss of copies of the operands, and the gradients of those that have one."""
    args, kwargs = [_copied(value) for value in args], {name: _copied(value) for name, value in kwargs.items()}
    leaves = [v for v in [*args, *kwargs.values()] if isinstance(v, torch.Tensor) and v.requires_grad]
    with torch.enable_grad():
        value = loss(*args, **kwargs)
        if not leaves or not value.requires_grad:
            return [value.detach()]
        upstream = torch.linspace(0.5, 1.5, value.numel(), dtype=torch.float64).to(value.dtype).reshape(value.shape)
        gradients = torch.autograd.grad(value, leaves, upstream, allow_unused=True)
    return [value.detach(), *(torch.zeros_like(x) if g is None else g for g, x in zip(gradients, leaves, strict=True))]


def _compare(name, ours, original, args, kwargs):
    expected = _results(original, args, kwargs)
    found = _results(ours, args, kwargs)
    for place, (a, b) in enumerate(zip(found, expected, strict=True)):
        kind = "gradient" if place else "value"
        if a.dtype != b.dtype or a.shape != b.shape:
            yield f"{name}: {kind} is {a.dtype} {list(a.shape)}, that of torch {b.dtype} {list(b.shape)}"
        elif not torch.allclose(a, b, rtol=RELATIVE[b.dtype], atol=ABSOLUTE[b.dtype], equal_nan=True):
            worst = (a.double() - b.double()).abs().max().item()
            yield f"{name}: {kind} differs by {worst:.3g} from that of torch, up to {b.abs().max().item():.6g}"


def _compared(name, ours, original):
    @functools.wraps(ours)
    def loss(*args, **kwargs):
        if torch.compiler.is_compiling() or _now["is_comparing"]:
            return ours(*args, **kwargs)
        counts["calls"] += 1
        counts[name] += 1
        result = ours(*args, **kwargs)
        if not _is_plain([*args, *kwargs.values()]):
            counts["transformed"] += 1
            return result
        _now["is_comparing"] = True
        try:
            counts["compared"] += 1
            differences.extend(f"{_now['test']}: {text}" for text in _compare(name, ours, original, args, kwargs))
        except Exception as error:
            differences.append(f"{_now['test']}: {name}: cannot be compared: {error!r}")
        finally:
            _now["is_comparing"] = False
        return result

    return loss


def _counted_as_torchs(original):
    @functools.wraps(original)
    def loss(*args, **kwargs):
        if not _now["is_comparing"]:
            counts["by torch"] += 1
        return original(*args, **kwargs)

    return loss


if "perdita.torch" in sys.modules:
    from perdita.torch import _install, _route

    for _name, _original in _install._originals.items():
        _ours = getattr(torch.nn.functional, _name)
        setattr(torch.nn.functional, _name, _compared(_name, _ours, _original))
    for _name, _original in list(_route.OF_TORCH.items()):
        _route.OF_TORCH[_name] = _counted_as_torchs(_original)
