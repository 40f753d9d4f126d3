"""A follower sends what has changed, leaves a failing server alone, whatever it does, and loses nothing for good."""

import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track.follow import Follower, command, follow, sync
from cheapconv.engine.track.push import push
from cheapconv.engine.track.server import connect
from cheapconv.engine.track.tracked import CellRefusedError
from tests.engine.written_cell import shared_database, write_cell, write_measurement, write_sweep

GENEROUS_S = 20.0  # a bound that a busy machine keeps; MLflow's own defaults wait for many minutes


class Server:
    """Stands in for `push`: notes the calls, and answers, refuses or fails as it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.error: Exception | None = None
        self.refused: list[str] = []

    def __call__(self, store: Store, key: str, sweep: str, uri: str) -> int:
        self.calls.append(key)
        if self.error:
            raise self.error
        if key in self.refused:
            raise CellRefusedError("bad name")
        return 1

    def new_calls(self) -> list[str]:
        """Since the last time."""
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three cells of the sweep `s`, one of them not begun."""
    store = Store(tmp_path / "runs")
    write_cell(store, "a", state="running", epochs=1)
    write_cell(store, "b")
    write_cell(store, "c", state="planned", epochs=0)
    write_sweep(store, "s", ["a", "b", "c", "a"])
    return store


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed_port() -> str:
    """A server that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _warnings_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)


def follower_of(store: Store, server: Server, **fields: Any) -> Follower:
    return Follower(store, "s", "http://h", send=server, **fields)


def test_what_has_changed_is_sent_once(store: Store, server: Server) -> None:
    follower = follower_of(store, server)
    follower.look()
    assert server.new_calls() == ["a", "b", "c"]
    follower.look()
    assert server.new_calls() == []
    for epoch in (2, 3):
        write_cell(store, "a", state="running", epochs=epoch)
    follower.look()
    follower.look()
    assert server.new_calls() == ["a"]
    write_measurement(store, "A CPU", 1.5)
    follower.look()
    assert server.new_calls() == ["b"], "a finished cell is timed later"


def test_an_unchanged_folder_is_not_read(store: Store, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = follower_of(store, server)
    follower.look()
    monkeypatch.setattr(Path, "read_text", lambda path: pytest.fail(f"{path} was read"))
    follower.look()


def test_the_last_look_comes_when_the_run_has_ended_and_sees_who_is_gone(store: Store, server: Server) -> None:
    waits: list[float] = []

    def ended(seconds: float) -> bool:
        waits.append(seconds)
        write_cell(store, "c", state="running", epochs=len(waits))
        return len(waits) == 2

    assert follow(follower_of(store, server), ended) is None
    assert waits == [2.0, 2.0]
    assert server.calls == ["a", "b", "c", "c", "a", "b", "c"], "a cell whose process is gone has no new file"


def test_a_failing_server_is_left_alone_for_longer_and_longer(store: Store, server: Server) -> None:
    server.error = ConnectionError("no")
    clock = SimpleNamespace(now=0.0)
    follower = follower_of(store, server, clock=lambda: clock.now)
    tries = []
    for now in (0, 59, 61, 180, 182):
        clock.now = now
        follower.look()
        tries.append(len(server.new_calls()))
    assert tries == [1, 0, 1, 0, 1]
    follower.look(last=True)
    assert server.calls == ["a"], "the last look tries once more"
    assert follower.failure == "no"


def test_the_pause_has_a_bound_and_begins_anew_after_an_answer(store: Store, server: Server) -> None:
    clock = SimpleNamespace(now=0.0)
    follower = follower_of(store, server, clock=lambda: clock.now)
    server.error = ConnectionError("no")
    for _ in range(20):
        clock.now += 900
        follower.look()
    assert len(server.new_calls()) == 20
    server.error = None
    clock.now += 900
    follower.look()
    server.error = ConnectionError("no")
    write_cell(store, "a")
    follower.look()
    clock.now += 61
    follower.look()
    assert server.calls == ["a", "b", "c", "a", "a"]


def test_a_server_that_recovers_gets_what_it_missed(store: Store, server: Server) -> None:
    server.error = ConnectionError("no")
    follower = follower_of(store, server)
    follower.look()
    assert (server.new_calls(), follower.failure) == (["a"], "no")
    server.error = None
    follower.look(last=True)
    assert (server.new_calls(), follower.failure) == (["a", "b", "c"], None)


def test_a_server_that_fails_half_way_gets_the_rest(store: Store, server: Server) -> None:
    clock = SimpleNamespace(now=0.0)
    follower = follower_of(store, server, clock=lambda: clock.now)
    follower.look()
    write_cell(store, "a")
    write_cell(store, "b", state="failed")
    server.error = ConnectionError("no")
    follower.look()
    server.error = None
    clock.now = 100.0
    server.new_calls()
    follower.look()
    assert server.calls == ["a", "b"]


def test_a_refused_cell_is_named_once_and_does_not_hold_up_the_others(
    store: Store, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.refused = ["a"]
    follower = follower_of(store, server)
    follower.look()
    write_cell(store, "a")
    follower.look()
    assert server.calls == ["a", "b", "c", "a"]
    assert (follower.sent["b"], follower.failure) == (1, None)
    assert [record.getMessage() for record in caplog.records] == ["cell a cannot be shown in MLflow: bad name"]


def test_a_cell_whose_process_is_gone_is_killed(store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    uri = shared_database(tmp_path_factory)
    write_sweep(store, "gone", ["a"])
    statuses = []

    def ended(seconds: float) -> bool:
        statuses.append(status(uri, "gone"))
        lock.__exit__(None, None, None)
        return True

    lock = store.run("a").lock()
    lock.__enter__()
    assert follow(Follower(store, "gone", uri), ended) is None
    assert [*statuses, status(uri, "gone")] == ["RUNNING", "KILLED"]


def status(uri: str, sweep: str) -> str:
    """Of the only run."""
    (run,) = connect(uri).search_runs([connect(uri).get_experiment_by_name(sweep).experiment_id])
    return run.info.status


def test_sync_of_a_dead_server_is_one_sentence(
    store: Store, closed_port: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(
        UserError, match=rf"MLflow at {closed_port} does not answer \(\[Errno 111\] Connection refused\): "
    ):
        sync(store, "s", closed_port)
    assert not caplog.records


def test_sync_of_a_server_that_never_answers_gives_up_at_the_first_cell(
    store: Store, black_hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    keys = [f"cell{i}" for i in range(20)]
    for key in keys:
        write_cell(store, key)
    write_sweep(store, "s", keys)
    start = time.monotonic()
    with pytest.raises(UserError, match=r"does not answer \(Read timed out\. \(read timeout=1\)\): start it"):
        sync(store, "s", black_hole)
    assert time.monotonic() - start < GENEROUS_S


def test_sync_of_an_unknown_sweep_names_the_nearest(store: Store) -> None:
    write_sweep(store, "quick", [])
    with pytest.raises(UserError, match=r"holds no plan of a sweep 'quik'; did you mean quick\?"):
        sync(store, "quik", "http://h")


def test_what_a_dead_server_missed_is_sent_by_sync_and_by_the_next_run(
    store: Store, tmp_path_factory: pytest.TempPathFactory, closed_port: str
) -> None:
    uri, sweep = shared_database(tmp_path_factory), "missed"
    keys = ["done", "also_done", "failed", "planned"]
    write_cell(store, "done")
    write_cell(store, "also_done")
    write_cell(store, "failed", state="failed")
    write_cell(store, "planned", state="planned")
    write_sweep(store, sweep, [*keys, "unheard_of"])
    assert follow(Follower(store, sweep, closed_port), lambda seconds: True) == "[Errno 111] Connection refused"
    counts = sync(store, sweep, uri)
    assert counts == {"sent": 3, "unchanged": 0, "refused": 0, "not_started": 2}
    assert sync(store, sweep, uri) == {"sent": 0, "unchanged": 3, "refused": 0, "not_started": 2}
    write_cell(store, "planned")
    follower = Follower(store, sweep, uri)
    follower.look()
    assert [key for key, values in follower.sent.items() if values] == ["planned"]
    experiment = connect(uri).get_experiment_by_name(sweep).experiment_id
    assert {run.data.tags["cell_key"] for run in connect(uri).search_runs([experiment])} == set(keys)


def test_sync_counts_and_names_what_cannot_be_sent(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (store.run("b").folder / "curve.jsonl").write_text("{")
    write_sweep(store, "s", ["b"])
    counts = sync(store, "s", f"sqlite:///{tmp_path}/never_made.db")
    assert counts == {"sent": 0, "unchanged": 0, "refused": 1, "not_started": 0}
    assert "cell b cannot be shown in MLflow: curve.jsonl is missing or damaged" in caplog.text
    assert push(store, "unheard_of", "s", "http://h") == 0


def test_the_command_says_what_was_sent_and_hides_passwords(store: Store) -> None:
    write_sweep(store, "empty", ["c"])
    [line] = command("empty", store.root, "http://user:secret@host:5000", keep_on=False)
    assert line == "empty in http://host:5000: {'sent': 0, 'unchanged': 0, 'refused': 0, 'not_started': 1}"


def test_there_is_nothing_to_send_to_nowhere(store: Store) -> None:
    with pytest.raises(UserError, match="nowhere to send to"):
        command("s", store.root, "none", keep_on=False)
