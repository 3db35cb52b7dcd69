"""The functions of formulas, for what is given to perdita.formula: ops.softplus(y), ops.select(condition, a, b), ..."""

from perdita._symbols import FUNCTIONS_BY_NAME

globals().update(FUNCTIONS_BY_NAME)
__all__ = sorted(FUNCTIONS_BY_NAME)
