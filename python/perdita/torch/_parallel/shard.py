"""The local part of logits that are sharded over the classes: which classes it has, and the messages of its group."""

import torch
import torch.distributed as dist

from perdita.errors import DomainError, DTypeError, LabelError, ShapeError
from perdita.torch._composed.checks import is_readable


class Shard:
    """The local part of a call: logits [N, C_local, ...] in the dtype of the computation."""

    def __init__(self, function, input, group, vocab_start):
        self.group = dist.group.WORLD if group is None else group
        if not input.is_floating_point():
            raise DTypeError(f"{function}: input holds {str(input.dtype)[6:]} (valid: real numbers)")
        if not input.dim():
            raise ShapeError(f"{function}: input has shape [] (valid: [C], [N, C] or [N, C, d1, ...])")
        self.function = function
        self.dim = 0 if input.dim() == 1 else 1
        self.classes = input.shape[self.dim]
        self.start = dist.get_rank(self.group) * self.classes if vocab_start is None else vocab_start
        self.row_shape = (*input.shape[: self.dim], *input.shape[self.dim + 1 :])

    def of_labels(self, target, ignore_index):
        """Which labels are used, which of them are local classes, and their local indices."""
        if target.shape != self.row_shape:
            raise ShapeError(
                f"{self.function}: target has shape {list(target.shape)}, but input has rows {list(self.row_shape)} (valid: "
                f"{list(self.row_shape)} with class indices, or the local probabilities of the classes)"
            )
        labels = target.to(torch.int64)
        used = labels != ignore_index
        local = labels - self.start
        is_local = used & (local >= 0) & (local < self.classes)
        return used, is_local, torch.where(is_local, local, 0)

    def along(self, values):
        """Values of the local classes in a shape that broadcasts to the logits."""
        return values.reshape([-1 if d == self.dim else 1 for d in range(len(self.row_shape) + 1)])

    def is_own(self, is_local, index):
        """Whether a local class is that of the label, in the shape of the logits."""
        classes = self.along(torch.arange(self.classes, device=index.device))
        return (index.unsqueeze(self.dim) == classes) & is_local.unsqueeze(self.dim)

    def gather(self, columns):
        """[world size, columns, *rows] of a list of columns. The first collective."""
        packed = torch.stack(columns)
        gathered = packed.new_empty((dist.get_world_size(self.group) * len(columns), *packed.shape[1:]))
        dist.all_gather_into_tensor(gathered, packed.contiguous(), group=self.group)
        return gathered.reshape(dist.get_world_size(self.group), *packed.shape)

    def add(self, columns):
        """The sums of columns over all processes. The second collective."""
        packed = torch.stack(columns)
        dist.all_reduce(packed, group=self.group)
        return packed.unbind(0)


def check_shards(shard, sizes, starts, labels, used):
    """Raises an error unless the shards are all classes, each once, and used labels are classes.

    sizes, starts : number of classes of every process, and its first class; the same numbers in each process, so that
    all raise. labels : None for probabilities.
    """
    count = sizes.sum()
    # Behind a shard the next one begins; empty ones lie anywhere.
    ends = torch.where(sizes > 0, starts + sizes, 0.0)
    is_begun = (starts == 0) | (starts.unsqueeze(1) == ends).any(1) | (sizes == 0)
    are_complete = is_begun.all() & (ends.amax() == count)
    is_wrong = None if labels is None else used & ((labels < 0) | (labels >= count))
    of_shards = (
        f"{shard.function}: the shards do not make up all classes, each once (valid: vocab_start is the first class of the "
        f"local shard; without it all shards have the same size)"
    )
    if not is_readable(sizes):
        if sizes.device.type != "cpu":
            torch._assert_async(are_complete, of_shards)
            if is_wrong is not None:
                torch._assert_async(~is_wrong.any(), f"{shard.function}: a target is not a class")
        return
    if not are_complete:
        raise DomainError(of_shards)
    if is_wrong is not None and is_wrong.any():
        raise LabelError(
            f"{shard.function}: target holds {labels[is_wrong][0].item()}, but there are {int(count)} classes (valid: "
            f"0..{int(count) - 1})"
        )
