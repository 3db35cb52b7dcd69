"""Every category."""

from opinfo import batching, derivatives, distributed, shapes, traces, types

CATEGORIES = [
    category for module in (derivatives, batching, shapes, traces, types, distributed) for category in module.CATEGORIES
]
