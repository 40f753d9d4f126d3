"""A device that is lost with the failure of one cell."""

import pytest

from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import attempt, session
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.runs import Store
from tests.engine import tiny
from tests.engine.outcomes import assert_same
from tests.engine.tiny import ends

pytestmark = pytest.mark.usefixtures("tiny_world")


def state(store: Store, whole: Plan) -> list[str]:
    return [store.run(planned.cell.key).state().state for planned in whole.cells]


def test_a_gpu_that_answers_no_more_fails_the_cell_that_has_spoiled_it_alone(store, tmp_path, monkeypatch):
    whole, alone = tiny.planned("noisy", "raising", epochs=2), Store(tmp_path / "alone")
    tiny.run(alone, whole)
    monkeypatch.setattr(attempt, "answers", lambda device: False)
    said = r"since WRN-10-1 S raising seed 0 failed: run the same command again, and the others go on"
    with pytest.raises(attempt.GpuLostError, match=said):
        ends(store, whole, cohort=1)
    assert state(store, whole) == ["done", "failed"]
    assert_same(store, alone, whole.cells[0].cell.key)


def test_beside_others_nobody_fails_for_errors_come_late(store, tmp_path, monkeypatch):
    whole, alone = tiny.planned("noisy", "raising", epochs=2), Store(tmp_path / "alone")
    tiny.run(alone, whole)
    monkeypatch.setattr(attempt, "answers", lambda device: False)
    said = (
        r"as a step of WRN-10-1 S raising seed 0 was told \(seven is not a number\), which may be another cell's doing"
    )
    with pytest.raises(attempt.GpuLostError, match=said):
        ends(store, whole, cohort=None)
    assert state(store, whole) == ["stopped", "stopped"]  # as after a kill
    monkeypatch.undo()
    tiny.register()
    assert ends(store, whole, cohort=None) == ["done", "failed"]
    assert_same(store, alone, whole.cells[0].cell.key)


def test_the_run_ends_as_one_with_failures(store, monkeypatch, caplog):
    monkeypatch.setattr(attempt, "answers", lambda device: False)
    tiny.skip_mlflow(monkeypatch)
    settings = Settings(device="cpu", threads=1, cohort=1, mlflow=tiny.NO_MLFLOW)
    whole = tiny.planned("raising", epochs=1)
    assert session.run(whole, whole, store.root, settings) == session.FAILED
    assert "the GPU answers this process no more since WRN-10-1 S raising seed 0 failed" in caplog.text


def test_a_processor_always_answers():
    assert attempt.answers(tiny.CPU)
