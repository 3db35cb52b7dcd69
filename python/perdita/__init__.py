"""Loss functions for NumPy arrays and torch tensors, compatible with torch.nn.functional.

    import perdita.functional as F          # for NumPy arrays
    import perdita.torch.functional as F    # for torch tensors, with autograd

perdita.nn and perdita.torch.nn contain the losses as classes.
"""

from perdita import data, errors, functional, nn, ops, plot
from perdita._audit import audit
from perdita._boosting.functions import grad_and_hess, minimize_constant
from perdita._core import __version__
from perdita._diagnose import diagnose
from perdita._evaluate import evaluate
from perdita._extras import LossExtras, PartExtras, SumExtras
from perdita._formula import formula
from perdita._history import history
from perdita._model import Model, load
from perdita._recorder import Recorder
from perdita._settings import detect_nonfinite, num_threads, set_num_threads, set_validation, validation
from perdita._value_and_grad import value_and_grad

__all__ = [
    "LossExtras", "Model", "PartExtras", "Recorder", "SumExtras", "__version__", "audit", "data", "detect_nonfinite",
    "diagnose", "errors", "evaluate", "formula", "functional", "grad_and_hess", "history", "load",
    "minimize_constant", "nn", "num_threads", "ops", "plot", "set_num_threads", "set_validation", "validation",
    "value_and_grad",
]  # fmt: skip
