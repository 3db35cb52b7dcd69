"""Routing the losses of torch to Perdita in programs that are not changed."""

import functools
import inspect
import types
from typing import Any

import torch

from perdita.torch import functional

_LEGACY = ("size_average", "reduce")
_originals: dict[str, Any] = {}


class _Installed:
    """Result of install(): a context manager that uninstalls at its end, unless the losses were installed before."""

    def __init__(self, was_installed):
        self._was_installed = was_installed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self._was_installed:
            uninstall()


def install() -> _Installed:
    """Computes the losses of torch.nn.functional and torch.nn with Perdita, in unmodified programs.

        perdita.torch.install()                  # until uninstall()
        with perdita.torch.install():            # or for a block
            train(model)

    The functions of torch.nn.functional are replaced, which the modules of torch.nn call. Functions that were imported by
    name before (`from torch.nn.functional import cross_entropy`) stay those of torch. Arguments are those of torch,
    including `size_average` and `reduce`. `python -m perdita.torch SCRIPT` installs before it runs a script. Calling it
    again has no effect. installed() lists what is replaced.
    """
    was_installed = bool(_originals)
    for name in functional.__all__:
        original = getattr(torch.nn.functional, name, None)
        if name not in _originals and isinstance(original, (types.FunctionType, types.BuiltinFunctionType)):
            _originals[name] = original
            setattr(torch.nn.functional, name, _routed(original, getattr(functional, name)))
    return _Installed(was_installed)


def uninstall() -> None:
    """Restores the losses of torch that install() replaced."""
    while _originals:
        name, original = _originals.popitem()
        setattr(torch.nn.functional, name, original)


def installed() -> list[str]:
    """Names of the functions of torch.nn.functional that are computed by Perdita."""
    return sorted(_originals)


def _routed(original, function):
    """`function` with the arguments of `original`, whose old options become a reduction."""
    names = list(inspect.signature(original).parameters)

    @functools.wraps(original)
    def routed(*args, **kwargs):
        if _is_overridden([*args, *kwargs.values()]):
            return torch.overrides.handle_torch_function(routed, [*args, *kwargs.values()], *args, **kwargs)
        if len(args) > len(names):
            return original(*args, **kwargs)  # which says what is wrong
        # The Dynamo of torch 2.9 refuses to zip what differs in length.
        named = dict(zip(names[: len(args)], args, strict=True), **kwargs)
        old = [named.pop(name, None) for name in _LEGACY]
        if old != [None, None]:
            named["reduction"] = torch.nn._reduction.legacy_get_string(*old)
        return function(**named)

    # torch.jit.script asks for it, and compiles the source of torch.
    setattr(routed, "__prepare_scriptable__", lambda: original)  # noqa: B010
    return routed


def _is_overridden(values):
    """Whether a mode or a subclass handles functions of torch, which then is given this one, as by torch itself.

    The proxies of torch.fx are not tensors: for them the loss chooses the function that the graph holds.
    """
    if torch.compiler.is_compiling() or not torch.overrides.has_torch_function(values):
        return False
    return all(isinstance(value, torch.Tensor) for value in values if hasattr(type(value), "__torch_function__"))
