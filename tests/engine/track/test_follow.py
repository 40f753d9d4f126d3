"""A follower sends what has changed, leaves a failing server alone, whatever it does, and loses nothing for good."""

import itertools
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cheapconv.engine.store import documents
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import sweep as sweeps
from cheapconv.engine.track.follow import Follower, follow
from cheapconv.engine.track.tracked import CellRefusedError
from tests.engine.track.mirrors import mirror, only_run
from tests.engine.written_cell import shared_database, write_cell, write_deployment, write_measurement, write_sweep


class Server:
    """Stands in for a mirror: notes the calls, and answers, refuses or fails as it is told."""

    def __init__(self, store: Store) -> None:
        self.sweep = sweeps.read(store, "s")
        self.calls: list[str] = []
        self.concluded: list[bool] = []  # whether the run goes on
        self.error: Exception | None = None
        self.refused: list[str] = []

    def conclude(self, *, goes_on: bool) -> None:
        self.concluded.append(goes_on)

    def send(self, key: str) -> int:
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
def store(tmp_path: Path) -> Store:
    """Three cells of the sweep `s`, one of them not begun."""
    store = Store(tmp_path / "runs")
    write_cell(store, "a", state="running", epochs=1)
    write_cell(store, "b")
    write_cell(store, "c", state="planned", epochs=0)
    write_sweep(store, "s", ["a", "b", "c", "a"])
    return store


@pytest.fixture
def server(store: Store) -> Server:
    return Server(store)


@pytest.fixture(autouse=True)
def _warnings_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)


def follower_of(store: Store, server: Server, **fields: Any) -> Follower:
    return Follower(store, server, "http://h", **fields)


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
    for top1 in (0.5, 0.6):
        write_deployment(store, "b", top1, 0.4)
        follower.look()
        follower.look()
        assert server.new_calls() == ["b"], "and scored in int8"


def test_an_unchanged_folder_is_not_read(store: Store, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = follower_of(store, server)
    follower.look()
    monkeypatch.setattr(documents, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    follower.look()


def test_the_last_look_comes_when_the_run_has_ended_and_sees_who_is_gone(store: Store, server: Server) -> None:
    waits: list[float] = []

    def ended(seconds: float) -> bool:
        waits.append(seconds)
        write_cell(store, "c", state="running", epochs=len(waits))
        return len(waits) == 2

    assert follow(follower_of(store, server), ended, cpu_s=lambda: 0.0) is None
    assert waits == [2.0, 2.0]
    assert server.concluded == [True, True, False]
    assert server.calls == ["a", "b", "c", "c", "a", "b", "c"], "a cell whose process is gone has no new file"


@pytest.mark.parametrize(("looking_s", "pause_s"), [(0.001, 2.0), (0.05, 5.0), (4.0, 30.0)])
def test_looking_takes_a_hundredth_of_a_core_at_most(
    looking_s: float, pause_s: float, store: Store, server: Server
) -> None:
    waits: list[float] = []
    clock = itertools.count(step=looking_s)
    follow(follower_of(store, server), lambda seconds: bool(waits.append(seconds)) or len(waits) == 2, clock.__next__)
    assert waits == pytest.approx([pause_s, pause_s])


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


def test_a_cell_that_was_mended_is_refused_no_more(store: Store, server: Server) -> None:
    server.refused = ["a"]
    follower = follower_of(store, server)
    follower.look()
    assert list(follower.refused) == ["a"]
    server.refused = []
    write_cell(store, "a")
    follower.look()
    assert not follower.refused


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
    assert follow(follower(store, "gone", uri), ended) is None
    assert [*statuses, status(uri, "gone")] == ["RUNNING", "KILLED"]
    assert status(uri, "gone", "sweep") == "KILLED"


def follower(store: Store, sweep: str, uri: str) -> Follower:
    """Of a sweep that is sent for good."""
    return Follower(store, mirror(store, sweep, uri), uri)


def status(uri: str, sweep: str, kind: str = "cell") -> str:
    """Of the only run of its kind."""
    return only_run(uri, sweep, kind).info.status
