"""The losses of torch.nn.functional on the CPU: exact to their edge cases, and several times faster.

    import perdita.functional as F          # NumPy in, NumPy out
    import perdita.torch.functional as F    # torch tensors, autograd: for torch.nn.functional's losses

perdita.nn and perdita.torch.nn have them as classes.
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
