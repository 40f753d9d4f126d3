"""Cells of the same labels that differ in recipe or teacher are not averaged."""

from cheapconv.reports.answers.content import build
from cheapconv.reports.rows import collect
from tests.reports.store import Store


def test_same_recipe_has_no_variant(small: Store) -> None:
    assert set(collect.read_sweep(small.root, "quick").variants.values()) == {""}


def test_an_overridden_number_makes_its_own_row(store: Store) -> None:
    store.seeds("S", "scratch", [0.9, 0.9])
    store.seeds("S", "scratch", [0.5], recipe={"lr": 0.05, "schedule": {"name": "step"}})
    store.plan()
    rows = build(store.root, "quick").rows
    assert list(zip(rows["variant"], rows["n"], rows["top1_mean"], strict=True)) == [
        ("", 2, 0.9),
        ("lr=0.05, schedule.name=step", 1, 0.5),
    ]


def test_teachers_are_named_only_where_a_row_has_several(store: Store) -> None:
    large = store.add("S", "scratch", 0, 0.95, architecture="WRN-40-2")
    small = store.add("S", "scratch", 0, 0.94)
    store.add("G(4)", "kd", 0, 0.93, teacher=large)
    store.add("G(4)", "kd", 0, 0.92, teacher=small)
    store.add("G(4)", "at", 0, 0.91, teacher=small)
    store.plan()
    assert list(collect.read_sweep(store.root, "quick").variants.values())[2:] == [
        "teacher=WRN-40-2 S scratch",
        "teacher=WRN-16-2 S scratch",
        "",
    ]
