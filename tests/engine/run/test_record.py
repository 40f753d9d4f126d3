"""The result of a cell: the last epoch is the headline, the best one is labelled as such, everything is kept."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cheapconv.engine.measure.timings import structure_key
from cheapconv.engine.run import record
from cheapconv.engine.store.files import TEMPORARY, read_json, write_json
from cheapconv.engine.store.records import CurveRow
from cheapconv.engine.store.runs import CHECKPOINT, RESULT, Store
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.checkpoint import Position
from tests.engine import tiny
from tests.engine.tiny import PLACE

SHAPE = (3, 8, 8)
FIELDS = {
    *("key", "epochs", "test_images", "top1", "top5", "top1_best", "best_epoch", "networks"),
    *("train_s", "steps_s", "method_s", "train_images_per_s", "teacher_train_s"),
}
NETWORK_FIELDS = {
    *("name", "role", "headline", "top1", "top5", "top1_best", "best_epoch", "structure"),
    *("params", "params_with_bn_stats", "macs", "flops", "weights_bytes", "activation_bytes"),
}


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
    numbers = {"lr": 0.1, "loss": 1.0, "terms": {"ce": 1.0}, "seconds": 1.5, "method_s": 0.5}
    curve = []
    for epoch, accuracies in enumerate(rows):
        scores = {name: {"top1": value} for name, value in zip(names, accuracies, strict=True)}
        scores = {name: own | ({"top5": fifth[name]} if top5 else {}) for name, own in scores.items()}
        curve.append(CurveRow(epoch=epoch, scores=scores, images_per_s=100.0 + epoch, **numbers))
    return Position(epoch=len(rows), curve=curve)


def finish(store: Store, where: Position, teacher: str | None = None) -> dict[str, Any]:
    """The result of a cell with two students, trained to `where`."""
    cell = tiny.planned_by("od", epochs=len(where.curve)).cells[0].cell
    object.__setattr__(cell, "teacher", teacher)
    method = build_method(cell, Builder(cell, 10, PLACE, store))
    (store.folder(cell.key) / "networks").mkdir(parents=True)
    record.begin(store.folder(cell.key), {"start": "monday", "end": None})
    (store.folder(cell.key) / CHECKPOINT).write_bytes(b"checkpoint")
    return record.finish(store, cell, method, where, tiny.data())


def test_the_headline_is_the_last_epoch_of_the_students(store):
    result = finish(store, position((0.9, 0.7, 1.0), (0.2, 0.4, 1.0), (0.5, 0.6, 1.0)))
    assert result.keys() >= FIELDS
    assert result["top1"] == pytest.approx(0.55)
    assert (result["top1_best"], result["best_epoch"]) == (pytest.approx(0.8), 0)
    assert result["top5"] is None
    assert (result["epochs"], result["test_images"]) == (3, tiny.TEST)


def test_every_network_has_its_own_numbers(store):
    result = finish(store, position((0.9, 0.1, 0.3), (0.5, 0.6, 0.4)))
    student, other, ensemble = result["networks"]
    assert all(network.keys() >= NETWORK_FIELDS for network in result["networks"])
    assert (student["top1"], student["top1_best"], student["best_epoch"]) == (0.5, 0.9, 0)
    assert (other["top1"], other["top1_best"], other["best_epoch"]) == (0.6, 0.6, 1)
    assert [(n["role"], n["headline"]) for n in result["networks"]] == [
        ("student", True),
        ("student", True),
        ("ensemble", False),
    ]
    assert student["structure"] == structure_key("wrn(depth=10, width=1)", "standard", 10, SHAPE)
    assert student["structure"] == other["structure"]
    assert ensemble["structure"] is None  # never deployed, never timed
    assert (student["params"], student["macs"], student["flops"]) == (77850, 781952, 2 * 781952)
    assert ensemble["params"] > 2 * (77850 - 650)


def test_top_5_is_the_mean_of_the_students(store):
    result = finish(store, position((0.5, 0.6, 0.4), top5=True))
    assert result["top5"] == pytest.approx(0.8)
    assert [network["top5"] for network in result["networks"]] == [0.9, 0.7, 0.9]


def test_speed_is_the_sum_of_the_seconds_and_the_median_of_the_rates(store):
    result = finish(store, position((0.1,) * 3, (0.1,) * 3, (0.1,) * 3))
    assert result["train_s"] == 6.0
    assert result["train_images_per_s"] == 101.0
    assert result["teacher_train_s"] == 0


def test_the_teachers_time_includes_its_own_teachers(store):
    write_json(store.folder("teacher") / RESULT, {"train_s": 5.0, "teacher_train_s": 7.0})
    assert finish(store, position((0.1,) * 3), teacher="teacher")["teacher_train_s"] == 12.0


def test_a_finished_cell_is_done_and_has_no_checkpoint(store):
    result = finish(store, position((0.1,) * 3))
    folder = store.folder(result["key"])
    assert read_json(folder / RESULT) == result
    assert store.state(result["key"]) | {"heartbeat": ""} == {
        "state": "done",
        "epoch": 1,
        "epochs": 1,
        "heartbeat": "",
        "error": None,
    }
    assert not (folder / CHECKPOINT).exists()
    assert read_json(folder / "environment.json")["start"] == "monday"
    assert read_json(folder / "environment.json")["end"] is not None


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


def test_beginning_again_keeps_the_first_start_and_forgets_the_error(tmp_path):
    record.begin(tmp_path, {"start": "monday", "end": None, "threads": 1})
    (tmp_path / "error.txt").write_text("Traceback")
    record.begin(tmp_path, {"start": "tuesday", "end": None, "threads": 2})
    assert read_json(tmp_path / "environment.json") == {"start": "monday", "end": None, "threads": 2}
    assert not (tmp_path / "error.txt").exists()


def test_tidying_removes_leftovers_only(tmp_path):
    (tmp_path / "networks").mkdir()
    for name in (f"{TEMPORARY}abc", f"networks/{TEMPORARY}x", CHECKPOINT, "curve.jsonl", "networks/student.pt"):
        (tmp_path / name).write_text("")
    assert record.tidy(tmp_path) == 2
    assert (tmp_path / CHECKPOINT).exists()  # of a cell that will go on
    (tmp_path / RESULT).write_text("{}")
    assert record.tidy(tmp_path) == 1
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["curve.jsonl", RESULT, "student.pt"]


def test_a_description_says_what_a_report_needs():
    whole = tiny.planned_by("kd")
    teacher, student = (record.describe(p.cell) for p in whole.cells)
    assert json.loads(json.dumps(student)) == student
    assert (teacher["is_baseline"], student["is_baseline"]) == (True, False)
    assert student["teacher"] == teacher["key"]
    assert student["suite_label"] == "Tiny"
    assert student["is_standard"] is True
    assert (student["published_as"], student["published_source"]) == ("kd", "RepDistiller")
    assert student["conv_label"] == "S"
    odd = tiny.planned({"method": "noisy", "conv": "group(groups=2)"}).cells[0].cell
    assert record.describe(odd)["published_as"] is None
    assert record.describe(odd)["is_standard"] is False
