"""A campaign of faults against the runner: `python -m tests.chaos.campaign --seed 1 --minutes 5`, or `make chaos`.

Trial `n` of a seed is the same in every campaign: `--only KIND --first N --count 1` repeats one. What comes out wrong
is printed as it is found, and the exit code is 1.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.chaos.trials import TRIALS
from tests.chaos.world import World


def main() -> int:
    """Try until the time or the count is reached; prints a table of what was tried and what was wrong."""
    options = _options()
    home = Path(tempfile.mkdtemp(prefix="chaos-"))
    world = World(home)
    begun, tried, wrong = time.monotonic(), Counter[str](), Counter[str]()
    number = options.first
    while number < options.first + options.count and time.monotonic() - begun < 60 * options.minutes:
        kind = options.only[number % len(options.only)]
        found = TRIALS[kind](world, Random(f"{options.seed} {kind} {number}"))
        tried[kind] += 1
        wrong[kind] += bool(found)
        for line in found:
            print(f"\n{kind}, trial {number} of seed {options.seed}: {line}", flush=True)  # noqa: T201
        if not (found and options.keep):
            for folder in home.glob("trial-*"):
                if folder != world.reference:
                    shutil.rmtree(folder, ignore_errors=True)
        number += 1
    rows = [f"| {kind} | {tried[kind]} | {wrong[kind]} |" for kind in options.only if tried[kind]]
    print("\n".join(["", "| fault | trials | wrong |", "|:--|--:|--:|", *rows]))  # noqa: T201
    if not (options.keep and wrong.total()):
        shutil.rmtree(home, ignore_errors=True)
    return int(wrong.total() > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no trial after so long")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--count", type=int, default=sys.maxsize, help="how many trials")
    parser.add_argument("--only", action="append", choices=sorted(TRIALS), help="this kind alone; can be repeated")
    parser.add_argument("--keep", action="store_true", help="keep the folders of trials that went wrong")
    options = parser.parse_args()
    options.only = options.only or list(TRIALS)
    if options.minutes > 1e8 and options.count == sys.maxsize:
        options.minutes = 5.0
    return options


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.exit(main())
