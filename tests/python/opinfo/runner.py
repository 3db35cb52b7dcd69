"""Runs samples in separate processes, so that a crash or a hang is recorded as the outcome of a sample."""

import functools
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback

import torch

from opinfo.outcomes import CRASHED, outcome
from opinfo.samples import OPERATORS, samples_of

SECONDS = 120
"""After which a sample counts as one that hangs."""


def run(category, tasks):
    """Yields (name of the operator, number of the sample, outcome, details) for each (operator, number)."""
    done = 0
    while done < len(tasks):
        with tempfile.TemporaryDirectory(prefix="opinfo-") as folder:
            for record in _records(category, tasks[done:], f"{folder}/store"):
                yield (*tasks[done], *record)
                done += 1


def _records(category, tasks, store):
    """The record of each task, up to the end or the first crash."""
    sys.stdout.flush(), sys.stderr.flush()
    processes = [_start(category, tasks, rank, store) for rank in range(max(1, category.processes))]
    reporting = processes[0][0]
    try:
        for _ in tasks:
            line = _line_of(reporting, SECONDS)
            if not line:
                yield CRASHED, "the process ended" if line == "" else f"no result in {SECONDS} s"
                return
            yield tuple(json.loads(line))
    finally:
        for reader, child in processes:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reader)


def _start(category, tasks, rank, store):
    """A pipe of records, and the process that writes them."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work(category, tasks, writer, rank, store)
    os.close(writer)
    return reader, child


def _line_of(reader, seconds):
    """A line of the pipe: "" at its end, None after so many seconds."""
    line, ends = b"", time.monotonic() + seconds
    while not line.endswith(b"\n"):
        if not select.select([reader], [], [], max(0.0, ends - time.monotonic()))[0]:
            return None
        piece = os.read(reader, 1)
        if not piece:
            return ""
        line += piece
    return line.decode()


def _work(category, tasks, writer, rank, store):
    """In the child. Does not return."""
    status = 1
    try:
        torch.set_num_threads(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # torch writes what it does while it refuses a trace
        if category.processes:
            torch.distributed.init_process_group(
                "gloo", init_method=f"file://{store}", rank=rank, world_size=category.processes
            )
        for operator, number in tasks:
            record = outcome(category, _samples(operator)[number])
            os.write(writer, (json.dumps(record) + "\n").encode())
        if category.processes:
            torch.distributed.barrier()
        status = 0
    except BaseException:
        os.write(writer, (json.dumps((CRASHED, traceback.format_exc()[-600:])) + "\n").encode())
    finally:
        os._exit(status)


@functools.lru_cache(maxsize=2)
def _samples(operator):
    return samples_of(next(op for op in OPERATORS if op.full_name == operator))
