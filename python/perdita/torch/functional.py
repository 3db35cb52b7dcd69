"""A drop-in replacement for the losses of torch.nn.functional on the CPU, with the same names, argument order and defaults.

    import perdita.torch.functional as F
    F.cross_entropy(model(x), labels).backward()

All other names are those of torch.nn.functional (`F.relu`), so that this import can replace that of torch.

Loss and gradient are computed in one pass; backward only scales the gradient. float16 and bfloat16 are computed in float32;
the result has the same dtype as in torch: that of the operands, or mostly float32 under autocast. Derivatives of any order
are supported (create_graph, hvp, vectorize, is_grads_batched). torch.compile works without graph breaks (the numbers in
return_extras are tensors there). Weights and class counts may be NumPy arrays. The number of threads is set by
torch.set_num_threads().

Dense tensors on the CPU are computed by compiled kernels. Other devices, tensor subclasses, transforms of torch.func,
forward-mode differentiation and traces (make_fx, torch.export, torch.jit.trace) are computed by operators of torch, from
the same formulas. Losses that torch has are passed to torch on other devices. Integer and complex input and sparse tensors
are passed to the loss of torch if it exists; otherwise DTypeError is raised, which is also a subclass of the exception that
torch raises (NotImplementedError or RuntimeError).
"""

import torch

from perdita._names import missing
from perdita.torch._call import FUNCTIONS
from perdita.torch._hard_losses import ohem_mean as ohem_mean
from perdita.torch._hard_losses import top_k_mean as top_k_mean
from perdita.torch._linear import linear_cross_entropy as linear_cross_entropy

globals().update(FUNCTIONS)
__getattr__ = missing(__name__, "function", torch.nn.functional)
__all__ = sorted([*FUNCTIONS, "linear_cross_entropy", "ohem_mean", "top_k_mean"])
