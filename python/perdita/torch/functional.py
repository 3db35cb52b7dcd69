"""The losses of torch.nn.functional, by the same names, argument order and defaults: a drop-in for them on the CPU.

    import perdita.torch.functional as F
    F.cross_entropy(model(x), labels).backward()

Loss and gradient are computed in one pass; backward only scales. float16 and bfloat16 are computed in float32 and
returned in their own type. Second derivatives work (create_graph=True), and so does torch.compile, without a graph
break (the numbers of return_extras are tensors there). Weights and class counts may be NumPy arrays. Threads are those
of torch.set_num_threads().

Input of integers or complex numbers, sparse tensors and those of other devices are not computed here: they get torch's
own result where torch has one, else DTypeError, which an except clause for torch's NotImplementedError or RuntimeError
catches.
"""
from perdita._names import missing
from perdita.torch._call import FUNCTIONS
from perdita.torch._linear import linear_cross_entropy

globals().update(FUNCTIONS)
__getattr__ = missing(__name__, "function")
__all__ = sorted([*FUNCTIONS, "linear_cross_entropy"])
