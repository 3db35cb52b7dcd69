"""Functions for use in formulas passed to perdita.formula: ops.softplus(y), ops.select(condition, a, b), ..."""

from perdita._symbols import FUNCTIONS_BY_NAME, param

globals().update(FUNCTIONS_BY_NAME)
__all__ = sorted([*FUNCTIONS_BY_NAME, param.__name__])
