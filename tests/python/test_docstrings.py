"""Every public name has a docstring of its own; the site (make docs) shows them, and is not built without."""

import importlib
import pathlib
import sys

import perdita
from perdita import ops

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "docs/extensions"))
import public_names  # noqa: E402


def test_every_public_name_has_a_docstring():
    modules = [importlib.import_module(name) for name in public_names.modules()]
    names = {f"{module.__name__}.{public}" for module in modules for public in public_names.names_of(module)}
    assert {"perdita.formula", "perdita.torch.nn.HuberLoss", "perdita.errors.ShapeError", "perdita.ops.select"} <= names
    assert list(public_names.undocumented()) == []


def test_a_missing_docstring_is_found(monkeypatch):
    monkeypatch.setattr(ops.select, "__doc__", None)
    monkeypatch.setattr(perdita, "num_threads", perdita._core.num_threads)  # nanobind's signature is no docstring
    assert list(public_names.undocumented()) == ["perdita.num_threads", "perdita.ops.select"]
