"""A drop-in replacement for the losses of torch.nn.functional on the CPU, with the same names, argument order and defaults.

    import perdita.torch.functional as F
    F.cross_entropy(model(x), labels).backward()

Loss and gradient are computed in one pass; backward only scales the gradient. float16 and bfloat16 are computed in float32;
the result has the same dtype as in torch: that of the operands, or mostly float32 under autocast. Second derivatives are
supported (create_graph, hvp, vectorize, is_grads_batched); third derivatives raise GraphError. torch.compile works without
graph breaks (the numbers in return_extras are tensors there). Weights and class counts may be NumPy arrays. The number of
threads is set by torch.set_num_threads().

Integer and complex input, sparse tensors and tensors on other devices are passed to the loss of torch if it exists;
otherwise DTypeError is raised, which is also a subclass of the exception that torch raises (NotImplementedError or
RuntimeError). The same holds for calls under torch.func and forward-mode differentiation. FakeTensor, meta tensors and
traces (make_fx, torch.jit.trace, torch.fx, torch.export) support every loss; DTensor and other wrappers the losses of torch.
"""

from perdita._names import missing
from perdita.torch._call import FUNCTIONS
from perdita.torch._linear import linear_cross_entropy as linear_cross_entropy

globals().update(FUNCTIONS)
__getattr__ = missing(__name__, "function")
__all__ = sorted([*FUNCTIONS, "linear_cross_entropy"])
