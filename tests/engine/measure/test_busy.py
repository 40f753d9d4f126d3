"""What other processes take of the CPUs, from files as Linux writes them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cheapconv.engine.measure import busy
from cheapconv.engine.store import process

OWN, CHILD, GRANDCHILD, STRANGER, OTHER, INIT = os.getpid(), 900_001, 900_002, 900_003, 900_004, 1
WINDOW = 30  # ticks of a core in the time between the two looks
PARENTS = {OWN: INIT, CHILD: OWN, GRANDCHILD: CHILD, STRANGER: INIT, OTHER: INIT, INIT: 0}


class Proc:
    """A folder like /proc of a machine of two cores."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write({}, 0, 0)

    def write(self, processes: dict[int, int], machine: int, stolen: int) -> None:
        """The ticks that each process has used, and the machine beside them as user and stolen time."""
        total = sum(processes.values()) + machine
        lines = [f"{name} {total} 0 0 99999 50 0 0 {stolen} 0 0" for name in ("cpu", "cpu0", "cpu1")]
        (self.folder / "stat").write_text("\n".join([*lines, "intr 1 2 3", "ctxt 4"]))
        for pid, parent in PARENTS.items():
            (self.folder / str(pid)).mkdir(exist_ok=True)
            ticks = processes.get(pid, 0)
            fields = f"R {parent} 1 1 0 -1 4194304 9 9 0 0 {ticks // 2} {ticks - ticks // 2} 7 7 20 0 1 0 100"
            (self.folder / str(pid) / "stat").write_text(f"{pid} (a (odd) name) {fields}")

    def until(self, processes: dict[int, int], machine: int = 0, stolen: int = 0) -> Callable[[float], None]:
        """A sleep in which so many ticks are used."""
        return lambda seconds: self.write(processes, machine, stolen)


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    monkeypatch.setattr(process, "PROC", tmp_path)
    monkeypatch.setattr(busy.os, "sysconf", lambda name: 100)
    return Proc(tmp_path)


def test_the_busiest_of_the_others_is_named(proc):
    said = busy.sentence(proc.until({STRANGER: 24, OTHER: 3, OWN: 5}))
    assert said == (
        f"other processes use 0.9 of 2 cores, 0.8 of them by process {STRANGER}: "
        "timings will be slow; stop them, or expect to measure again"
    )


def test_what_this_process_and_those_it_has_started_use_is_no_warning(proc):
    assert busy.sentence(proc.until({OWN: WINDOW, CHILD: 10, GRANDCHILD: 10})) == ""


def test_a_quiet_machine_is_no_warning(proc):
    assert busy.sentence(proc.until({STRANGER: 3, INIT: 1})) == ""
    assert busy.sentence(proc.until({STRANGER: 3 + 8})) != ""


def test_time_that_no_process_here_has_used_is_anothers(proc):
    """Of another container, or of the machine that lends this one its cores."""
    assert "0.5 of 2 cores, none that can be seen from here" in busy.sentence(proc.until({}, machine=10, stolen=5))


def test_a_process_that_ends_or_begins_between_the_looks_is_left_out(proc):
    def sleep(seconds: float) -> None:
        proc.write({STRANGER: 20}, 0, 0)
        (proc.folder / str(OTHER) / "stat").unlink()
        (proc.folder / "900005").mkdir()
        (proc.folder / "900005" / "stat").write_text("cut off")

    assert f"0.7 of 2 cores, 0.7 of them by process {STRANGER}" in busy.sentence(sleep)


def test_nothing_is_said_where_nobody_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "PROC", tmp_path / "nowhere")
    assert busy.sentence(lambda seconds: None) == ""


def test_it_is_a_warning_in_the_log(monkeypatch, caplog):
    monkeypatch.setattr(busy, "sentence", lambda: "other processes use 0.9 of 2 cores")
    busy.warn()
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "other processes use 0.9 of 2 cores")
    ]
    monkeypatch.setattr(busy, "sentence", lambda: "")
    busy.warn()
    assert len(caplog.records) == 1
