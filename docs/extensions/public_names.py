"""The public names of the Python package, and which of them lack a docstring."""

import importlib
import os
import pathlib

# Data whose type's docstring says nothing of them; the pages of their modules describe them.
_DATA = {"perdita.__version__", "perdita.torch.DIFFERING"}


def undocumented():
    """Full names of the objects that have no docstring."""
    for name in modules():
        module = importlib.import_module(name)
        for public in names_of(module):
            if f"{name}.{public}" not in _DATA and not _is_documented(public, getattr(module, public)):
                yield f"{name}.{public}"


def modules():
    """perdita and its modules without an underscore, without those whose package is not installed. perdita.bench is a
    program."""
    package = pathlib.Path(importlib.import_module("perdita").__file__).parent
    files = (pathlib.Path(folder) / name for folder, _, names in os.walk(package, followlinks=True) for name in names)
    for path in sorted(path for path in files if path.suffix == ".py"):
        parts = path.relative_to(package).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        name = ".".join(("perdita", *parts))
        if "bench" not in parts and not any(part.startswith("_") for part in parts) and _has_package(name):
            yield name


def _has_package(name):
    """Whether the module can be imported: those of perdita.callbacks need the package that they are for."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        return not name.startswith("perdita.callbacks.") or (error.name or "").startswith("perdita")
    return True


def names_of(module):
    if hasattr(module, "__all__"):
        return module.__all__
    own = (name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__)
    return [name for name in own if not name.startswith("_")]


def _is_documented(name, value):
    # nanobind gives a function without a docstring its signature for one.
    text = getattr(value, "__doc__", None) or ""
    return bool(text.strip()) and not (text.startswith(f"{name}(") and "\n" not in text)
