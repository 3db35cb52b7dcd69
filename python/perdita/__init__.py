"""Loss functions for NumPy arrays and torch tensors, compatible with torch.nn.functional.

    import perdita.functional as F          # for NumPy arrays
    import perdita.torch.functional as F    # for torch tensors, with autograd

perdita.nn and perdita.torch.nn contain the losses as classes.
"""

from perdita import data, errors, functional, nn, ops, plot
from perdita._core import __version__
from perdita._evaluate import evaluate
from perdita._extras import LossExtras
from perdita._formula import formula
from perdita._history import history
from perdita._settings import num_threads, set_num_threads, set_validation, validation
from perdita._value_and_grad import value_and_grad

__all__ = [
    "LossExtras", "__version__", "data", "errors", "evaluate", "formula", "functional", "history", "nn",
    "num_threads", "ops", "plot", "set_num_threads", "set_validation", "validation", "value_and_grad",
]  # fmt: skip
