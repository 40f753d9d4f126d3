"""A device that is lost with the failure of one cell."""

import pytest

from cheapconv.engine.run import attempt
from cheapconv.engine.store.runs import Store
from tests.engine import tiny
from tests.engine.outcomes import assert_same
from tests.engine.tiny import ends

pytestmark = pytest.mark.usefixtures("tiny_world")


def test_a_gpu_that_answers_no_more_fails_the_cell_that_has_spoiled_it_and_no_other(store, tmp_path, monkeypatch):
    whole, alone = tiny.planned("noisy", "raising", epochs=2), Store(tmp_path / "alone")
    tiny.run(alone, whole)
    monkeypatch.setattr(attempt, "answers", lambda device: False)
    said = "since WRN-10-1 S raising seed 0 failed the GPU answers this process no more: run the same command again"
    with pytest.raises(attempt.GpuLostError, match=said):
        ends(store, whole, cohort=None)
    assert [store.run(p.cell.key).state().state for p in whole.cells] == ["stopped", "failed"]  # as after a kill
    assert ends(store, whole, cohort=None) == ["done", "failed"]
    assert_same(store, alone, whole.cells[0].cell.key)


def test_a_processor_always_answers():
    assert attempt.answers(tiny.CPU)
