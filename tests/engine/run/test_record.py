"""The result of a cell: the last epoch is the headline, the best one is labelled as such, everything is kept."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cheapconv import catalog
from cheapconv.catalog import entries
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure.sizes import structure_key
from cheapconv.engine.run import record
from cheapconv.engine.store import runs
from cheapconv.engine.store.records import CurveRow, Environment, Result
from cheapconv.engine.store.runs import CHECKPOINT, RESULT, Store
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.checkpoint import Position
from cheapconv.suites.task import Classification
from tests.engine import tiny
from tests.engine.tiny import PLACE

SHAPE = (3, 8, 8)


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def position(*rows: Sequence[float], top5: bool = False) -> Position:
    """A finished training; each row has the accuracies of student_0, student_1 and the ensemble."""
    names = ("student_0", "student_1", "ensemble")
    fifth = dict.fromkeys(names, 0.9) | {"student_1": 0.7} if top5 else {}
    numbers = {"lr": 0.1, "loss": 1.0, "terms": {"ce": 1.0}, "seconds": 2.0, "method_s": 0.5}
    curve = []
    for epoch, accuracies in enumerate(rows):
        scores = {name: {"top1": value} for name, value in zip(names, accuracies, strict=True)}
        scores = {name: own | ({"top5": fifth[name]} if top5 else {}) for name, own in scores.items()}
        curve.append(CurveRow(epoch=epoch, scores=scores, images_per_s=100.0 + epoch, **numbers))
    return Position(epoch=len(rows), curve=curve)


def finish(
    store: Store, where: Position, teacher: str | None = None, start: str = "monday", after_s: float | None = None
) -> Result:
    """The result of a cell with two students, trained to `where`."""
    cell = tiny.planned_by("od", epochs=len(where.curve)).cells[0].cell
    object.__setattr__(cell, "teacher", teacher)
    method = build_method(cell, Builder(cell, 10, PLACE, store))
    (store.run(cell.key).folder / "networks").mkdir(parents=True, exist_ok=True)
    store.run(cell.key).begin(Environment(start=start))
    (store.run(cell.key).folder / CHECKPOINT).write_bytes(b"checkpoint")
    trained = SimpleNamespace(
        method=method, data=tiny.data(), task=Classification(10), position=where, recipe=tiny.RECIPE, mistakes={}
    )
    return record.finish(store, cell, trained, after_s)


def test_a_cell_ends_when_its_seconds_say_whatever_the_clock_does(store):
    start = "2130-01-01T23:59:59+00:00"  # the clock was set back since
    result = finish(store, position((0.9, 0.7, 1.0)), start=start, after_s=61.0)
    assert store.run(result.key).environments()[-1].end == "2130-01-02T00:01:00+00:00"


def test_the_headline_is_the_last_epoch_of_the_students(store):
    result = finish(store, position((0.9, 0.7, 1.0), (0.2, 0.4, 1.0), (0.5, 0.6, 1.0)))
    assert result.scores["top1"] == pytest.approx(0.55)
    assert (result.best, result.best_epoch) == (pytest.approx(0.8), 0)
    assert set(result.scores) == {"top1"}
    assert (result.epochs, result.test_samples) == (3, tiny.TEST)


def test_the_best_epoch_is_the_best_of_those_that_were_scored(store):
    where = position((0.9, 0.9, 0.9), (0.6, 0.4, 0.8), (0.5, 0.3, 0.7))
    where.curve[0] = replace(where.curve[0], scores={})
    result = finish(store, where)
    assert (result.best, result.best_epoch) == (pytest.approx(0.5), 1)
    assert [network.best_epoch for network in result.networks] == [1, 1, 1]
    assert result.covers(where.curve)
    assert not result.covers([*where.curve[:2], replace(where.curve[2], scores={})])


def test_every_network_has_its_own_numbers(store):
    result = finish(store, position((0.9, 0.1, 0.3), (0.5, 0.6, 0.4)))
    student, other, ensemble = result.networks
    assert (student.scores["top1"], student.best, student.best_epoch) == (0.5, 0.9, 0)
    assert (other.scores["top1"], other.best, other.best_epoch) == (0.6, 0.6, 1)
    assert [(n.role, n.headline) for n in result.networks] == [
        ("student", True),
        ("student", True),
        ("ensemble", False),
    ]
    assert student.structure == structure_key("wrn(depth=10, width=1)", "standard", 10, SHAPE)
    assert student.structure == other.structure
    assert ensemble.structure is None  # never deployed, never timed
    assert (student.sizes.params, student.sizes.macs, student.sizes.flops) == (77850, 781952, 2 * 781952)
    assert ensemble.sizes.params > 2 * (77850 - 650)


def test_top_5_is_the_mean_of_the_students(store):
    result = finish(store, position((0.5, 0.6, 0.4), top5=True))
    assert result.scores["top5"] == pytest.approx(0.8)
    assert [network.scores["top5"] for network in result.networks] == [0.9, 0.7, 0.9]


def test_speed_is_the_sum_of_the_seconds_and_the_median_of_the_rates(store):
    result = finish(store, position((0.1,) * 3, (0.1,) * 3, (0.1,) * 3))
    assert (result.train_s, result.steps_s, result.method_s) == (7.5, 6.0, 1.5)
    assert result.train_images_per_s == 101.0
    assert result.teacher_train_s == 0


def test_the_teachers_time_includes_its_own_teachers(store):
    taught = finish(store, position((0.1,) * 3))
    teacher = store.run("teacher")
    teacher.folder.mkdir()
    teacher.begin(Environment())
    teacher.finish(replace(taught, key="teacher", train_s=5.0, teacher_train_s=7.0))
    assert finish(store, position((0.1,) * 3), teacher="teacher").teacher_train_s == 12.0


def test_a_finished_cell_is_done_and_has_no_checkpoint(store):
    result = finish(store, position((0.1,) * 3))
    run = store.run(result.key)
    assert run.result() == result
    state = run.state()
    assert (state.state, state.epoch, state.epochs, state.error) == ("done", 1, 1, None)
    assert not (run.folder / CHECKPOINT).exists()
    [environment] = run.environments()
    assert environment.start == "monday"
    assert environment.end is not None


def test_the_result_comes_after_the_networks(store, monkeypatch):
    """A result without networks would be a finished cell that nobody can learn from."""

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(record.networks, "save", full)
    with pytest.raises(OSError, match="No space left"):
        finish(store, position((0.1,) * 3))
    [folder] = store.root.iterdir()
    assert not (folder / RESULT).exists()
    assert (folder / CHECKPOINT).exists()


def test_a_description_says_what_a_report_needs():
    whole = tiny.planned_by("kd")
    teacher, student = (record.described(p.cell) for p in whole.cells)
    assert (teacher.is_baseline, student.is_baseline) == (True, False)
    assert student.teacher == teacher.key
    assert student.key == whole.cells[1].cell.key
    assert student.suite_label == "Tiny"
    assert student.is_standard
    assert student.conv_label == "S"
    odd = tiny.planned({"method": "noisy", "conv": "group(groups=2)"}).cells[0].cell
    assert not record.described(odd).is_standard


def test_a_cell_names_the_plugins_of_its_own_parts_and_no_other(monkeypatch):
    """Whoever reads the store elsewhere needs those, and may not have the others."""
    brought = {"convs_of_mine": "group", "methods_of_mine": "noisy", "other": "depthwise"}
    known = {plugin: [SimpleNamespace(name=name)] for plugin, name in brought.items()}
    monkeypatch.setattr(entries, "_brought", known)
    [planned] = tiny.planned({"conv": "group(groups=2)", "method": "scratch"}).cells
    assert record.described(planned.cell).plugins == ("convs_of_mine",)
    [planned] = tiny.planned("noisy").cells
    assert record.described(planned.cell).plugins == ("methods_of_mine",)


def test_cells_of_code_that_has_changed_since_are_counted_by_plugin(tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "_brought", {"mine": [SimpleNamespace(name="noisy")]})
    monkeypatch.setattr(catalog, "code_of", lambda plugin: "files 1")
    with tiny.trained(tmp_path / "runs", "scratch", "noisy") as (store, whole):
        cells = [planned.cell for planned in whole.cells]
        assert [run.environments()[0].versions.get("plugin mine") for run in (store.run(c.key) for c in cells)] == [
            None,
            "files 1",
        ]
        assert record.of_other_code(store, cells) == {}
        monkeypatch.setattr(catalog, "code_of", lambda plugin: "files 2")
        assert record.of_other_code(store, cells) == {"plugin mine": 1}


def test_a_cell_whose_folder_was_lost_is_buried_all_the_same(store: Store) -> None:
    [planned] = tiny.planned("scratch").cells
    record.bury(store, planned.cell, "its processes died")
    run = store.run(planned.cell.key)
    assert (run.state().state, run.state().error) == ("failed", "its processes died")
    assert run.cell() == record.described(planned.cell)


def test_a_burial_in_a_folder_of_somebody_else_is_explained(store: Store, monkeypatch) -> None:
    def refused(*given: object) -> None:
        raise PermissionError(13, "Permission denied")

    [planned] = tiny.planned("scratch").cells
    monkeypatch.setattr(runs.Run, "fail", refused)
    with pytest.raises(UserError, match=f"{planned.cell.key} may not be written: give this user the right to"):
        record.bury(store, planned.cell, "its processes died")
