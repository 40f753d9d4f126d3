"""One run of a sweep, however many machines begin to send its cells at the same moment."""

from pathlib import Path
from typing import Any

import pytest

from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import home
from cheapconv.engine.track.server import connect
from tests.engine.track.mirrors import only_run, push, runs
from tests.engine.written_cell import write_cell


class Late:
    """A client that does not see at its first look what another machine has just made."""

    def __init__(self, client: Any, *blind: str) -> None:
        self._client, self._blind = client, [*blind]

    def __getattr__(self, name: str) -> Any:
        if name not in self._blind:
            return getattr(self._client, name)
        self._blind.remove(name)
        return lambda *args, **named: [] if name == "search_runs" else None


@pytest.mark.parametrize(
    "blind", [["get_experiment_by_name"], ["search_runs"], ["get_experiment_by_name", "search_runs"]]
)
def test_two_machines_that_begin_at_once_share_the_run_of_the_sweep(
    tmp_path: Path, uri: str, blind: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "TICK_S", 0.0)
    sweep, first, second = f"two, {blind}", Store(tmp_path / "first"), Store(tmp_path / "second")
    write_cell(first, "a")
    write_cell(second, "b")
    push(first, "a", sweep, uri)
    late: Any = Late(connect(uri), *blind)
    push(second, "b", sweep, uri, connect=lambda _: late)
    parent = only_run(uri, sweep, "sweep")
    assert [run.data.tags["mlflow.parentRunId"] for run in runs(uri, sweep)] == [parent.info.run_id] * 2


def test_an_experiment_that_was_made_by_a_machine_that_died_gets_its_run(
    store: Store, uri: str, sweep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "PATIENCE_S", 0.0)
    connect(uri).create_experiment(sweep)
    write_cell(store, "a")
    push(store, "a", sweep, uri)
    assert only_run(uri, sweep).data.tags["mlflow.parentRunId"] == only_run(uri, sweep, "sweep").info.run_id


def test_a_deleted_run_of_the_sweep_is_made_again_without_waiting(
    store: Store, uri: str, sweep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cell(store, "a")
    push(store, "a", sweep, uri)
    connect(uri).delete_run(only_run(uri, sweep, "sweep").info.run_id)
    monkeypatch.setattr(home.time, "sleep", lambda seconds: pytest.fail("waited"))
    push(store, "a", sweep, uri, ask=True)
    assert only_run(uri, sweep).data.tags["mlflow.parentRunId"] == only_run(uri, sweep, "sweep").info.run_id
