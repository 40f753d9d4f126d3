"""Rows whose cells were trained by different code of a plugin, in a report."""

import json

from cheapconv.reports.answers.content import build
from tests.reports.store import ENVIRONMENT, Store


def by_code(store: Store, key: str, *states: str) -> None:
    """A cell that was begun, and resumed, with these states of the plugin."""
    machines = [ENVIRONMENT | {"versions": {"torch": "2.12.0", "plugin mine": state}} for state in states]
    (store.root / key / "environment.json").write_text(json.dumps(machines))


def told(store: Store) -> list[str]:
    store.plan("quick")
    return [line for line in build(store.root, "quick").remarks if "different code" in line]


def test_one_code_for_all_is_nothing_to_tell(tmp_path):
    store = Store(tmp_path)
    for key in store.seeds("S", "scratch", (0.9, 0.91)):
        by_code(store, key, "files a")
    for key in store.seeds("S", "kd", (0.92, 0.93)):  # a row of its own, by another state: its plugin has grown
        by_code(store, key, "files b")
    assert told(store) == []


def test_seeds_of_different_code_are_told_with_their_states(tmp_path):
    store = Store(tmp_path)
    first, second, third = store.seeds("S", "scratch", (0.9, 0.91, 0.92))
    by_code(store, first, "files a")
    by_code(store, second, "files b")
    by_code(store, third, "files a", "files b")  # resumed after a change
    row = "WRN-16-2 S scratch was trained by different code of the plugin mine, under one `version`"
    assert told(store) == [f"{row}: files a (seed 0, 2); files b (seed 1, 2)."]
