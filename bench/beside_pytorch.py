#!/usr/bin/env python3
"""Perdita beside PyTorch, in one run: beside_pytorch.py PERDITA_BENCH [--rounds N] [--threads N]

Value and gradient together, float32: the same sizes for both, in processes of their own that take turns; medians over
the rounds. PyTorch is measured twice: as it comes, and with glibc told to keep freed memory ("warm"), for page faults
are most of its time on large tensors. Perdita keeps its buffers by itself.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

WARM = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "1000000000000",
    "MALLOC_TOP_PAD_": "268435456",
}
ELEMENTS = 1 << 24


def pair_cases(torch):
    F = torch.nn.functional

    def focal(y, t):  # as pasted from the web; sigmoid_focal_loss of torchvision does the same steps
        b = F.binary_cross_entropy_with_logits(y, t, reduction="none")
        p = torch.sigmoid(y)
        wrong = p * (1 - t) + (1 - p) * t
        return ((0.25 * t + 0.75 * (1 - t)) * wrong**2 * b).mean()

    yield "elementwise/mse", F.mse_loss
    yield "elementwise/smooth_l1", F.smooth_l1_loss
    yield "elementwise/poisson_nll", F.poisson_nll_loss
    yield "elementwise/binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits
    yield "elementwise/soft_margin", F.soft_margin_loss
    yield "elementwise/binary_focal", focal


def comparing_cases(torch):
    """Name, loss of nothing, leaves."""
    F = torch.nn.functional

    def leaves(count, *shape):
        return [torch.randn(*shape).requires_grad_() for _ in range(count)]

    for n, d in ((65536, 128), (250000, 32)):
        x = leaves(3, n, d)
        t = torch.where(torch.randn(n) > 0, 1.0, -1.0)
        yield f"comparing/triplet_margin/{n}x{d}", lambda: F.triplet_margin_loss(*x), x
        yield f"comparing/cosine_embedding/{n}x{d}", lambda: F.cosine_embedding_loss(*x[:2], t), x[:2]
    for n, c in ((4096, 1000), (1048576, 10)):
        x = leaves(1, n, c)
        rows = torch.arange(n)
        lists = torch.full((n, c), -1)
        for j in range(3):
            lists[:, j] = (rows * 31 + j * 7) % c
        yield f"comparing/multi_margin/{n}x{c}", lambda: F.multi_margin_loss(*x, rows * 31 % c), x
        yield f"comparing/multilabel_margin/{n}x{c}", lambda: F.multilabel_margin_loss(*x, lists), x
    x = leaves(2, 65536, 128)
    t = torch.where(torch.randn(65536, 128) > 0, 1.0, -1.0)
    truth = (t > 0).float()
    yield "comparing/margin_ranking/65536x128", lambda: F.margin_ranking_loss(*x, t, margin=0.1), x
    yield "comparing/multilabel_soft_margin/65536x128", lambda: F.multilabel_soft_margin_loss(x[0], truth), x[:1]


def measure(step, seconds=0.4):
    step()
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def backward(loss, leaf):
    leaf.grad = None
    loss.backward()


def time_pairs(torch, times):
    y = ((torch.arange(ELEMENTS) * 7919 % 2003) * 0.004 - 4.0).requires_grad_()
    t = (torch.arange(ELEMENTS) * 31 % 7 < 3).float()
    for name, loss in pair_cases(torch):
        times[name] = measure(lambda loss=loss: backward(loss(y, t), y))
    small_y, small_t = y[:1000].detach().clone().requires_grad_(), t[:1000].clone()
    times["tensor/mse of 1000, with backward"] = measure(
        lambda: backward(torch.nn.functional.mse_loss(small_y, small_t), small_y)
    )


def time_cross_entropy(torch, rows, classes):
    z = ((torch.arange(rows * classes) * 7919 % 2003) * 0.004 - 4.0).reshape(rows, classes).requires_grad_()
    labels = torch.arange(rows) * 31 % classes
    return measure(lambda: backward(torch.nn.functional.cross_entropy(z, labels), z))


def time_ctc(torch, frames, items, classes, length):
    log_probs = torch.randn(frames, items, classes).log_softmax(2).requires_grad_()
    targets = torch.randint(1, classes, (items, length))
    lengths = torch.full((items,), frames), torch.full((items,), length)
    return measure(lambda: backward(torch.nn.functional.ctc_loss(log_probs, targets, *lengths), log_probs))


def time_comparing(loss, leaves):
    def step():
        for leaf in leaves:
            leaf.grad = None
        loss().backward()

    return measure(step)


def run_pytorch(threads):
    """Seconds a case, as JSON."""
    import torch

    torch.set_num_threads(threads)
    times = {"version": torch.__version__}
    time_pairs(torch, times)
    for rows, classes in ((8192, 1000), (1024, 50257), (1048576, 10)):
        times[f"softmax/cross_entropy/{rows}x{classes}"] = time_cross_entropy(torch, rows, classes)
    for frames, items, classes, length in (
        (150, 16, 28, 40),
        (150, 1, 28, 40),
        (1000, 16, 100, 200),
        (150, 16, 5000, 20),
    ):
        name = f"sequence/ctc/{frames}x{items}x{classes}x{length}"
        times[name] = time_ctc(torch, frames, items, classes, length)
    for name, loss, leaves in comparing_cases(torch):
        times[name] = time_comparing(loss, leaves)
    print(json.dumps(times))


def pytorch(threads, environment):
    command = [sys.executable, __file__, "--pytorch", "--threads", str(threads), "-"]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def perdita(program, threads, names):
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        pattern = "|".join(f"^{name}(/real_time)?$" for name in names)
        command = [program, f"--threads={threads}", f"--benchmark_filter={pattern}", "--benchmark_repetitions=3"]
        command += [f"--benchmark_out={out.name}", "--benchmark_out_format=json"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        runs = json.load(open(out.name))["benchmarks"]
    scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
    return {
        run["run_name"].removesuffix("/real_time"): run["real_time"] * scale[run["time_unit"]]
        for run in runs
        if run.get("aggregate_name") == "median"
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="perdita_bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pytorch", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.pytorch:
        return run_pytorch(arguments.threads)

    columns = {"perdita": [], "pytorch": [], "warm": []}
    for _ in range(arguments.rounds):
        columns["pytorch"].append(pytorch(arguments.threads, {}))
        names = [name for name in columns["pytorch"][0] if name != "version"]
        columns["perdita"].append(perdita(arguments.program, arguments.threads, names))
        columns["warm"].append(pytorch(arguments.threads, WARM))
    print(
        f"PyTorch {columns['pytorch'][0]['version']}, {arguments.threads} threads, medians of {arguments.rounds} rounds"
    )
    print(f"{'milliseconds':48} {'Perdita':>9} {'PyTorch':>9} {'warm':>9} {'times':>7} {'warm':>6}")
    for name in names:
        ours, theirs, warm = (
            statistics.median(times[name] for times in columns[key]) * 1e3 for key in ("perdita", "pytorch", "warm")
        )
        print(f"{name:48} {ours:9.4f} {theirs:9.4f} {warm:9.4f} {theirs / ours:7.1f} {warm / ours:6.1f}")


main()
