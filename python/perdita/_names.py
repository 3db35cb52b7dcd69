"""Suggestions for unknown names in a module of losses, including the names that other libraries use."""

from perdita import _core
from perdita._catalogue import ENTRIES


def missing(module, column, others=None):
    """The __getattr__ of a module of losses. column: "function" or "module", which names it uses. others: a module whose
    public names it has, too."""

    def __getattr__(name):
        if others is not None and not name.startswith("_") and hasattr(others, name):
            return getattr(others, name)
        text = f"module {module!r} has no attribute {name!r}"
        if not name.startswith("_"):
            meant = _core.meant_loss(name)
            called = {_core.describe(entry["function"])["name"]: entry[column] for entry in ENTRIES.values()}
            if meant:
                base = meant.partition(":")[0]
                text += f"; did you mean {called.get(base, f'perdita.formula({meant[9:]!r})')!s}?"
        raise AttributeError(text, name=name)

    return __getattr__
