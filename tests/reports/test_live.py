"""A report that follows a sweep while it runs."""

from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.reports import live
from cheapconv.reports.page import page
from tests.reports.store import Store


def test_it_is_written_at_each_change_until_all_have_ended(store: Store, tmp_path: Path) -> None:
    first = store.add("S", "scratch", 0, state="running")
    second = store.add("G(4)", "scratch", 0, state="planned")
    store.plan()
    pauses = []

    def finish(key: str, conv: str, state: str = "done") -> None:
        """As the runner would leave it."""
        other = Store(tmp_path / "other")
        done = other.add(conv, "scratch", 0, 0.9, state=state)
        for path in (other.root / done).iterdir():
            (store.root / key / path.name).write_text(path.read_text().replace(done, key))

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:  # nothing has changed at the first one
            finish(first, "S")
        if len(pauses) == 3:
            finish(second, "G(4)")

    out = tmp_path / "out"
    refreshed = []

    def write(is_last: bool) -> None:
        page.render(store.root, "quick", out, out / "assets", refreshed=not is_last)
        text = (out / "index.html").read_text()
        assert ("location.reload()" in text) is ('http-equiv="refresh"' in text)
        refreshed.append("location.reload()" in text)

    told = [*live.follow(store.root, "quick", write, pause)]
    assert [line.split(":")[0] for line in told] == ["waiting", "written", "written"]
    assert told[1:] == ["written: 1 of 2 cells have ended", "written: 2 of 2 cells have ended"]
    assert refreshed == [True, False]
    assert pauses == [live.EVERY_S] * 3


def test_a_sweep_without_a_plan_is_one_sentence(store: Store) -> None:
    with pytest.raises(UserError, match="run it first"):
        next(live.follow(store.root, "quick", lambda is_last: None, lambda seconds: None))


def test_a_sweep_of_which_every_cell_has_failed_is_one_sentence(store: Store, tmp_path: Path) -> None:
    store.add("S", "scratch", 0, state="failed", error="boom")
    store.plan()
    with pytest.raises(UserError, match=r"no cell of sweep 'quick' .* is done yet"):
        [*live.follow(store.root, "quick", lambda is_last: page.render(store.root, "quick", tmp_path), lambda s: None)]


def test_what_fails_with_results_there_is_not_waited_for(small: Store) -> None:
    def full(is_last: bool) -> None:
        raise UserError("the disk is full.")

    with pytest.raises(UserError, match="full"):
        [*live.follow(small.root, "quick", full, lambda seconds: None)]
