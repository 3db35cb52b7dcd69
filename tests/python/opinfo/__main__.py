"""Runs all samples and prints the counts.

python -m opinfo                              # all categories
python -m opinfo --category vmap --loss huber_loss --details
python -m opinfo --results results.jsonl      # keeps the results, and continues a run that was interrupted
"""

import argparse
import collections
import json
import random
from pathlib import Path

import torch

from opinfo.all_categories import CATEGORIES
from opinfo.known import reason_of
from opinfo.outcomes import NONE, OUTCOMES
from opinfo.runner import run
from opinfo.samples import OPERATORS, samples_of


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--category", action="append", help="a part of its name; all if not given")
    parser.add_argument("--only", action="append", help="its name")
    parser.add_argument("--loss", action="append", help="a part of its name; all if not given")
    parser.add_argument("--results", type=Path, help="a file of JSON lines")
    parser.add_argument("--details", action="store_true", help="print what is not the same")
    parser.add_argument("--selection", action="store_true", help="the samples that the test runs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    done = _results_of(options.results)
    operators = [op for op in OPERATORS if _is_chosen(op.full_name, options.loss)]
    counts = {op.full_name: len(samples_of(op)) for op in operators}
    for category in CATEGORIES:
        if not _is_chosen(category.name, options.category) or options.only and category.name not in options.only:
            continue
        tasks = [(name, number) for name, count in counts.items() for number in range(count)]
        if options.selection:
            tasks = selection(category, counts)
        missing = [task for task in tasks if (category.name, *task) not in done]
        for operator, number, *record in run(category, missing):
            done[category.name, operator, number] = record
            if options.results:
                with options.results.open("a") as file:
                    file.write(json.dumps((category.name, operator, number, *record)) + "\n")
            if options.details and not reason_of(category.name, operator, number, *record):
                print(f"{category.name}: {operator}[{number}]: {record[0]}: {record[1]}", flush=True)
    print(table(done))


def selection(category, counts):
    """Some samples of as many operators as possible, the same ones in every run."""
    numbers, names = random.Random(category.name), sorted(counts)
    numbers.shuffle(names)
    picked = {
        (names[i % len(names)], numbers.randrange(counts[names[i % len(names)]])) for i in range(category.selected)
    }
    return sorted(picked)


def _is_chosen(name, parts):
    return parts is None or any(part in name for part in parts)


def _results_of(path):
    if path is None or not path.exists():
        return {}
    records = map(json.loads, path.read_text().splitlines())
    return {(category, operator, number): record for category, operator, number, *record in records}


def table(results):
    """The counts of each category as a table of Markdown."""
    counts: dict = collections.defaultdict(collections.Counter)
    rows = {category.name: category.row for category in CATEGORIES}
    for (category, _, _), (outcome, _) in results.items():
        counts[rows[category]][outcome] += 1
    shown = [o for o in OUTCOMES if o != NONE and any(found[o] for found in counts.values())]
    lines = ["| | samples | " + " | ".join(shown) + " |", "|---" * (len(shown) + 2) + "|"]
    for row in dict.fromkeys(row for row in rows.values() if row in counts):
        numbers = [sum(counts[row][o] for o in shown), *(counts[row][o] for o in shown)]
        lines.append(f"| {row} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
