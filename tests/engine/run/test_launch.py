"""Running a plan: what is run, what is left alone, what watchers hear, and how two processes share a store."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import session
from cheapconv.engine.run.launch import Launcher
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.files import TEMPORARY
from cheapconv.engine.store.runs import CHECKPOINT, RESULT, Run, Store
from cheapconv.suites.place import Place
from tests.engine import tiny, watchers
from tests.engine.tiny import ends

pytestmark = pytest.mark.usefixtures("tiny_world")


def states(store: Store, whole: Plan) -> list[str]:
    return [store.run(p.cell.key).state().state for p in whole.cells]


def test_watchers_follow_a_cell(store):
    listener = watchers.Listener()
    ends(store, tiny.planned("scratch", epochs=2), listener)
    steps = [("stepped", 0, 1, 3), ("stepped", 0, 2, 3), ("stepped", 0, 3, 3)]
    later = [("stepped", 1, n, 3) for n in (1, 2, 3)]
    end = ("ended", "scratch", "done")
    assert listener.told == [("started", "scratch"), *steps, ("epoch", 1), *later, ("epoch", 2), end]


def test_what_is_done_is_not_run_again_and_needs_no_data(store, monkeypatch):
    whole = tiny.planned_by("kd", epochs=1)
    assert ends(store, whole) == ["done", "done"]
    monkeypatch.setattr(tiny.Tiny, "load", lambda *args: pytest.fail("data loaded"))
    listener = watchers.Listener()
    assert ends(store, whole, listener) == ["done", "done"]
    assert listener.told == [("ended", "scratch", "done"), ("ended", "kd", "done")]


def test_data_is_loaded_once_and_before_anything_trains(store, monkeypatch):
    def missing(*args: Any) -> Any:
        raise UserError("no data here.")

    monkeypatch.setattr(tiny.Tiny, "load", missing)
    whole = tiny.planned("scratch", "noisy", epochs=1)
    with pytest.raises(UserError, match="no data here"):
        ends(store, whole)
    assert states(store, whole) == ["planned", "planned"]
    loads: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tiny.Tiny, "load", lambda self, *args: loads.append(args) or tiny.data())
    assert ends(store, whole, data=Path("there"), download=True) == ["done", "done"]
    assert loads == [(Path("there"), True)]


def test_data_is_given_back_when_no_cell_of_its_suite_is_left(store):
    held: list[bool] = []

    class Look(watchers.Watcher):
        def ended(self, cell: Cell, state: str) -> None:
            held.append(bool(launcher._data))

    whole = tiny.planned("scratch", "noisy", epochs=1)
    session.write_plan(store, whole)
    launcher = Launcher(store, Place(tiny.CPU), watchers=[Look()])
    launcher.run([p.cell for p in whole.cells])
    assert held == [True, True]
    assert launcher._data == {}


# Stopping


def test_a_stop_ends_the_sweep_and_is_no_failure(store):
    whole = tiny.planned("scratch", "noisy", epochs=2)
    stop = watchers.StopAfter(4, "scratch")
    assert ends(store, whole, stop, should_stop=stop) == ["stopped", "not reached"]
    assert states(store, whole) == ["stopped", "planned"]
    assert (store.run(whole.cells[0].cell.key).folder / CHECKPOINT).exists()
    listener = watchers.Listener()
    assert ends(store, whole, listener) == ["done", "done"]
    assert listener.told[1] == ("stepped", 1, 2, 3)


def test_a_stop_before_the_first_step_starts_nothing(store):
    listener = watchers.Listener()
    assert ends(store, tiny.planned("scratch"), listener, should_stop=lambda: True) == ["stopped"]
    assert listener.told == [("ended", "scratch", "stopped")]


def test_leftovers_of_a_killed_process_are_gone_when_its_cell_goes_on(store):
    whole = tiny.planned("scratch", epochs=1)
    folder = store.run(whole.cells[0].cell.key).folder
    (folder / "networks").mkdir(parents=True)
    (folder / f"{TEMPORARY}abc").write_text("half a checkpoint")
    (folder / "networks" / f"{TEMPORARY}xyz").write_text("half a network")

    class Look(watchers.Watcher):
        def started(self, cell: Cell) -> None:
            assert not list(folder.rglob(f"{TEMPORARY}*"))

    assert ends(store, whole, Look()) == ["done"]


def test_a_resumed_cell_says_how_far_it_is(store):
    whole, seen = tiny.planned("scratch", epochs=2), []
    key = whole.cells[0].cell.key

    class Look(watchers.Watcher):
        def started(self, cell: Cell) -> None:
            seen.append(store.run(key).state().epoch)

    stop = watchers.StopAfter(4, "scratch")
    ends(store, whole, Look(), stop, should_stop=stop)
    ends(store, whole, Look())
    assert seen == [0, 1]


# Several processes


def test_a_cell_that_another_process_runs_is_left_to_it(store):
    whole = tiny.planned("scratch", "noisy", epochs=1)
    folder = store.run(whole.cells[0].cell.key).folder
    folder.mkdir(parents=True)
    with filelock.FileLock(folder / "lock"):
        assert ends(store, whole) == ["running", "done"]
    assert not (folder / RESULT).exists()
    assert ends(store, whole) == ["done", "done"]


def test_a_cell_that_was_left_to_another_process_is_taken_when_that_is_gone(store):
    whole = tiny.planned_by("kd", epochs=1)
    folder = store.run(whole.cells[0].cell.key).folder
    folder.mkdir(parents=True)
    lock = filelock.FileLock(folder / "lock")

    class Vanish(watchers.Listener):
        def ended(self, cell: Cell, state: str) -> None:
            super().ended(cell, state)
            if state == "waiting":
                lock.release()

    listener = Vanish()
    with lock:
        assert ends(store, whole, listener) == ["done", "done"]
    told = [word for word in listener.told if word[0] == "ended"]
    assert [word[1:] for word in told] == [
        *(("scratch", "running"), ("kd", "waiting")),
        *(("scratch", "done"), ("kd", "done")),
    ]


def test_a_cell_that_another_process_has_just_ended_is_not_trained_again(store, monkeypatch):
    """Between the look at its state and its lock."""
    whole, take = tiny.planned("scratch", epochs=1), Run.lock
    other = Store(store.root.parent / "other")
    ends(other, whole)

    @contextmanager
    def end_then_lock(self: Run) -> Iterator[bool]:
        shutil.copytree(other.run(self.key).folder, self.folder, dirs_exist_ok=True)
        with take(self) as mine:
            yield mine

    monkeypatch.setattr(Run, "lock", end_then_lock)
    listener = watchers.Listener()
    assert ends(store, whole, listener) == ["done"]
    assert listener.told == [("ended", "scratch", "done")]


def test_a_cell_killed_after_its_result_is_done_and_not_trained_again(store, monkeypatch):
    def killed(*args: Any) -> None:
        raise KeyboardInterrupt

    whole = tiny.planned("scratch", epochs=1)
    folder = store.run(whole.cells[0].cell.key).folder
    with monkeypatch.context() as patch:
        patch.setattr(Run, "tidy", lambda self: killed() if self.result() else 0)
        with pytest.raises(KeyboardInterrupt):
            ends(store, whole)
    assert (folder / RESULT).exists()
    assert (folder / CHECKPOINT).exists()
    assert states(store, whole) == ["done"]
    listener = watchers.Listener()
    assert ends(store, whole, listener) == ["done"]
    assert listener.told == [("ended", "scratch", "done")]
    assert store.tidy() == 1
    assert not (folder / CHECKPOINT).exists()


@pytest.mark.parametrize("text", [None, "", '{"schema": 2}'])
def test_the_same_command_heals_a_damaged_result(text, store):
    whole = tiny.planned_by("kd", epochs=1)
    ends(store, whole)
    teacher = store.run(whole.cells[0].cell.key)
    before = teacher.result()
    (teacher.folder / RESULT).unlink()
    if text is not None:
        (teacher.folder / RESULT).write_text(text)
    assert states(store, whole) == ["damaged", "done"]
    listener = watchers.Listener()
    assert ends(store, whole, listener) == ["done", "done"]
    assert [told for told in listener.told if told[0] == "started"] == [("started", "scratch")]
    after = teacher.result()
    assert before is not None
    assert after is not None
    assert after.networks == before.networks


# Details


def test_the_environment_says_where_the_cell_ran(store):
    whole = tiny.planned("scratch", epochs=1)
    ends(store, whole)
    [environment] = store.run(whole.cells[0].cell.key).environments()
    assert (environment.device, environment.threads, environment.precision) == ("cpu", 1, "fp32")
    assert environment.compile is False
    assert environment.start <= environment.end


def test_a_cell_that_went_on_says_on_what_each_time(store):
    whole = tiny.planned("scratch", epochs=2)
    stop = watchers.StopAfter(4, "scratch")
    ends(store, whole, stop, should_stop=stop)
    ends(store, whole)
    first, second = store.run(whole.cells[0].cell.key).environments()
    assert first.end is None
    assert second.end is not None


def test_a_recipe_comes_back_from_its_cell():
    cell = tiny.planned("scratch", batch=8, precision="bf16").cells[0].cell
    assert recipe_of(cell) == tiny.RECIPE.override(batch=8, precision="bf16")


@pytest.mark.gpu
def test_a_cell_on_cuda_in_bf16_is_stopped_and_resumed(store):
    """No promise of equal bits there; it must go on and end."""
    whole = tiny.planned_by("kd", epochs=2, precision="bf16")
    stop = watchers.StopAfter(4, "kd")
    cuda = torch.device("cuda")
    assert ends(store, whole, stop, should_stop=stop, device=cuda) == ["done", "stopped"]
    listener = watchers.Listener()
    assert ends(store, whole, listener, device=cuda) == ["done", "done"]
    assert ("stepped", 1, 2, 3) in listener.told
    environment = store.run(whole.cells[1].cell.key).environments()[-1]
    assert environment.device.startswith("cuda")


@pytest.mark.gpu
def test_cells_whose_steps_are_captured_end(store, caplog):
    """On batches that come often enough to be recorded."""
    whole = tiny.planned_by("kd", epochs=2, batch=4)
    assert ends(store, whole, device=torch.device("cuda"), capture=True) == ["done", "done"]
    assert "cannot be captured" not in caplog.text


def test_a_cell_of_several_gpus_is_trained_beside_none_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, tried = tiny.planned("scratch", {"method": "noisy", "gpus": 2}, epochs=1), list[list[int]]()

    def attempt(self: Launcher, first: Cell, cells: list[Cell], left: object) -> list[Cell]:
        tried.append([cell.gpus for cell in cells])
        for cell in cells:
            self._events.ended(cell, "failed")
        return list(cells)

    monkeypatch.setattr(Launcher, "_attempt_together", attempt)
    store = Store(tmp_path / "runs")
    store.prepare()
    made = Launcher(store, tiny.PLACE, measure=lambda *given: None, places=lambda gpus: [tiny.PLACE] * gpus)
    made.run([planned.cell for planned in whole.cells])
    assert tried == [[1], [2]]
