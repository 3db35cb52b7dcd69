"""Tensors of a call as local tensors: DTensors are taken apart, and the result is placed like them."""

from torch.distributed.tensor import DTensor, Replicate

from perdita.errors import DTypeError


class Placed:
    """The local tensors of a call, and how its result is placed."""

    def __init__(self, input, group, vocab_start, mesh=None):
        self.input, self.group, self.vocab_start, self.mesh = input, group, vocab_start, mesh

    @staticmethod
    def of(function, input, group, vocab_start, name="input", dim=None):
        """input : the sharded operand, called `name`; dim : its classes, by default as in logits."""
        if not isinstance(input, DTensor):
            return Placed(input, group, vocab_start)
        if dim is None:
            dim = 0 if input.dim() == 1 else 1
        mesh, placements = input.device_mesh, input.placements
        sharded = [i for i, placement in enumerate(placements) if placement.is_shard(dim)]
        if len(sharded) != 1 or any(not p.is_replicate() for i, p in enumerate(placements) if i != sharded[0]):
            raise DTypeError(
                f"{function}: {name} is placed as {list(placements)} (valid: one Shard({dim}), which are the classes, and "
                f"otherwise Replicate())"
            )
        (axis,) = sharded
        size, rank = mesh.size(axis), mesh.get_local_rank(axis)
        chunk = -(-input.shape[dim] // size)  # as torch.chunk divides
        return Placed(input.to_local(), mesh.get_group(axis), min(rank * chunk, input.shape[dim]), mesh)

    def whole(self, function, input):
        """The input of a layer, which must not be sharded."""
        if isinstance(input, DTensor):
            if not all(placement.is_replicate() for placement in input.placements):
                raise DTypeError(f"{function}: input is placed as {list(input.placements)} (valid: Replicate())")
            return input.to_local()
        return input

    def local(self, tensor):
        return tensor.to_local() if hasattr(tensor, "to_local") else tensor

    def replicated(self, tensor):
        if self.mesh is None:
            return tensor
        return DTensor.from_local(tensor, self.mesh, [Replicate()] * self.mesh.ndim, run_check=False)
