"""The commands that change the store: exit codes, what is written before training, measuring, cleaning."""

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import profiled, turn
from cheapconv.engine.measure.passes import Work
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.plan.select import select
from cheapconv.engine.run import measuring, session
from cheapconv.engine.run.progress import Progress
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store import runs
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import TEMPORARY
from cheapconv.engine.store.plans import PlannedKey
from cheapconv.engine.store.runs import CHECKPOINT, RESULT, Store
from cheapconv.engine.track.sent import Sent, remember
from cheapconv.engine.train.checkpoint import Position
from tests.engine import tiny
from tests.engine.timed import Watch
from tests.engine.tiny import ends


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)
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


def test_a_link_to_mlflow_is_shown_only_where_something_arrived(store, capsys, monkeypatch):
    monkeypatch.setattr(session, "following", lambda *given: contextlib.nullcontext())
    whole, uri = tiny.planned("scratch", epochs=1), "http://127.0.0.1:9"
    run(store, whole, mlflow=uri)
    assert "Tracking:" not in capsys.readouterr().out
    remember(store.root, uri, whole.sweep, Sent(experiment_id="7"))
    run(store, whole, mlflow=uri)
    assert f"Tracking: {uri}/#/experiments/7" in capsys.readouterr().out


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


@pytest.fixture
def quiet(monkeypatch, tmp_path) -> None:
    """A machine that nobody else uses or times, where nothing is profiled either."""
    monkeypatch.setattr(profiled, "operators", lambda *_: ())
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(session.busy, "sentence", lambda: "")


def test_measuring_takes_every_network_once_again(store, quiet, capsys):
    whole, watch = tiny.planned("scratch", "noisy", {"conv": "group(groups=2)"}), Watch(one_s=0.0015, many_s=0.064)
    session.measure(whole, store.root, "cpu", 1, watch)
    session.measure(whole, store.root, "cpu", 1, watch)
    assert watch.warmed == ["WRN-10-1 S", "WRN-10-1 G(2)"] * 2
    assert watch.sliced[:4] == ["WRN-10-1 S", "WRN-10-1 G(2)", "WRN-10-1 G(2)", "WRN-10-1 S"]
    assert {(m.architecture, m.classes, m.input) for m in store.measurements.all()} == {
        ("wrn(depth=10, width=1)", 10, (3, 8, 8))
    }
    assert len(store.measurements.all()) == 2
    passes = [f"onnxruntime fp32: pass {number} of 5 over 2 networks" for number in range(1, 6)]
    timings = [f"WRN-10-1 {conv}, onnxruntime fp32: 1.5 ms an image, 2000 images/s" for conv in ("S", "G(2)")]
    assert capsys.readouterr().out.splitlines() == [*passes, *timings] * 2


def test_what_is_repeated_says_so(store, quiet, capsys):
    """The machine is slow in the first two passes, whose slices do not count then."""
    session.measure(tiny.planned("scratch"), store.root, "cpu", 1, Watch([0.5] * 4), "eager")
    passes = [line for line in capsys.readouterr().out.splitlines() if ": pass " in line]
    assert passes[4:] == [
        "eager fp32: pass 5 of 5 over 1 network",
        *(f"eager fp32: pass {number} of 2 over 1 network in doubt, again" for number in (1, 2)),
    ]


def test_networks_are_held_in_groups(store, quiet, monkeypatch):
    monkeypatch.setattr(measuring, "HELD", 2)
    convs = [f"group(groups={groups})" for groups in (2, 4, 8)]
    watch = Watch()
    session.measure(tiny.planned(*({"conv": conv} for conv in convs)), store.root, "cpu", 1, watch, "eager")
    assert {*watch.sliced[:10]} == {"WRN-10-1 G(2)", "WRN-10-1 G(4)"}
    assert watch.sliced[10:] == ["WRN-10-1 G(8)"] * 5


def test_a_group_ends_where_half_of_the_free_memory_is_taken(store, quiet, monkeypatch):
    free = iter([100, 60, 40, 100])
    monkeypatch.setattr(measuring, "free_bytes", lambda device: next(free))
    whole = tiny.planned(*({"conv": f"group(groups={groups})"} for groups in (2, 4, 8)))
    watch = Watch()
    session.measure(whole, store.root, "cpu", 1, watch, "eager")
    assert watch.sliced[10:] == ["WRN-10-1 G(8)"] * 5


def test_an_earlier_group_is_timed_again_when_the_machine_turns_out_to_be_faster(store, quiet, monkeypatch, capsys):
    monkeypatch.setattr(measuring, "HELD", 1)
    watch = Watch([0.5] * 6)  # the first group's passes ask ten times; the last ones are at full speed
    session.measure(tiny.planned("scratch", {"conv": "group(groups=2)"}), store.root, "cpu", 1, watch, "eager")
    assert watch.sliced == ["WRN-10-1 S"] * 5 + ["WRN-10-1 G(2)"] * 5 + ["WRN-10-1 S"] * 3
    assert watch.warmed[-1] == "WRN-10-1 S"
    assert "WRN-10-1 S, eager fp32: 1 ms" in capsys.readouterr().out
    assert {m.doubt for m in store.measurements.all()} == {""}


def test_a_plan_that_loses_cells_says_so(store, caplog):
    session.write_plan(store, tiny.planned("scratch", "noisy"))
    session.write_plan(store, tiny.planned("scratch", "noisy"))
    assert not caplog.text
    session.write_plan(store, tiny.planned("scratch"))
    assert "sweep: the plan before had 1 cell that this one has not; results are kept" in caplog.text


def test_a_doubt_is_kept_and_told(store, quiet, capsys, caplog):
    session.measure(tiny.planned("scratch"), store.root, "cpu", 1, Watch([1.0, 0.5] * 50), "eager")
    [kept] = store.measurements.all()
    assert kept.doubt == "at times the machine was at 50 % of the best speed of that measuring"
    assert f"(doubtful: {kept.doubt})" in capsys.readouterr().out
    assert "measure again when the machine is quiet" in caplog.text


def test_a_network_that_does_not_run_costs_no_other_its_timing(store, quiet, caplog):
    class Broken(Watch):
        def warm(self, work: Work) -> None:
            if work.name.endswith("S"):
                raise RuntimeError("no such kernel")
            super().warm(work)

    session.measure(tiny.planned("scratch", {"conv": "group(groups=2)"}), store.root, "cpu", 1, Broken(), "eager")
    assert [m.conv for m in store.measurements.all()] == ["group(groups=2)"]
    assert "WRN-10-1 S could not be timed (no such kernel)" in caplog.text


def test_a_machine_that_others_have_ends_the_measuring(store, quiet, monkeypatch, tmp_path):
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="the folder for temporary files cannot be used"):
        session.measure(tiny.planned("scratch"), store.root, "cpu", 1, Watch())


def test_others_that_keep_the_machine_busy_are_told_before_anything_is_timed(store, quiet, monkeypatch, caplog):
    class Late(Watch):
        def warm(self, work: Work) -> None:
            assert "other processes use 0.9 of 2 cores" in caplog.text
            super().warm(work)

    monkeypatch.setattr(session.busy, "sentence", lambda: "other processes use 0.9 of 2 cores")
    watch = Late()
    session.measure(tiny.planned("scratch"), store.root, "cpu", 1, watch, "eager")
    assert watch.warmed


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
