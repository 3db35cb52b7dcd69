"""Lets torch's test databases be imported without expecttest, which they import but do not need for the losses."""

import sys
import types
import unittest

try:
    import expecttest  # noqa: F401
except ImportError:
    sys.modules["expecttest"] = types.SimpleNamespace(TestCase=unittest.TestCase, ACCEPT=False)  # type: ignore[assignment]
