"""What cells cost beside their training: 10,000 of them to plan, to look at and to report; the start of one, and the
process that tracks it.

    TMPDIR=/dev/shm python -m pytest benchmarks/test_overheads.py --benchmark-only

CHEAPCONV_BENCH_CELLS takes fewer of them. `plan`, `status` and `report` are the commands, each in a process of its own
whose peak memory and seconds of CPU stand beside the time.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.many import Many, made
from cheapconv import catalog
from cheapconv.engine.measure import timings
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.read.registry import Sweep
from cheapconv.engine.run import planning, session
from cheapconv.engine.run.launch import Launcher
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import server
from cheapconv.engine.train.checkpoint import Position
from cheapconv.suites.place import Place

CELLS = int(os.environ.get("CHEAPCONV_BENCH_CELLS", "10000"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    folder = tmp_path_factory.mktemp("many")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHEAPCONV_CACHE", str(folder / "cache"))
        yield made(folder, CELLS)


COMMAND = """\
import resource, sys
from cheapconv import runner
try:
    runner.main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(round(used.ru_utime + used.ru_stime, 2), int(peak) // 1024, file=sys.stderr)
"""


@pytest.mark.benchmark(group=f"{CELLS} cells")
def test_planning(benchmark: Any, many: Many, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEAPCONV_CACHE", str(tmp_path))
    benchmark.pedantic(lambda: planning.planned("many", many.registry, None, None), rounds=1)


@pytest.mark.benchmark(group=f"{CELLS} cells")
@pytest.mark.parametrize("what", ["plan", "status", "report"])
def test_commands(benchmark: Any, many: Many, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEAPCONV_CACHE", str(many.registry.parent / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    options = ["--registry", str(many.registry), "--store", str(many.store.root)]
    options += ["--out", str(tmp_path)] if what == "report" else []
    command = [sys.executable, "-c", COMMAND, what, "many", *options]
    told = benchmark.pedantic(lambda: subprocess.run(command, capture_output=True, text=True, check=True), rounds=1)
    cpu_s, peak_mib = told.stderr.split()
    benchmark.extra_info |= {"cpu_s": float(cpu_s), "peak_mib": int(peak_mib)}


class Gaps:
    """A watcher that times what lies between the end of a cell and the first step of the next one."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._at: list[float] = []  # of the end of a cell and the ends of the steps that follow

    def started(self, cell: Cell) -> None:
        """Nothing yet: building its networks is a part of the start."""

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """The second step tells what the first one took of the time to its end."""
        self._at.append(time.perf_counter())
        if len(self._at) == 3:
            ended, first, second = self._at
            self.seconds.append(first - ended - (second - first))

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """Nothing: it is the training's."""

    def ended(self, cell: Cell, state: str) -> None:
        """The gap begins."""
        self._at = [time.perf_counter()]


def planned_few(suite: str, architecture: str, *, taught: bool = True, **recipe: Any) -> Plan:
    """A teacher, and six students of it."""
    teacher = {"name": "teacher", "architecture": architecture, "conv": "standard", "method": "scratch"}
    methods = [{name: {"teacher": "teacher"}} for name in ("kd", "at")]
    grid = {"architecture": architecture, "conv": ["G(4)", "G(N)", "BG(2,M/8)"], "method": methods}
    body = {"suite": suite, "recipe": "short", "seeds": [0], "plugins": ["benchmarks.synthetic"], **recipe}
    whole = Sweep.model_validate(body | {"entries": [teacher, grid] if taught else [teacher]})
    return planning.plan(whole, "few" if taught else "one")


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are not timed: that is a piece of work of its own."""
    monkeypatch.setattr(timings, "take", lambda *args: None)


@pytest.mark.benchmark(group="the start of a cell")
@pytest.mark.parametrize(
    ("suite", "architecture"),
    [("digits", "wrn(depth=10, width=2)"), ("synthetic(images=64, tested=64)", "wrn(depth=40, width=2)")],
)
def test_start_of_a_cell(benchmark: Any, suite: str, architecture: str, tmp_path: Path, untimed: None) -> None:
    """Of cells one after the other; the first start, which imports and opens, is none of them."""
    catalog.load()
    whole, store, gaps = planned_few(suite, architecture, epochs=1, batch=16), Store(tmp_path), Gaps()
    session.write_plan(store, whole)
    launcher = Launcher(store, Place(torch.device("cpu")), settings=Settings(cohort=1), watchers=[gaps])
    benchmark.pedantic(lambda: launcher.run([planned.cell for planned in whole.cells]), rounds=1)
    start_s, longest_s = statistics.median(gaps.seconds), max(gaps.seconds)
    benchmark.extra_info |= {"start_s": round(start_s, 3), "longest_s": round(longest_s, 3)}


@pytest.mark.benchmark(group="tracking")
def test_tracking(benchmark: Any, tmp_path: Path, untimed: None) -> None:
    """Seconds of CPU of a run and its follower: of a run of one cell, and of each of six cells more, 8 epochs long."""
    catalog.load()
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    server.connect(uri)  # which makes the database
    used: list[list[float]] = []

    def run(whole: Plan) -> None:
        whos = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        before = [cpu_s(who) for who in whos]
        session.run(whole, whole, tmp_path / whole.sweep, Settings(device="cpu", threads=1, mlflow=uri))
        used.append([cpu_s(who) - then for who, then in zip(whos, before, strict=True)])

    run(planned_few("digits", "wrn(depth=10, width=2)", taught=False))
    whole = planned_few("digits", "wrn(depth=10, width=2)")
    benchmark.pedantic(lambda: run(whole), rounds=1)
    cell_s, follower_s = ((of_all - of_one) / 6 for of_one, of_all in zip(*used, strict=True))
    told = {"follower_of_one_cell_s": used[0][1], "a_cell_more_s": cell_s, "its_follower_s": follower_s}
    benchmark.extra_info |= {name: round(seconds, 3) for name, seconds in told.items()}


def cpu_s(who: int) -> float:
    """User and system seconds of this process, or of its children that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
