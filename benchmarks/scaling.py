"""Where a sweep of very many cells is slow beside its training: listing the store, tracking, dealing, reporting.

    python -m benchmarks.scaling --cells 1000 --cells 100000 --folder /dev/shm/scaling [--only status --only report]

Makes a sweep of made-up finished cells (100,000 take 3 GB and some minutes; what is there is not made again), and times
the commands, each in a process of its own, and the two loops that look at all cells again and again: the follower that
tracks, and the driver that gives workers cells. Seconds of wall-clock and of CPU, and peak memory.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.many import SWEEP, made
from benchmarks.test_overheads import COMMAND


def main() -> None:
    """Every number, a line each."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cells", type=int, action="append", required=True)
    asked.add_argument("--folder", type=Path, required=True)
    asked.add_argument("--only", action="append", choices=sorted(TIMED), help="one of them, or several")
    options = asked.parse_args()
    for cells in options.cells:
        folder = options.folder / str(cells)
        os.environ |= {"CHEAPCONV_CACHE": str(folder / "cache"), "MLFLOW_TRACKING_URI": "none"}
        if not (folder / "whole").exists():
            folder.mkdir(parents=True, exist_ok=True)
            tell("making them", cells, timed(partial(made, folder, cells)))
            (folder / "whole").touch()
        for name in options.only or TIMED:
            tell(name, cells, TIMED[name](folder))


def tell(name: str, cells: int, what: str) -> None:
    """`status of 100000 cells: 21.4 s ...`."""
    sys.stdout.write(f"{name} of {cells} cells: {what}\n")
    sys.stdout.flush()


def timed(work: Callable[[], object]) -> str:
    """Wall-clock and CPU of this process."""
    begun, used = time.perf_counter(), time.process_time()
    work()
    return f"{time.perf_counter() - begun:.2f} s, CPU {time.process_time() - used:.2f} s"


def command(*words: str) -> Callable[[Path], str]:
    """A command of the command line on the sweep."""

    def run(folder: Path) -> str:
        options = ["--store", str(folder / "runs"), "--registry", str(folder / "registry.yaml")]
        options += ["--out", str(folder / "report")] if words[0] == "report" else []
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, words[0], SWEEP, *words[1:], *options],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return f"failed ({done.stderr.strip().splitlines()[-1]})"
        cpu_s, peak_mib = done.stderr.split()[-2:]
        return f"{time.perf_counter() - begun:.2f} s, CPU {cpu_s} s, {peak_mib} MiB"

    return run


def planning(folder: Path) -> str:
    """Making the plan, of which the commands find a kept one afterwards."""
    with tempfile.TemporaryDirectory() as cache:
        before, os.environ["CHEAPCONV_CACHE"] = os.environ["CHEAPCONV_CACHE"], cache
        told = command("plan")(folder)
        os.environ["CHEAPCONV_CACHE"] = before
    return told


def listing(folder: Path) -> str:
    """The names of all run folders."""
    from cheapconv.engine.store.runs import Store

    return timed(Store(folder / "runs").runs)


def looking(folder: Path) -> str:
    """A look of the follower at cells of which none has changed."""
    from cheapconv.engine.store.runs import Store
    from cheapconv.engine.track.follow import Follower

    store = Store(folder / "runs")
    follower = Follower(store, Nowhere(store), "none")
    follower.look()
    return timed(follower.look)


class Nowhere:
    """A sink (engine/track/follow.py) that takes everything at once."""

    def __init__(self, store: object) -> None:
        from cheapconv.engine.store.runs import Store
        from cheapconv.engine.track.sweep import TrackedSweep

        assert isinstance(store, Store)
        self.sweep = TrackedSweep(store.known_plan(SWEEP), ())

    def send(self, key: str) -> int:
        """Nothing is lacking."""
        return 0

    def conclude(self, *, goes_on: bool) -> None:
        """Nobody asks."""


def dealing(folder: Path) -> str:
    """What the driver takes to find the next list for one of 64 workers, at the beginning of a run."""
    from cheapconv.engine.run import planning as plans
    from cheapconv.engine.run.dealing import Dealing

    whole = plans.planned(SWEEP, folder / "registry.yaml", None, None, to_look=True)
    left = {planned.cell.key: planned.cell for planned in whole.cells}
    dealing = Dealing([*left.values()], None)
    return timed(lambda: dealing.next(left, (), 64))


TIMED: dict[str, Callable[[Path], str]] = {
    "planning": planning,
    "listing": listing,
    "plan": command("plan"),
    "status": command("status"),
    "status --json": command("status", "--json"),
    "looking": looking,
    "dealing": dealing,
    "report": command("report"),
}

if __name__ == "__main__":
    main()
