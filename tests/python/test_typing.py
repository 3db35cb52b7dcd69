"""The package's types: the stubs are those of the functions, a type checker accepts right calls and refuses wrong ones."""

import ast
import os
import pathlib
import re
import subprocess
import sys

import pytest

import perdita
from perdita import _core

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = pathlib.Path(perdita.__file__).parent
PROGRAMS = pathlib.Path(__file__).parent / "typing"
PUBLIC = [
    f"perdita.{name}" for name in ("data", "errors", "functional", "nn", "ops", "plot", "torch.functional", "torch.nn")
]


def run(*words):
    """The result of a module or program of this Python, which finds perdita where this process does."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path[1:]))}
    if PACKAGE.parent.name != "site-packages":
        environment["MYPYPATH"] = str(PACKAGE.parent)
    return subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, env=environment, capture_output=True, text=True)


def mypy(*words):
    pytest.importorskip("mypy")
    options = ("--config-file=", "--strict", "--follow-imports=silent", "--no-error-summary")
    return run("-m", "mypy", *options, "--cache-dir", ROOT / "build/mypy_cache_of_programs", *words)


def test_stubs_are_current():
    result = run("tools/python_stubs.py", "--check", "python/perdita")
    assert result.returncode == 0, result.stdout + result.stderr


def test_stubs_are_installed():
    assert (PACKAGE / "py.typed").exists()
    for stub in (ROOT / "python/perdita").rglob("*.pyi"):
        assert (PACKAGE / stub.relative_to(ROOT / "python/perdita")).read_text() == stub.read_text()


def test_stubs_agree_with_the_module():
    pytest.importorskip("mypy")
    allowed = PROGRAMS / "stubtest_allowlist.txt"
    result = run(
        "-m", "mypy.stubtest", *PUBLIC, "--concise", "--mypy-config-file", "pyproject.toml", "--allowlist", allowed
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_stub_of_the_core_has_all_its_names():
    """stubtest takes nanobind's functions and classes for something else."""
    stub = ast.parse((ROOT / "python/perdita/_core.pyi").read_text())
    functions = {node.name for node in stub.body if isinstance(node, ast.FunctionDef)}
    classes = {node.name: node for node in stub.body if isinstance(node, ast.ClassDef)}
    assert functions | set(classes) == {name for name in dir(_core) if not name.startswith("__")}
    for name, node in classes.items():
        methods = {f.name for f in node.body if isinstance(f, ast.FunctionDef)} - {"__init__"}
        assert methods == {m for m in vars(getattr(_core, name)) if not m.startswith("__") or m == "__len__"}, name


def test_right_calls_are_accepted():
    result = mypy(PROGRAMS / "right.py")
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


def test_wrong_calls_are_refused():
    result = mypy(PROGRAMS / "wrong.py")
    found = set(re.findall(r"wrong\.py:(\d+): error: .*\[([a-z-]+)\]", result.stdout))
    lines = enumerate((PROGRAMS / "wrong.py").read_text().splitlines(), 1)
    expected = {(str(number), line.rpartition("  # ")[2]) for number, line in lines if "  # " in line}
    assert len(expected) > 15
    assert found == expected, result.stdout + result.stderr
