"""The commands that change the store: exit codes, what is written before training, measuring, cleaning."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import timings
from cheapconv.engine.measure.timings import Structure
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.plan.select import select
from cheapconv.engine.run import session
from cheapconv.engine.run.progress import Progress
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store import runs
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import TEMPORARY
from cheapconv.engine.store.records import Measurement, PlannedKey
from cheapconv.engine.store.runs import CHECKPOINT, RESULT, Store
from cheapconv.engine.train.checkpoint import Position
from tests.engine import tiny
from tests.engine.timed import a_timing
from tests.engine.tiny import ends


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    tiny.skip_timing(monkeypatch)
    tiny.skip_mlflow(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def run(store: Store, whole: Plan, chosen: Plan | None = None, **settings: Any) -> int:
    filled = {"device": "cpu", "threads": 1, "cohort": 1, "mlflow": tiny.NO_MLFLOW, **settings}
    return session.run(whole, chosen or whole, store.root, Settings(**filled))


def on_epoch(monkeypatch: pytest.MonkeyPatch, action: Any) -> None:
    """Do something at the end of every epoch."""
    told = Progress.epoch_ended

    def also(self: Progress, cell: Cell, position: Position) -> None:
        told(self, cell, position)
        action(cell, position)

    monkeypatch.setattr(Progress, "epoch_ended", also)


def test_a_sweep_runs_to_its_end(store, capsys):
    whole = tiny.planned_by("kd", epochs=2)
    assert run(store, whole) == 0
    out = capsys.readouterr().out
    assert "sweep: 2 done of 2 cells." in out
    assert "cheapconv report sweep" in out
    assert run(store, whole) == 0
    assert "epoch" not in capsys.readouterr().out  # nothing was trained


def test_what_to_do_next_names_the_store_and_the_registry(store, capsys, monkeypatch):
    whole, registry = tiny.planned("scratch", epochs=1), Path("my sweeps.yaml")
    run(store, whole, registry=registry)
    assert f"Next: cheapconv report sweep --store {store.root} --registry 'my sweeps.yaml'\n" in capsys.readouterr().out
    monkeypatch.chdir(store.root.parent)
    run(Store(Path("runs")), whole)  # both are the usual ones
    assert "Next: cheapconv report sweep\n" in capsys.readouterr().out


def test_failures_are_exit_code_1(store, capsys):
    assert run(store, tiny.planned("raising", "scratch", epochs=1)) == 1
    out = capsys.readouterr().out
    assert "sweep: 1 done, 1 failed of 2 cells." in out
    assert "--retry failed" in out
    assert run(store, tiny.planned("raising", "scratch", epochs=1)) == 1  # it has still failed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_exit_code_130_and_resumable(number, store, monkeypatch, capsys):
    whole = tiny.planned("scratch", "noisy", epochs=3)
    with monkeypatch.context() as patch:
        on_epoch(patch, lambda cell, position: os.kill(os.getpid(), number))
        assert run(store, whole) == 130
    assert "2 cells are left: the same command goes on where it stopped." in capsys.readouterr().out
    assert [store.run(p.cell.key).state().state for p in whole.cells] == ["stopped", "planned"]
    assert run(store, whole) == 0


def test_a_signal_after_the_last_epoch_interrupts_nothing(store, monkeypatch):
    on_epoch(monkeypatch, lambda cell, position: os.kill(os.getpid(), signal.SIGINT))
    assert run(store, tiny.planned("scratch", epochs=1)) == 0


def test_an_exhausted_time_budget_is_exit_code_3_and_resumable(store, capsys):
    whole = tiny.planned("scratch", epochs=2)
    assert run(store, whole, budget_s=0.0) == 3
    assert "sweep: 1 stopped of 1 cells." in capsys.readouterr().out
    assert run(store, whole) == 0
    assert store.run(whole.cells[0].cell.key).state().state == "done"


def test_the_whole_plan_is_written_whatever_is_chosen(store):
    whole = tiny.planned_by("kd", epochs=1)
    chosen = select(whole, "*/*/scratch")
    assert run(store, whole, chosen) == 0
    teacher, student = (p.cell for p in whole.cells)
    written = store.plan("sweep")
    assert written is not None
    assert (written.sweep, written.suite, written.recipe) == ("sweep", "tiny", "short")
    assert written.cells == (
        PlannedKey(key=teacher.key, entry="teacher"),
        PlannedKey(key=student.key, needs=(teacher.key,)),
    )
    for cell in (teacher, student):
        assert store.run(cell.key).cell().key == cell.key
    assert [store.run(cell.key).state().state for cell in (teacher, student)] == ["done", "planned"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"mlflow": "nonsense"}, "'nonsense' is no tracking URI"),
    ],
)
def test_a_mistake_is_found_before_anything_is_written(settings, message, store):
    with pytest.raises(UserError, match=message):
        run(store, tiny.planned("scratch"), **settings)
    assert not store.root.exists()


def test_a_full_disk_before_training_is_explained(store, monkeypatch):
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "write_json", full)
    with pytest.raises(UserError, match="cannot take more"):
        run(store, tiny.planned("scratch"))


def test_threads_are_set_or_left(store):
    session.settle(2)
    assert torch.get_num_threads() == 2
    session.settle(None)
    assert torch.get_num_threads() == 2


def test_measuring_takes_every_network_once_again(store, monkeypatch, capsys):
    calls: list[Structure] = []

    def pretend(structure: Structure, network: Any, device: torch.device, turn: Turn) -> Measurement:
        calls.append(structure)
        return a_timing(structure, median_ms=1.5, images_per_s=2000.0)

    monkeypatch.undo()  # `skip_timing`
    tiny.install(monkeypatch)
    monkeypatch.setattr(timings, "time_network", pretend)
    whole = tiny.planned("scratch", "noisy", {"conv": "group(groups=2)"})
    session.measure(whole, store.root, "cpu", 1)
    session.measure(whole, store.root, "cpu", 1)
    assert [structure.conv for structure in calls] == ["standard", "group(groups=2)"] * 2
    assert {(s.architecture, s.classes, s.shape) for s in calls} == {("wrn(depth=10, width=1)", 10, (3, 8, 8))}
    assert len(store.measurements()) == 2
    assert capsys.readouterr().out == (
        "WRN-10-1 S: 1.50 ms an image, 2000 images/s\nWRN-10-1 G(2): 1.50 ms an image, 2000 images/s\n" * 2
    )


def test_cleaning_removes_leftovers_of_cells_that_nobody_runs(store, capsys):
    whole = tiny.planned("scratch", "noisy", "raising", epochs=1)
    assert ends(store, whole)[0] == "done"
    done, running, planned = (store.run(p.cell.key).folder for p in whole.cells)
    for folder in (done, running, planned):
        (folder / f"{TEMPORARY}x").write_text("")
        (folder / CHECKPOINT).write_text("")
    (running / RESULT).unlink()
    with store.run(running.name).lock():
        session.clean(store.root)
    assert "removed 3 files" in capsys.readouterr().out
    assert not (done / CHECKPOINT).exists()
    assert (done / RESULT).exists()
    assert (planned / CHECKPOINT).exists()
    assert not (planned / f"{TEMPORARY}x").exists()
    assert (running / f"{TEMPORARY}x").exists()


def test_cleaning_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no store at"):
        session.clean(tmp_path / "nowhere")
