"""What trainings compute, on disk: shared by cells that train alike, and never more than was counted."""

import math
from dataclasses import replace

import pytest

from cheapconv.engine.store import compute
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.compute import StepCount, name_of
from cheapconv.engine.store.files import write_json
from cheapconv.engine.store.runs import Store
from tests.engine.written_cell import CELL, row, write_cell

CELLS = CellRecord(**CELL)
STEP = StepCount(macs=600, images=4)
IMAGES = 3 * 800 * 3  # of a training


def trained(store: Store, key: str, teacher: str | None = None, counted: bool = True) -> None:
    """A finished cell, of whose steps there is a count."""
    write_cell(store, key, teacher=teacher)
    if counted:
        taught_by = store.run(teacher).cell() if teacher else None
        compute.of(store).write(name_of(store.run(key).cell(), taught_by), STEP)


def test_it_comes_back(store):
    assert (compute.of(store).names(), compute.of(store).read("a")) == ([], None)
    compute.of(store).write("a", STEP)
    assert (compute.of(store).names(), compute.of(store).read("a")) == (["a"], STEP)
    assert store.runs() == []


@pytest.mark.parametrize(
    "alike", [{"seed": 7}, {"recipe": {**CELL["recipe"], "epochs": 90, "precision": "bf16"}}, {"method_label": "x"}]
)
def test_cells_that_compute_as_much_share_it(alike):
    assert name_of(replace(CELLS, **alike), None) == name_of(CELLS, None)


GROWING = {**CELL["recipe"], "growth": {"first": 4, "last": 8}}


@pytest.mark.parametrize(
    "unlike",
    [
        {"conv": "group(groups=2)"},
        {"recipe": {**CELL["recipe"], "batch": 7}},
        {"recipe": {**CELL["recipe"], "validation": 7}},
        {"recipe": GROWING},
        {"method": "at"},
        {"data": "d2"},
    ],
)
def test_others_do_not(unlike):
    assert name_of(replace(CELLS, **unlike), None) != name_of(CELLS, None)


def test_epochs_count_where_images_grow():
    assert name_of(replace(CELLS, recipe=GROWING), None) != name_of(
        replace(CELLS, recipe={**GROWING, "epochs": 90}), None
    )


def test_what_has_trained_the_teacher_is_in_the_name():
    teachers = None, CELLS, replace(CELLS, method="l1_group"), replace(CELLS, method_settings={"like": "G(N)"})
    assert len({name_of(CELLS, teacher) for teacher in teachers}) == 4


def test_a_training_is_as_many_steps_as_it_saw_images(store):
    trained(store, "teacher")
    trained(store, "student", "teacher")
    teacher, student = store.run("teacher"), store.run("student")
    assert compute.of_training(store, teacher) == compute.of_training(store, student) == 150 * IMAGES
    assert compute.with_teachers(store, teacher) == 150 * IMAGES
    assert compute.with_teachers(store, student) == 2 * 150 * IMAGES


def test_what_was_not_counted_or_is_not_done_is_not_known(store):
    trained(store, "teacher", counted=False)
    trained(store, "student", "teacher")
    assert math.isnan(compute.with_teachers(store, store.run("student")))
    assert compute.of_training(store, store.run("student")) > 0
    (store.run("student").folder / "result.json").unlink()
    assert math.isnan(compute.of_training(store, store.run("student")))


@pytest.mark.parametrize("odd", [math.inf, math.nan, -1.0, 1e308])
def test_nor_what_a_curve_cannot_have_said(store, odd):
    trained(store, "cell")
    store.run("cell").write_curve([replace(row(0), images_per_s=odd, seconds=1e9)])
    found = compute.of_training(store, store.run("cell"))
    assert math.isnan(found)


def test_teachers_in_a_circle_end(store):
    trained(store, "a", "b"), trained(store, "b", "a"), trained(store, "a", "b")
    assert [run.key for run in compute.lineage(store, store.run("a"))] == ["a", "b"]


@pytest.mark.parametrize("odd", [{"macs": 0}, {"macs": 2**70}, {"images": 0}, {"images": "four"}])
def test_what_cannot_have_been_counted_is_a_fault_and_as_if_it_were_not_there(store, odd):
    trained(store, "teacher"), trained(store, "student", "teacher")
    teacher, student = store.run("teacher"), store.run("student")
    name = compute.name_in(store, teacher)
    write_json(store.root / "compute" / f"{name}.json", {"schema": 2, "macs": 600, "images": 4} | odd)
    assert compute.of(store).read(name) is None
    [fault] = compute.faults(store, [student])
    assert fault.startswith(f"{name}.json is ")


def test_a_fault_of_other_cells_is_none_of_these(store):
    trained(store, "cell")
    write_json(store.root / "compute" / "odd.json", {})
    assert compute.faults(store, [store.run("cell")]) == []
