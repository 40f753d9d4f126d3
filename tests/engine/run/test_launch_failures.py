"""Failures: what they leave behind, what goes on, and what a full disk does not destroy."""

import errno
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import timings, turn
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.store import runs
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import TEMPORARY, write_json
from cheapconv.engine.store.runs import CHECKPOINT, ENVIRONMENT, RESULT, Run, Store
from cheapconv.engine.train import checkpoint
from tests.engine import tiny, toys, watchers
from tests.engine.outcomes import assert_same
from tests.engine.tiny import ends

pytestmark = pytest.mark.usefixtures("tiny_world")


def states(store: Store, whole: Plan) -> list[str]:
    return [store.run(p.cell.key).state().state for p in whole.cells]


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_cell_that_diverges_fails_and_the_next_one_runs(value, store):
    whole = tiny.planned({"method": {"diverging": {"value": value}}}, "scratch")
    assert ends(store, whole) == ["failed", "done"]
    failed = whole.cells[0].cell.key
    state = store.run(failed).state()
    assert state.state == "failed"
    assert state.error == f"Diverged: the loss term 'drift' became {value} in epoch 1"
    assert "Traceback" in (store.run(failed).folder / "error.txt").read_text()
    assert not (store.run(failed).folder / CHECKPOINT).exists()  # it would only diverge again
    assert store.run(failed).result() is None


@pytest.mark.parametrize("weight", ["nan", "inf"])
def test_weights_that_the_last_step_has_spoiled_are_a_failure(weight, store):
    """Its losses were finite, and its accuracy would be printed."""
    student = {"method": {"kd": {"teacher": "teacher"}}}
    whole = tiny.planned({"name": "teacher", "method": {"spoiled": {"weight": weight}}}, student, "scratch", epochs=1)
    assert ends(store, whole) == ["failed", "waiting", "done"]
    failed = store.run(whole.cells[0].cell.key)
    assert failed.state().error == "Diverged: the weights of student are NaN or infinite after the last epoch"
    assert failed.result() is None
    assert not (failed.folder / "networks").exists()
    assert not (failed.folder / CHECKPOINT).exists()


def test_a_network_that_has_learnt_nothing_is_done_with_a_warning_and_so_are_its_students(store, caplog):
    student = {"method": {"kd": {"teacher": "teacher"}}}
    whole = tiny.planned({"name": "teacher", "method": {"spoiled": {"weight": "0"}}}, student, epochs=1)
    assert ends(store, whole) == ["done", "done"]
    teacher, taught = (store.run(planned.cell.key).result() for planned in whole.cells)
    assert [(w.kind, w.text) for w in teacher.warnings] == [
        ("constant", "student answers every test image with the same class")
    ]
    assert ("teacher", "the teacher had learnt nothing") in [(w.kind, w.text) for w in taught.warnings]
    assert store.run(whole.cells[0].cell.key).curve()[-1].flaws == {"student": "constant"}
    told = "the score of WRN-10-1 S spoiled(weight=0) seed 0 means nothing: student answers every test image"
    assert told in caplog.text


def test_an_error_is_one_line_in_the_state_and_a_traceback_beside_it(store):
    whole = tiny.planned("raising", epochs=1)
    assert ends(store, whole) == ["failed"]
    key = whole.cells[0].cell.key
    assert store.run(key).state().error == "ArithmeticError: seven is not a number"
    trace = (store.run(key).folder / "error.txt").read_text()
    assert "and neither is eight" in trace
    assert "toys.py" in trace


def test_a_method_that_exits_fails_its_own_cell(store, monkeypatch):
    monkeypatch.setattr(toys.Raising, "losses", lambda *given: sys.exit(0))
    whole = tiny.planned("raising", "scratch", epochs=1)
    assert ends(store, whole) == ["failed", "done"]
    run = store.run(whole.cells[0].cell.key)
    assert run.state().error == "SystemExit: 0"
    assert "sys.exit(0)" in (run.folder / "error.txt").read_text()


def test_failed_cells_are_run_again_on_request_only(store, monkeypatch):
    whole = tiny.planned("raising", epochs=1)
    ends(store, whole)
    monkeypatch.setattr(toys.Raising, "broken", False)
    listener = watchers.Listener()
    assert ends(store, whole, listener) == ["failed"]
    assert listener.told == [("ended", "raising", "failed")]
    assert ends(store, whole, retry_failed=True) == ["done"]
    key = whole.cells[0].cell.key
    assert store.run(key).state().error is None
    assert not (store.run(key).folder / "error.txt").exists()


def test_a_cell_that_begins_anew_counts_no_earlier_start(store, monkeypatch):
    whole = tiny.planned("raising", epochs=1)
    ends(store, whole)
    run = store.run(whole.cells[0].cell.key)
    write_json(run.folder / ENVIRONMENT, [{"start": "2020-01-01T00:00:00+00:00"}])
    monkeypatch.setattr(toys.Raising, "broken", False)
    ends(store, whole, retry_failed=True)
    [only] = run.environments()
    assert only.start > "2020-01-02"


def test_failing_fast_stops_at_the_first_failure(store):
    whole = tiny.planned("noisy", "raising", "scratch", epochs=1)
    assert ends(store, whole, fail_fast=True) == ["done", "failed", "not reached"]
    assert states(store, whole) == ["done", "failed", "planned"]


def test_students_of_a_failed_teacher_wait(store, monkeypatch):
    student = {"method": {"kd": {"teacher": "teacher"}}}
    whole = tiny.planned({"name": "teacher", "method": "raising"}, student, "scratch", epochs=1)
    assert ends(store, whole) == ["failed", "waiting", "done"]
    assert states(store, whole) == ["failed", "planned", "done"]
    monkeypatch.setattr(toys.Raising, "broken", False)
    assert ends(store, whole, retry_failed=True) == ["done", "done", "done"]


def test_a_teacher_whose_network_is_gone_fails_its_students_alone(store):
    student = {"method": {"kd": {"teacher": "teacher"}}}
    whole = tiny.planned({"name": "teacher"}, student, "noisy", epochs=1)
    stop = StopAfterFirst()
    ends(store, whole, stop, should_stop=stop)
    teacher = store.run(whole.cells[0].cell.key)
    shutil.rmtree(teacher.folder / "networks")
    assert ends(store, whole) == ["done", "failed", "done"]
    assert "To train the teacher again, remove its folder" in store.run(whole.cells[1].cell.key).state().error


def test_a_flipped_bit_in_a_teachers_network_fails_its_students_alone(store):
    student = {"method": {"kd": {"teacher": "teacher"}}}
    whole = tiny.planned({"name": "teacher"}, student, "noisy", epochs=1)
    stop = StopAfterFirst()
    ends(store, whole, stop, should_stop=stop)
    path = store.run(whole.cells[0].cell.key).folder / "networks" / "student.pt"
    data = path.read_bytes()
    path.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    assert ends(store, whole) == ["done", "failed", "done"]
    assert "student.pt is damaged: it is not what was written" in store.run(whole.cells[1].cell.key).state().error
    path.write_bytes(data)
    assert ends(store, whole, retry_failed=True) == ["done", "done", "done"]


def test_a_teacher_whose_result_is_lost_while_its_student_trains_does_not_make_it_cheaper(store):
    whole = tiny.planned_by("kd", epochs=1)
    teacher, student = (store.run(p.cell.key) for p in whole.cells)

    class Thief(watchers.Watcher):
        def epoch_ended(self, cell, position):
            if cell.teacher:
                (teacher.folder / RESULT).unlink()

    assert ends(store, whole, Thief()) == ["done", "failed"]
    assert "was lost meanwhile" in student.state().error
    assert ends(store, whole, retry_failed=True) == ["done", "done"]  # the teacher again, the student from its end
    assert student.result().teacher_train_s > 0


class StopAfterFirst(watchers.Watcher):
    """Asks to stop when a cell has ended; watcher and `should_stop` in one."""

    def __init__(self) -> None:
        self.over = False

    def ended(self, cell: Cell, state: str) -> None:
        """Now."""
        self.over = True

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.over


def test_a_timing_that_fails_costs_no_training(store, monkeypatch, caplog):
    def fail(*args: Any) -> None:
        raise RuntimeError("out of memory")

    whole = tiny.planned("scratch", epochs=1)
    monkeypatch.setattr(timings, "take", fail)
    assert ends(store, whole) == ["done"]
    assert states(store, whole) == ["done"]
    assert "wrn(depth=10, width=1) standard could not be timed (out of memory)" in caplog.text


def test_a_timing_that_was_missed_is_taken_by_the_next_run(store, monkeypatch):
    whole, taken = tiny.planned("scratch", epochs=1), []
    ends(store, whole)  # without timings
    monkeypatch.setattr(timings, "take", lambda store, structure, network, device, turn: taken.append(structure.conv))
    assert ends(store, whole) == ["done"]
    assert taken == ["standard"]


def test_a_machine_that_cannot_be_had_costs_a_timing_and_no_training(store, monkeypatch, caplog):
    monkeypatch.undo()
    tiny.install(monkeypatch)
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(store.root / "nowhere"))
    whole = tiny.planned("scratch", epochs=1)
    assert ends(store, whole) == ["done"]
    assert store.measurements.all() == []
    assert "could not be timed (the folder for temporary files cannot be used (No such file" in caplog.text


# What comes after the result, and what only shows


def test_a_timing_that_cannot_be_looked_up_costs_no_training(store, monkeypatch, caplog):
    def fail(*args: Any) -> None:
        raise UserError("the timing cannot be read.")

    monkeypatch.setattr(timings, "kept", fail)
    assert ends(store, tiny.planned("scratch", "noisy", epochs=1)) == ["done", "done"]
    assert "could not be timed (the timing cannot be read)" in caplog.text


@pytest.mark.parametrize("step", ["write_state", "tidy"])
def test_what_fails_after_the_result_undoes_nothing(step, store, monkeypatch, caplog):
    def fail(self: Run, *args: Any) -> int:
        if self.result() is not None:
            raise FileNotFoundError("gone")
        return 0

    whole = tiny.planned("scratch", "noisy", epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(Run, step, fail)
        assert ends(store, whole) == ["done", "done"]
    assert "is done, and then FileNotFoundError: gone" in caplog.text
    assert states(store, whole) == ["done", "done"]
    assert not (store.run(whole.cells[0].cell.key).folder / "error.txt").exists()


@pytest.mark.parametrize("event", ["started", "stepped", "epoch_ended", "ended"])
def test_a_display_that_fails_is_told_nothing_more_and_fails_no_cell(event, store, monkeypatch, caplog):
    calls: list[object] = []

    def fail(self: watchers.Watcher, *args: object) -> None:
        calls.append(self)
        raise UnicodeEncodeError("ascii", "ü", 0, 1, "ordinal not in range(128)")

    monkeypatch.setattr(watchers.Watcher, event, fail)
    listener = watchers.Listener()
    assert ends(store, tiny.planned("scratch", "noisy", epochs=1), watchers.Watcher(), listener) == ["done", "done"]
    assert len(calls) == 1
    assert [told[-1] for told in listener.told if told[0] == "ended"] == ["done", "done"]
    assert "the display of the run has failed ('ascii' codec" in caplog.text


# The disk


def test_a_full_disk_ends_the_run_and_keeps_the_last_checkpoint(store, tmp_path, monkeypatch):
    whole = tiny.planned("noisy", "scratch", epochs=3)
    first = whole.cells[0].cell.key
    write = checkpoint.write_bytes

    def full_at_the_second(path: Path, body: bytes) -> None:
        if path.exists():
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, body)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_bytes", full_at_the_second)
        with pytest.raises(UserError, match=r"cannot take more \(No space left on device\): make room and run again"):
            ends(store, whole)
    assert states(store, whole) == ["stopped", "planned"]
    assert checkpoint.read(store.run(first).folder)["position"]["epoch"] == 1
    assert not list(store.root.rglob(f"{TEMPORARY}*"))
    assert not (store.run(first).folder / "error.txt").exists()
    assert ends(store, whole) == ["done", "done"]
    unbroken = Store(tmp_path / "unbroken")
    ends(unbroken, whole)
    assert_same(store, unbroken, first)


def test_a_full_disk_while_a_failure_is_recorded_is_explained_too(store, monkeypatch):
    def full(path: Path, body: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runs, "write_bytes", full)
    with pytest.raises(UserError, match="cannot take more"):
        ends(store, tiny.planned("raising", epochs=1))


def test_another_error_of_the_disk_is_the_cells_failure(store, monkeypatch):
    def broken(path: Path, body: bytes) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(checkpoint, "write_bytes", broken)
    whole = tiny.planned("scratch", epochs=1)
    assert ends(store, whole) == ["failed"]
    assert "Input/output error" in store.run(whole.cells[0].cell.key).state().error
