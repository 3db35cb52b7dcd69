"""python -m tests.python.differential [--seed N] [--draws N] [--draw N] [--function NAME]"""

import argparse
import random
import sys
import time
import traceback

from .compare import check
from .draws import draw


def examine(seed, number):
    """(the draw, what is wrong with it)"""
    made = draw(seed, number)
    try:
        return made, check(made)
    except Exception:
        return made, [traceback.format_exc()]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.python.differential", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    parser.add_argument("--draws", type=int, default=100_000)
    parser.add_argument("--draw", type=int, help="this one alone")
    parser.add_argument("--function", help="only draws of this loss")
    parser.add_argument("--stop-after", type=int, default=20, help="draws that are wrong")
    options = parser.parse_args()
    numbers = range(options.draws) if options.draw is None else [options.draw]
    print(f"seed {options.seed}", flush=True)
    begin, failures, done = time.monotonic(), 0, 0
    for number in numbers:
        if options.function and draw(options.seed, number).function != options.function:
            continue
        made, wrong = examine(options.seed, number)
        done += 1
        if wrong:
            failures += 1
            print(f"\n# --seed {options.seed} --draw {number}: {made.function}\n{made.code()}")
            print("\n".join(f"#   {line}" for line in wrong[:8]), flush=True)
        elif options.draw is not None:
            print(made.code())
        if failures >= options.stop_after:
            break
        if done % 1000 == 0:
            rate = done / (time.monotonic() - begin)
            print(f"{done} of {len(numbers)} draws, {failures} wrong, {rate:.0f} per second", flush=True)
    print(f"{done} draws, {failures} wrong", flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
