"""The processes of a training program: torch.distributed, if it is initialized."""

import sys
from collections.abc import Callable
from typing import Any


class Ranks:
    """One process alone."""

    rank, count = 0, 1

    def on_first(self, make: Callable[[], Any]) -> Any:
        """The result of make() in process 0, and None in the others; an error there is raised in all."""
        return make()

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in all processes."""
        return [value]

    def gather_on_first(self, make: Callable[[], Any]) -> list[Any]:
        """In process 0 the values of make() of the other processes; nothing in these."""
        return []


class _Distributed(Ranks):
    def __init__(self, distributed: Any) -> None:
        self._distributed = distributed
        self.rank, self.count = distributed.get_rank(), distributed.get_world_size()

    def on_first(self, make):
        result, error = None, None
        if self.rank == 0:
            try:
                result = make()
            except Exception as raised:
                error = raised
        message = [error]
        self._distributed.broadcast_object_list(message, src=0)
        if message[0] is not None:
            raise message[0]
        return result

    def gather(self, value):
        values = [None] * self.count
        self._distributed.all_gather_object(values, value)
        return values

    def gather_on_first(self, make):
        values = [None] * self.count if self.rank == 0 else None
        self._distributed.gather_object(make(), values, dst=0)
        return values[1:] if values is not None else []


def ranks() -> Ranks:
    """The processes of torch.distributed if there are several, otherwise this one."""
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return Ranks()
    return _Distributed(distributed) if distributed.get_world_size() > 1 else Ranks()
