"""What trainings compute is counted when they are done, once for all that train alike, and never at their cost."""

import errno
import logging
import shutil
from dataclasses import replace

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.run import measuring, session
from cheapconv.engine.store import compute
from cheapconv.engine.store.documents import Documents
from cheapconv.engine.store.runs import Store
from tests.engine import tiny
from tests.engine.outcomes import assert_same
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


def test_a_count_that_cannot_be_written_ends_nothing(store, monkeypatch, caplog):
    def refused(*given):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Documents, "write", refused)
    assert {*tiny.ends(store, sweep())} == {"done"}
    assert "could not be counted" in caplog.text


def test_a_disk_that_is_full_at_a_count_ends_the_run_in_a_sentence(store, monkeypatch):
    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Documents, "write", full)
    with pytest.raises(UserError, match=r"cannot take more .*: make room and run again"):
        tiny.ends(store, sweep())


def test_once_for_cells_that_train_alike(store, monkeypatch):
    counted, usual = list[tuple[str, int]](), measuring.count

    def count(cell, teacher, samples):
        counted.append((cell.method, samples))
        return usual(cell, teacher, samples)

    monkeypatch.setattr(measuring, "count", count)
    whole = sweep()
    assert {*tiny.ends(store, whole)} == {"done"}
    assert counted == [("scratch", tiny.TRAIN), ("kd", tiny.TRAIN)]
    teacher, student, _ = (planned.cell for planned in whole.cells)
    own, taught = (compute.of_training(store, store.run(cell.key)) for cell in (teacher, student))
    assert 1.3 < taught / own < 1.4  # a third of a step is the pass forward
    assert compute.with_teachers(store, store.run(student.key)) == own + taught


@pytest.mark.parametrize("error", [RuntimeError("no such kernel"), MemoryError(), UserError("no data.")])
def test_what_goes_wrong_is_a_warning_and_no_cells_failure(store, monkeypatch, caplog, error):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(measuring, "count", fail)
    with caplog.at_level(logging.WARNING):
        assert tiny.ends(store, tiny.planned("scratch", epochs=1)) == ["done"]
    assert (
        "the multiply-adds of training wrn(depth=10, width=1) standard by scratch could not be counted" in caplog.text
    )
    assert compute.of(store).names() == []


def test_counting_changes_no_bit_of_what_is_trained_after_it(store, tmp_path, monkeypatch):
    whole, other = sweep(), Store(tmp_path / "uncounted")
    tiny.run(store, whole)
    assert compute.of(store).names()
    tiny.skip_counting(monkeypatch)
    tiny.run(other, whole)
    assert not compute.of(other).names()
    for planned in whole.cells:
        assert_same(store, other, planned.cell.key)


def test_measure_counts_what_is_missing_of_what_is_done(store):
    whole = sweep()
    assert {*tiny.ends(store, whole)} == {"done"}
    names = compute.of(store).names()
    shutil.rmtree(store.root / "compute")
    more = tiny.planned({"name": "teacher", "seeds": [5]}, "raising", epochs=1)
    session.measure(more, store.root, "cpu", 1, Watch(), "eager")
    teacher = whole.cells[0].cell
    assert compute.of(store).names() == [compute.name_of(store.run(teacher.key).cell(), None)]
    session.measure(whole, store.root, "cpu", 1, Watch(), "eager")
    assert compute.of(store).names() == names


def test_a_run_that_is_to_end_counts_nothing_more(store):
    [cell] = [planned.cell for planned in tiny.planned("scratch", epochs=1).cells]
    assert tiny.ends(store, tiny.planned("scratch", epochs=1)) == ["done"]
    shutil.rmtree(store.root / "compute")
    measuring.measure_missing(store, cell, tiny.CPU, Turn(should_stop=lambda: True))
    assert compute.of(store).names() == []
    measuring.measure_missing(store, cell, tiny.CPU, Turn())
    assert len(compute.of(store).names()) == 1


def test_of_a_teacher_that_was_changed_in_training_nothing_is_counted(store):
    whole = sweep()
    assert {*tiny.ends(store, whole)} == {"done"}
    shutil.rmtree(store.root / "compute")
    teacher = store.run(whole.cells[0].cell.key)
    result = teacher.result()
    teacher.finish(replace(result, networks=(replace(result.networks[0], changed={"kept": [1]}),)))
    measuring.count_missing(store, whole.cells[1].cell)
    assert compute.of(store).names() == []


def test_that_timings_are_left_is_said_once(store, monkeypatch, caplog):
    """Of two networks, when the run was asked to end."""
    whole = tiny.planned("scratch", {"conv": "group(groups=2)"}, epochs=1)
    assert {*tiny.ends(store, whole)} == {"done"}
    monkeypatch.setattr(measuring.timings, "kept", lambda store, structure, way: None)
    monkeypatch.setattr(measuring.timings, "take", taken)
    stopping = Turn(should_stop=lambda: True)
    for planned in whole.cells:
        measuring.measure_missing(store, planned.cell, tiny.CPU, stopping)
    left = "what is not timed yet could not be timed (the run was asked to end); `cheapconv measure` tries again"
    assert [text for text in caplog.messages if "timed" in text] == [left]


def taken(store, structure, network, way, turn):
    """A timing that takes its turn."""
    with turn.taken("a network"):
        pytest.fail("timed")
