"""Whether the core can read tensors: through the table of functions of DLPack (C exchange API) that their type has.

torch has the table from 2.10 on. For 2.7 to 2.9 the package torch-c-dlpack-ext adds it. Without it, losses are computed by
operators of torch.
"""

import contextlib
import warnings

import torch


def _has_table():
    return hasattr(torch.Tensor, "__dlpack_c_exchange_api__")


if not _has_table():
    # OSError: the package has no library for the application binary interface of this torch, as for 2.6 of PyPI.
    with contextlib.suppress(ImportError, OSError):
        import torch_c_dlpack_ext  # noqa: F401

IS_READABLE = _has_table()
if not IS_READABLE:
    warnings.warn(
        f"perdita.torch computes losses by operators of torch, not by its compiled kernels, because torch "
        f"{torch.__version__} does not offer the memory of its tensors (valid: torch 2.10 or later, or torch 2.7 to 2.9 "
        f"with the package torch-c-dlpack-ext)",
        RuntimeWarning,
        stacklevel=2,
    )
