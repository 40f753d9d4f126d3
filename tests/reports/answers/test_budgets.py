"""The best for a budget, where rows are trained by several recipes."""

from cheapconv.reports.answers.content import build
from tests.reports.store import Store


def told(store: Store) -> str:
    """What is said of the budget of multiply-adds."""
    return next(each.text for each in build(store.plan(), "quick").findings if "Multiply-adds at most" in each.text)


def test_beside_a_best_that_was_trained_for_longer_stands_the_best_by_the_sweeps_own_recipe(store: Store) -> None:
    store.seeds("G(4)", "scratch", [0.900, 0.901])
    store.seeds("G(4)", "kd", [0.950, 0.951])
    store.seeds("G(4)", "at", [0.920, 0.921])
    store.seeds("G(4)", "scratch", [0.980, 0.981], recipe={"epochs": 400})
    said = told(store)
    assert "the best is WRN-16-2 G(4) + scratch [epochs=400], 98.05 %" in said
    assert "By the sweep's own recipe it is WRN-16-2 G(4) + kd, 95.05 %" in said


def test_whether_that_one_stands_alone_is_said(store: Store) -> None:
    store.seeds("G(4)", "kd", [0.850, 0.851])
    store.seeds("G(4)", "at", [0.849, 0.850])
    store.seeds("G(4)", "scratch", [0.980, 0.981], recipe={"epochs": 400})
    store.seeds("G(4)", "scratch", [0.700, 0.701])
    assert told(store).endswith("n=2), not distinguishable from others.")


def test_of_one_row_nothing_is_said_of_others(store: Store) -> None:
    store.seeds("G(4)", "kd", [0.850, 0.851])
    store.seeds("G(4)", "scratch", [0.980, 0.981], recipe={"epochs": 400})
    store.seeds("S", "scratch", [0.700, 0.701])
    assert "By the sweep's own recipe it is WRN-16-2 G(4) + kd, 85.05 % (95 % interval" in told(store)
    assert told(store).endswith("n=2).")


def test_a_best_by_the_sweeps_own_recipe_is_named_once(store: Store) -> None:
    store.seeds("G(4)", "kd", [0.950, 0.951])
    store.seeds("G(4)", "scratch", [0.900, 0.901], recipe={"epochs": 400})
    store.seeds("G(4)", "scratch", [0.890, 0.891])
    assert "own recipe" not in told(store)
