"""2,000 random calls of every loss beside 50-digit arithmetic and torch. PERDITA_DIFFERENTIAL_SEED draws others."""

import os

import mpmath
import pytest

from differential.__main__ import examine
from differential.draws import FUNCTIONS

SEED = int(os.environ.get("PERDITA_DIFFERENTIAL_SEED", "1"))
DRAWS = 2000


@pytest.mark.parametrize("function", FUNCTIONS)
def test_draws(function):
    """Draw k is of the function k modulo their number: each gets the same share."""
    for number in range(FUNCTIONS.index(function), DRAWS, len(FUNCTIONS)):
        with mpmath.workdps(50):  # other tests may have another precision
            made, wrong = examine(SEED, number)
        replay = f"python -m tests.python.differential --seed {SEED} --draw {number}"
        assert not wrong, "\n".join([replay, *wrong[:8], made.code()])
