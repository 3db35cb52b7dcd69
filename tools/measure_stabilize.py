"""The errors of formulas before and after `perdita stabilize`, as a table of Markdown.

usage: measure_stabilize.py PERDITA [FILE]      one formula a line; by default tests/rewriting/formulas.txt
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

FORMULAS = pathlib.Path(__file__).parent.parent / "tests/rewriting/formulas.txt"
HEADER = """| formula | stable form | value | derivative | above 4 ULP, float32 | float64 | ns |
|---|---|---|---|---|---|---|"""


def cell(text):
    return "`" + text.replace("|", "\\|") + "`"


def shares(found, when):
    """The larger share of points of value and derivative that are more than 4 ULP off, in float32 and float64."""
    share = [error[when]["share_above_4_ulp"] for error in found["errors"]]
    return max(share[:2]), max(share[2:])


def row(formula, found):
    bits = [f"{e['before']['mean_bits']:.1f} → {e['after']['mean_bits']:.1f}" for e in found["errors"][:2]]
    before, after = shares(found, "before"), shares(found, "after")
    beyond = [f"{100 * b:.0f} % → {100 * a:.1f} %" for b, a in zip(before, after, strict=True)]
    form = found["stable_form"] + ("; compute=float64" if found["compute_in_float64"] else "")
    times = f"{found['nanoseconds_before']:.1f} → {found['nanoseconds_after']:.1f}"
    columns = [cell(formula), cell(form) if found["is_changed"] else "not changed", *bits, *beyond, times]
    return f"| {' | '.join(columns)} |"


def main():
    program, path = sys.argv[1], pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else FORMULAS)
    formulas = [line for line in path.read_text().splitlines() if line]
    rows, seconds = [], []
    print(HEADER)
    for formula in formulas:
        start = os.times()
        result = subprocess.run([program, "stabilize", "--json", formula], capture_output=True, text=True, check=True)
        end = os.times()
        seconds.append(end.children_user + end.children_system - start.children_user - start.children_system)
        rows.append(json.loads(result.stdout))
        print(row(formula, rows[-1]), flush=True)
    exact = [shares(found, "after") for found in rows]
    alone = sum(a <= 0.01 and not found["compute_in_float64"] for (a, _), found in zip(exact, rows, strict=True))
    ratios = [found["nanoseconds_after"] / found["nanoseconds_before"] for found in rows]
    print(
        f"\nOf {len(formulas)} formulas, within 4 ULP on 99 % of the points: {sum(a <= 0.01 for a, _ in exact)} in float32 "
        f"({alone} without compute=float64), {sum(max(both) <= 0.01 for both in exact)} in float32 and float64. Seconds of "
        f"processor time: median {statistics.median(seconds):.2f}, largest {max(seconds):.2f}. Time after / before: median "
        f"{statistics.median(ratios):.2f}."
    )


main()
