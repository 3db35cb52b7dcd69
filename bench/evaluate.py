#!/usr/bin/env python3
"""`perdita evaluate` beside `cat`: evaluate.py PERDITA [--rows N] [--classes K] [--rounds N] [--folder DIR]

Writes float32 logits [N, K] and int64 labels [N] as NPY into a temporary folder, which goes at the end, and times, in
turns: `cat p.npy y.npy > /dev/null`, the same through a pipe (`cat p.npy y.npy | cat > /dev/null`), and `perdita
evaluate` with 1 and with all threads. All read from the page cache, which must have room for the files. Prints medians,
ratios, and the largest resident memory.
"""

import argparse
import array
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time


def header(descr, shape):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape!r}, }}"
    text += " " * (-(11 + len(text)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def write_files(folder, rows, classes):
    """A part of normal logits, three higher at the label, again and again from another row on."""
    part = min(rows, 100_000)
    draw = random.Random(1)
    labels = array.array("q", (draw.randrange(classes) for _ in range(part)))
    logits = array.array(
        "f", (draw.gauss(0, 1) + 3 * (labels[i // classes] == i % classes) for i in range(part * classes))
    )
    names = os.path.join(folder, "p.npy"), os.path.join(folder, "y.npy")
    for name, numbers, descr, width in zip(names, (logits, labels), ("<f4", "<i8"), (classes, 1), strict=True):
        with open(name, "wb") as file:
            file.write(header(descr, (rows, classes) if width > 1 else (rows,)))
            for first in range(0, rows, part):
                turn = first // part * 137 % part * width
                turned = (numbers[turn:] + numbers[:turn])[: min(part, rows - first) * width]
                turned.tofile(file)
    return names


def timed(command):
    start = time.perf_counter()
    subprocess.run(command, shell=isinstance(command, str), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("perdita")
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where the temporary folder is made")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="perdita_bench_", dir=a.folder) as folder:
        p, y = write_files(folder, a.rows, a.classes)
        size = os.path.getsize(p) + os.path.getsize(y)
        evaluate = [a.perdita, "evaluate", "--predictions", p, "--targets", y, "--loss", "cross_entropy", "--quiet"]
        cases = {
            "cat > /dev/null": f"cat {p} {y} > /dev/null",
            "cat | cat > /dev/null": f"cat {p} {y} | cat > /dev/null",
            "evaluate, 1 thread": evaluate + ["--threads", "1"],
            "evaluate, all threads": evaluate,
        }
        subprocess.run(cases["cat > /dev/null"], shell=True, check=True)  # fills the page cache
        times = {name: [] for name in cases}
        for _ in range(a.rounds):
            for name, command in cases.items():
                times[name].append(timed(command))
        medians = {name: statistics.median(seconds) for name, seconds in times.items()}
        print(f"{a.rows} rows of {a.classes} classes, {size / 1e9:.2f} GB, medians of {a.rounds} rounds in turns")
        print(f"{'':<24}{'seconds':>9}{'least':>9}{'GB/s':>7}{'of cat':>8}{'of cat | cat':>14}")
        for name, seconds in medians.items():
            print(
                f"{name:<24}{seconds:>9.3f}{min(times[name]):>9.3f}{size / seconds / 1e9:>7.2f}"
                f"{medians['cat > /dev/null'] / seconds:>8.2f}{medians['cat | cat > /dev/null'] / seconds:>14.2f}"
            )
        print(
            f"largest resident memory of a child: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB"
        )


main()
