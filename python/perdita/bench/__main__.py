"""Benchmarks forward and backward of the losses of perdita.torch.functional against torch eager, torch.compile and JAX.

    python -m perdita.bench [--options] [--sizes 1000 100000 10000000] [--losses mse_loss ...] [--rivals eager compile jax]
                            [--allocator default tuned] [--threads N] [--json FILE]

Calls alternate in one process. Times are medians; ratios are the time of the other library divided by that of Perdita (more
than 1: Perdita is faster). Before each timing there is a pause, because threads of a library spin for some time after a call
and would take processors from the next one, and a warm-up call. "tuned" configures the allocator of glibc to keep freed
memory, which avoids most page faults of torch for large sizes. This setting is fixed at process start, so each allocator
runs in a separate process. At the end, each process lists the cases in which another library was faster. --options
benchmarks losses with options (weights, narrow types, reductions, layouts) against torch eager and torch.compile instead.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

ALLOCATORS = {
    "default": {},
    "tuned": {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "1000000000000",
        "MALLOC_TOP_PAD_": "268435456",
    },
}
RIVALS = ("eager", "compile", "jax")


def main():
    arguments = _parse()
    if arguments.measure:
        return _measure(arguments)
    for allocator in arguments.allocator:
        print(f"\nallocator: {allocator}; threads: {arguments.threads or 'as torch has it'}\n", flush=True)
        environment = {**os.environ, **ALLOCATORS[allocator]}
        if arguments.threads:
            environment["NPROC"] = str(arguments.threads)  # where XLA looks for the size of its pool
        command = [sys.executable, "-m", "perdita.bench", *sys.argv[1:], "--measure"]
        code = subprocess.run(command, env=environment).returncode
        if code:
            return code
    return 0


def _parse():
    parser = argparse.ArgumentParser(
        prog="python -m perdita.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=[1_000, 100_000, 10_000_000],
        metavar="N",
        choices=[1_000, 100_000, 10_000_000],
        help="approximate numbers of elements: 1000, 100000, 10000000",
    )
    parser.add_argument("--options", action="store_true", help="benchmark losses with options instead")
    parser.add_argument("--losses", nargs="+", metavar="NAME", help="functions to benchmark (default: all)")
    parser.add_argument("--rivals", nargs="+", choices=RIVALS, default=["eager"], help="libraries to compare with")
    parser.add_argument("--allocator", nargs="+", choices=sorted(ALLOCATORS), default=["default", "tuned"])
    parser.add_argument("--threads", type=int, help="number of threads of all libraries")
    parser.add_argument("--rounds", type=int, default=15, help="number of timings of which the median is reported")
    parser.add_argument("--json", metavar="FILE", help="append one line per row to FILE")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(arguments):
    import torch

    from perdita.bench.cases import Case, cases
    from perdita.bench.option_cases import option_cases

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    rivals = [
        rival for rival in arguments.rivals if _is_installed(rival) and not (arguments.options and rival == "jax")
    ]
    print("| loss | ours, us | " + " | ".join(f"{rival}, us | ratio" for rival in rivals) + " |")
    print("|---" * (2 + 2 * len(rivals)) + "|", flush=True)
    lost = []
    for some in [option_cases(Case)] if arguments.options else map(cases, arguments.sizes):
        for case in some:
            if arguments.losses and case.loss not in arguments.losses:
                continue
            names, calls = _calls(case, rivals)
            times = dict(zip(names, _medians(calls, arguments.rounds), strict=True))
            ratios = {rival: times[rival] / times["ours"] for rival in rivals}
            lost += [f"{case.name}, {rival}: {ratio:.2f}" for rival, ratio in ratios.items() if ratio < 1]
            cells = [f"{times[rival] * 1e6:.1f} | {ratio:.2f}" for rival, ratio in ratios.items()]
            print(f"| {case.name} | {times['ours'] * 1e6:.1f} | " + " | ".join(cells) + " |", flush=True)
            if arguments.json:
                with open(arguments.json, "a") as file:
                    file.write(json.dumps({"case": case.name, "threads": torch.get_num_threads(), **times}) + "\n")
    print("\nRatios under 1:" if lost else "\nNo ratio is under 1.", *lost, sep="\n", flush=True)
    return 0


def _is_installed(rival):
    if rival == "compile" and shutil.which(os.environ.get("CXX", "g++")) is None:
        print("torch.compile finds no C++ compiler, and is left out")
        return False
    if rival != "jax":
        return True
    try:
        import jax  # noqa: F401
    except ImportError:
        print("jax is not installed, and is left out")
        return False
    return True


def _calls(case, rivals):
    """The names of what is timed, and a function each: forward and backward."""
    import torch

    leaves = [tensor for tensor in case.tensors if tensor.requires_grad]

    def step(function):
        def run():
            for leaf in leaves:
                leaf.grad = None
            function(*case.tensors).backward()

        return run

    made = {"ours": step(case.ours)}
    if "eager" in rivals:
        made["eager"] = step(case.theirs)
    if "compile" in rivals:
        torch._dynamo.reset()
        made["compile"] = step(torch.compile(case.theirs, dynamic=False))
    if "jax" in rivals:
        from perdita.bench.jax_losses import jax_step

        made["jax"] = jax_step(case)
    return list(made), list(made.values())


_PAUSE = 0.01  # seconds


def _medians(calls, rounds):
    """Seconds a call of each, interleaved."""
    counts = []
    for call in calls:
        call()
        call()
        start = time.perf_counter()
        call()
        counts.append(max(1, int(2e-3 / (time.perf_counter() - start))))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, count, found in zip(calls, counts, times, strict=True):
            time.sleep(_PAUSE)
            call()
            start = time.perf_counter()
            for _ in range(count):
                call()
            found.append((time.perf_counter() - start) / count)
    return [statistics.median(found) for found in times]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
