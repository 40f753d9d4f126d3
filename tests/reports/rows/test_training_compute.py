"""Multiply-adds of training in the rows of a report."""

import math

import pytest

from cheapconv.reports.answers.content import build
from cheapconv.reports.rows.quantities import quantities
from tests.reports.store import Store

IMAGES = 2 * 500 * 5  # of a training: two epochs of five seconds
SHOWN = ("train_macs", "train_macs_with_teacher")


def numbers(store: Store) -> dict[tuple[str, str], tuple[float, ...]]:
    """Of each row, by conv and method."""
    rows = build(store.plan(), "quick").rows
    return {(row["conv"], row["method"]): tuple(row[name] for name in SHOWN) for _, row in rows.iterrows()}


@pytest.fixture
def taught(store: Store) -> Store:
    """A teacher, and two seeds of what it teaches, of which steps were counted."""
    [teacher] = store.seeds("S", "scratch", [0.95])
    students = store.seeds("G(4)", "kd", [0.93, 0.94], teacher=teacher)
    store.count(teacher, 3000)
    store.count(students[0], 2000, teacher)
    return store


def test_own_ones_and_those_of_the_teacher(taught: Store) -> None:
    assert numbers(taught) == {
        ("S", "scratch"): (300 * IMAGES, 300 * IMAGES),
        ("G(4)", "kd"): (200 * IMAGES, 500 * IMAGES),
    }
    assert "train_macs_with_teacher" in [each.field for each in quantities(build(taught.root, "quick").rows)]


def test_where_nothing_was_counted_there_is_no_number_and_no_column(small: Store) -> None:
    content = build(small.plan(), "quick")
    assert content.rows[[*SHOWN]].isna().all(axis=None)
    assert not [column for column in content.columns if "MACs)" in column.title and "Training" in column.title]


def test_without_that_of_its_teacher_it_has_its_own(store: Store) -> None:
    [teacher] = store.seeds("S", "scratch", [0.95])
    [student] = store.seeds("G(4)", "kd", [0.93], teacher=teacher)
    store.count(student, 2000, teacher)
    own, both = numbers(store)["G(4)", "kd"]
    assert own == 200 * IMAGES
    assert math.isnan(both)


def test_a_teacher_of_another_sweep_in_the_store_counts_too(store: Store) -> None:
    [teacher] = store.seeds("S", "scratch", [0.95])
    [student] = store.seeds("G(4)", "kd", [0.93], teacher=teacher)
    store.count(teacher, 3000), store.count(student, 2000, teacher)
    store.keys.remove(teacher)
    assert numbers(store)["G(4)", "kd"] == (200 * IMAGES, 500 * IMAGES)


def test_of_some_seeds_there_is_no_mean(taught: Store) -> None:
    (taught.root / taught.keys[-1] / "curve.jsonl").unlink()
    assert all(map(math.isnan, numbers(taught)["G(4)", "kd"]))


def test_a_damaged_count_is_told(taught: Store) -> None:
    for path in (taught.root / "compute").glob("*.json"):
        path.write_text(path.read_text().replace("3000", "3001"))
    content = build(taught.plan(), "quick")
    assert len([fault for fault in content.sweep.faults if "is damaged" in fault]) == 1


def test_a_damaged_count_of_another_sweep_is_not_told(taught: Store) -> None:
    [other] = taught.seeds("G(8)", "scratch", [0.9])
    taught.count(other, 1000)
    for path in (taught.root / "compute").glob("*.json"):
        path.write_text(path.read_text().replace("1000", "1001"))
    taught.keys.remove(other)
    assert build(taught.plan(), "quick").sweep.faults == ()
