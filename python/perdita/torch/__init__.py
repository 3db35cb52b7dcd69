"""The losses of torch.nn.functional and torch.nn on torch tensors: perdita.torch.functional, perdita.torch.nn."""
from perdita.torch import functional, nn

__all__ = ["functional", "nn"]
