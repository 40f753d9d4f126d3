"""What trainings compute is counted when they are done, once for all that train alike, and never at their cost."""

import logging
import shutil

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.run import measuring, session
from cheapconv.engine.store import compute
from cheapconv.engine.store.runs import Store
from tests.engine import tiny
from tests.engine.timed import Watch


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    tiny.install(monkeypatch)
    tiny.skip_timing(monkeypatch)
    monkeypatch.setattr(session.busy, "warn", lambda: None)
    found = Store(tmp_path / "runs")
    found.prepare()
    return found


def sweep():
    """A teacher, and two seeds of its student."""
    student = {"method": {"kd": {"teacher": "teacher"}}, "seeds": [0, 1]}
    return tiny.planned({"name": "teacher", "seeds": [5]}, student, epochs=1)


def test_once_for_cells_that_train_alike(store, monkeypatch):
    counted = list[str]()
    usual = measuring.compute_of
    monkeypatch.setattr(
        measuring, "compute_of", lambda cell, teacher: counted.append(cell.method) or usual(cell, teacher)
    )
    whole = sweep()
    assert {*tiny.ends(store, whole)} == {"done"}
    assert counted == ["scratch", "kd"]
    teacher, student, _ = (planned.cell for planned in whole.cells)
    own, taught = compute.read(store, teacher, None), compute.read(store, student, teacher)
    assert own is not None
    assert taught is not None
    assert 1.3 < taught.macs / own.macs < 1.4  # a third of a step is the pass forward
    assert own.over(store.run(teacher.key).curve()) == pytest.approx(own.macs / own.images * tiny.TRAIN)


@pytest.mark.parametrize("error", [RuntimeError("no such kernel"), MemoryError(), UserError("no data.")])
def test_what_goes_wrong_is_a_warning_and_no_cells_failure(store, monkeypatch, caplog, error):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(measuring, "compute_of", fail)
    with caplog.at_level(logging.WARNING):
        assert tiny.ends(store, tiny.planned("scratch", epochs=1)) == ["done"]
    assert (
        "the multiply-adds of training wrn(depth=10, width=1) standard by scratch could not be counted" in caplog.text
    )
    assert compute.names(store) == []


def test_measure_counts_what_is_missing_of_what_is_done(store):
    whole = sweep()
    assert {*tiny.ends(store, whole)} == {"done"}
    names = compute.names(store)
    shutil.rmtree(store.root / "compute")
    more = tiny.planned({"name": "teacher", "seeds": [5]}, "raising", epochs=1)
    session.measure(more, store.root, "cpu", 1, Watch(), "eager")
    teacher = whole.cells[0].cell
    assert compute.names(store) == [compute.name_of(teacher, None)]
    session.measure(whole, store.root, "cpu", 1, Watch(), "eager")
    assert compute.names(store) == names
