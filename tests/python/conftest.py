import sys
import types
import unittest
import warnings

import pytest

torch = pytest.importorskip("torch")

# torch's own test databases import expecttest, which they do not need for the losses.
try:
    import expecttest  # noqa: F401
except ImportError:
    sys.modules["expecttest"] = types.SimpleNamespace(TestCase=unittest.TestCase, ACCEPT=False)


@pytest.fixture(autouse=True)
def quiet():
    """torch warns of broadcasting and of kl_div's mean."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
