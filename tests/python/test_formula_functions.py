"""The functions of formulas: perdita.ops and the table of docs/formulas.md have those that the parser knows."""

import pathlib
import re

import numpy as np
import pytest

import perdita
from perdita import ops
from perdita._symbols import FUNCTIONS

PAGE = pathlib.Path(__file__).parents[2] / "docs/formulas.md"


def error_of(text):
    with pytest.raises(ValueError) as raised:
        perdita.formula(text)(np.ones(2), np.ones(2))
    return str(raised.value)


def parsed():
    """As the parser lists them where a name is unknown."""
    names = re.search(r"\(valid: ([^)]*)\)", error_of("no_such_function(y) - t"))[1].split(", ")
    assert len(names) == len(set(names)) > 20
    return set(names)


def test_the_page_lists_them():
    (row,) = re.findall(r"^\| `(abs [^`]*)`", PAGE.read_text(), re.MULTILINE)
    names = row.split()
    assert names == sorted(names)
    assert set(names) == parsed() - {"select"}  # which has its own row
    assert "| `select(c, a, b)` |" in PAGE.read_text()


def test_ops_has_them():
    assert set(FUNCTIONS) == parsed()
    assert {name for name in dir(ops) if callable(getattr(ops, name)) and not name.startswith("_")} == {
        *FUNCTIONS,
        "param",  # which declares a parameter
    }


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_arguments(name):
    arity = sum("*" not in each for each in FUNCTIONS[name][0])
    arguments = ["y", "t", "2", "3"]
    perdita.formula(f"{name}({', '.join(arguments[:arity])})")(np.ones(2), np.ones(2))
    wrong = arguments[:1] if name in ("min", "max") else arguments  # of which there may be more
    assert f"{name} takes {arity} argument" in error_of(f"{name}({', '.join(wrong)})")
