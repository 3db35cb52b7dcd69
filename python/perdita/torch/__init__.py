"""Losses for torch tensors, compatible with torch.nn.functional and torch.nn: perdita.torch.functional, perdita.torch.nn."""

from perdita.torch import functional, nn
from perdita.torch._exact import DIFFERING, torch_exact
from perdita.torch._install import install, installed, uninstall

__all__ = ["DIFFERING", "functional", "install", "installed", "nn", "torch_exact", "uninstall"]
