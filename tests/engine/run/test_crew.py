"""Several processes that train: the same bits, one console, deaths, mistakes, a stop."""

import errno
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import crew, session
from cheapconv.engine.run.crew import Crew, places
from cheapconv.engine.run.forked import connected
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.run.worker import work
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import RESULT, Run, Store
from cheapconv.engine.train.checkpoint import Position
from cheapconv.suites.place import Place
from tests.engine import tiny, watchers
from tests.engine.outcomes import assert_same

EPOCHS = 2


@pytest.fixture(autouse=True)
def world(tiny_world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers know the tiny suite too."""
    monkeypatch.setattr(catalog, "plugins", lambda: ("tests.plugin",))


def run(
    store: Store, whole: Plan, *watchers: Any, workers: int = 2, stop: Any = lambda: False, **settings: Any
) -> list[str]:
    """How each cell ended."""
    session.write_plan(store, whole)
    made = Crew(store, [Place(tiny.CPU)] * workers, settings=Settings(**settings), watchers=watchers, should_stop=stop)
    ends = made.run([planned.cell for planned in whole.cells])
    return [ends.get(planned.cell.key, "not reached") for planned in whole.cells]


def lesson(**fields: Any) -> Plan:
    """A teacher and four students, of two seeds."""
    grid = {"method": [{"kd": {"teacher": "teacher"}}, "noisy"], "seeds": [0, 1]}
    return tiny.planned({"name": "teacher", "seeds": [5]}, grid, **{"epochs": EPOCHS, **fields})


def test_two_workers_give_the_bits_of_one_process(store, tmp_path):
    whole, alone, told = lesson(), Store(tmp_path / "alone"), watchers.Listener()
    assert [*tiny.run(alone, whole).values()] == ["done"] * 5
    assert run(store, whole, told) == ["done"] * 5
    for planned in whole.cells:
        assert_same(store, alone, planned.cell.key)
    assert sum(event[0] == "started" for event in told.told) == 5
    assert sum(event[0] == "epoch" for event in told.told) == 5 * EPOCHS
    assert sum(event[0] == "ended" for event in told.told) == 5
    assert told.told.index(("ended", "scratch", "done")) < told.told.index(("started", "kd"))


class Kill(watchers.Watcher):
    """Kills the worker that has come to the end of an epoch of a method's cell, so many times."""

    def __init__(self, method: str, times: int) -> None:
        self.method, self.left = method, times
        self.crew: Crew | None = None

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """As the kernel would do it."""
        if cell.method != self.method or not self.left:
            return
        assert self.crew is not None
        for worker in self.crew._workers.values():
            if cell.key in worker.cells and worker.process.pid:
                self.left -= 1
                os.kill(worker.process.pid, signal.SIGKILL)


def run_killed(store: Store, whole: Plan, kill: Kill, workers: int) -> list[str]:
    session.write_plan(store, whole)
    kill.crew = Crew(store, [Place(tiny.CPU)] * workers, watchers=[kill])
    ends = kill.crew.run([planned.cell for planned in whole.cells])
    return [ends[planned.cell.key] for planned in whole.cells]


def test_a_worker_that_dies_is_replaced_and_its_cells_go_on(store, tmp_path, caplog):
    whole, alone = lesson(epochs=6), Store(tmp_path / "alone")
    tiny.run(alone, whole)
    assert run_killed(store, whole, Kill("kd", times=1), workers=2) == ["done"] * 5
    assert "a process that trained was ended by SIGKILL" in caplog.text
    for planned in whole.cells:
        assert_same(store, alone, planned.cell.key)


def test_a_worker_whose_gpu_answers_no_more_is_replaced_too(store, monkeypatch, caplog):
    monkeypatch.setattr(catalog, "plugins", lambda: ("tests.plugin_lost",))
    assert run(store, tiny.planned("noisy", "raising", epochs=2), workers=1) == ["done", "failed"]
    assert "the GPU answers this process no more, as a step of WRN-10-1 S raising seed 0 was told" in caplog.text
    assert "the GPU answers this process no more since WRN-10-1 S raising seed 0 failed" in caplog.text  # alone
    assert "a process that trained has ended with code 1: its 2 cells go on" in caplog.text


@pytest.mark.slow
def test_a_cell_that_kills_every_process_fails_and_the_others_do_not(store):
    whole = tiny.planned("noisy", "scratch", epochs=60)
    assert run_killed(store, whole, Kill("noisy", times=3), workers=1) == ["failed", "done"]
    error = store.run(whole.cells[0].cell.key).state().error
    assert error == "each of 3 processes that trained it was ended by SIGKILL"


class Dead:
    """A process that was killed."""

    exitcode = -signal.SIGKILL

    def join(self) -> None:
        """It has ended."""


def mourning(store: Store, cell: Cell) -> Crew:
    """A crew whose only worker died with a cell that had killed all but one of those that it may kill."""
    made = Crew(store, [Place(tiny.CPU)])
    made._workers = {0: crew.Worker(Dead(), None, {cell.key: cell}, idle=False)}  # type: ignore[arg-type]
    made._deaths[cell.key] = crew.DEATHS - 1
    return made


def test_a_cell_whose_folder_is_lost_fails_all_the_same(store):
    [planned] = tiny.planned("scratch").cells
    store.prepare()
    made = mourning(store, planned.cell)
    made._bury(0, {})
    assert made._events.ends == {planned.cell.key: "failed"}
    assert store.run(planned.cell.key).cell() is not None


def test_a_disk_that_is_full_at_a_burial_ends_the_run_in_a_sentence(store, monkeypatch):
    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    [planned] = tiny.planned("scratch").cells
    store.prepare()
    monkeypatch.setattr(Run, "fail", full)
    made = mourning(store, planned.cell)
    with pytest.raises(UserError, match="make room and run again"):
        made._bury(0, {})


def test_a_mistake_of_the_users_in_a_worker_is_the_runs(store, tmp_path):
    whole = tiny.planned("scratch", epochs=1)
    session.write_plan(store, whole)
    cells = [planned.cell for planned in whole.cells]
    made = Crew(Store(tmp_path / "nowhere"), [Place(tiny.CPU)])
    with pytest.raises(UserError, match="is gone: put it back"):
        made.run(cells)
    assert made._workers == {}


def test_a_stop_stops_every_worker_and_all_go_on(store, tmp_path):
    whole, alone = lesson(epochs=12), Store(tmp_path / "alone")
    stop = watchers.StopAfter(1, "noisy")
    ends = run(store, whole, stop, stop=stop)
    assert "stopped" in ends
    assert "failed" not in ends
    assert run(store, whole) == ["done"] * 5
    tiny.run(alone, whole)
    for planned in whole.cells:
        assert_same(store, alone, planned.cell.key)


def test_a_failure_is_told_and_failing_fast_ends_the_run(store):
    whole = tiny.planned("raising", {"method": "noisy", "seeds": [0, 1, 2]}, epochs=EPOCHS)
    assert run(store, whole) == ["failed", "done", "done", "done"]
    other = tiny.planned("raising", {"method": "noisy", "seeds": [3]}, epochs=3)
    assert run(Store(store.root.parent / "other"), other, workers=1, fail_fast=True) == ["failed", "not reached"]


def test_what_is_done_is_done(store):
    whole = tiny.planned("scratch", epochs=1)
    assert run(store, whole) == ["done"]
    before = (store.run(whole.cells[0].cell.key).folder / RESULT).stat().st_mtime_ns
    assert run(store, whole) == ["done"]
    assert (store.run(whole.cells[0].cell.key).folder / RESULT).stat().st_mtime_ns == before


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(crew, "cores", lambda: 4)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_places_are_cores_or_gpus(four_cores):
    assert places(tiny.CPU) == [Place(tiny.CPU, 4)]
    assert places(tiny.CPU, None) == [Place(tiny.CPU, 1)] * 4
    assert places(tiny.CPU, 2) == [Place(tiny.CPU, 2)] * 2
    assert places(tiny.CPU, 2, threads=3) == [Place(tiny.CPU, 3)] * 2
    first, second = (torch.device("cuda", number) for number in (0, 1))
    assert [place.device for place in places(first, None, gpus=2)] == [first, second]
    assert [place.device for place in places(first, 3, gpus=2)] == [first, second, first]
    assert [place.device for place in places(second, 2)] == [second, second]
    assert [place.sharing for place in places(first, 3, gpus=2)] == [2, 1, 2]
    assert [place.sharing for place in places(second, 3)] == [3, 3, 3]
    assert [place.sharing for place in places(tiny.CPU, 3)] == [1, 1, 1]  # each has cores of its own


def test_a_worker_ends_well_when_the_run_closes_its_connection(store):
    process, connection = connected(work, store.root, Place(tiny.CPU), Settings(), ("tests.plugin",))
    connection.send([])
    assert connection.recv() == ("idle", ())
    connection.close()
    process.join(60)
    assert process.exitcode == 0
