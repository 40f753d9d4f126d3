"""The mirror never keeps training waiting, whatever the server does, and loses nothing for good."""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track.mirror import Mirror, sync
from cheapconv.engine.track.push import CellRefusedError, connect, push
from tests.engine.written_cell import shared_database, write_cell, write_sweep

GENEROUS_S = 20.0  # a bound that a busy machine keeps; MLflow's own defaults wait for many minutes


class Server:
    """Stands in for `push`: notes the calls and answers, fails or hangs as it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.error: Exception | None = None
        self.called = threading.Semaphore(0)
        self.answers = threading.Event()
        self.answers.set()

    def __call__(self, store: Store, key: str, sweep: str, uri: str) -> int:
        self.calls.append(key)
        self.called.release()
        assert self.answers.wait(GENEROUS_S)
        if self.error:
            raise self.error
        return 1

    def wait_for_call(self) -> None:
        assert self.called.acquire(timeout=GENEROUS_S)


def wait_for_failure(mirror: Mirror) -> None:
    """Until the failure of a call is taken note of."""
    deadline = time.monotonic() + GENEROUS_S
    while mirror.failure is None or not mirror.unsent:
        assert time.monotonic() < deadline


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.answers.set()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


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


def test_changes_meanwhile_are_sent_once(store: Store, server: Server) -> None:
    server.answers.clear()
    with Mirror(store, "s", "http://h", send=server) as mirror:
        mirror.changed("a")
        server.wait_for_call()
        for key in "bcbcb":
            mirror.changed(key)
        server.answers.set()
    assert server.calls == ["a", "b", "c"]
    assert mirror.unsent == []


def test_a_hanging_server_blocks_nobody(store: Store, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.answers.clear()
    mirror = Mirror(store, "s", "http://me:secret@h", send=server)
    with mirror:
        mirror.changed("a")
        server.wait_for_call()
        for _ in range(1000):
            mirror.changed("b")
        mirror.close(patience_s=0.05)
    assert server.calls == ["a"]
    assert sorted(mirror.unsent) == ["a", "b"]
    (record,) = caplog.records
    assert record.getMessage() == (
        f"MLflow at http://h does not answer (nothing within 0.05 s); results are safe in {store.root}, "
        "`cheapconv sync s` sends them later"
    )


def test_a_slow_server_is_waited_for_while_it_answers(store: Store, server: Server) -> None:
    slow = threading.Event()

    def send(store: Store, key: str, sweep: str, uri: str) -> int:
        slow.wait(0.1)  # never set: an answer takes so long
        return server(store, key, sweep, uri)

    with Mirror(store, "s", "http://h", send=send) as mirror:
        for key in "abcdefgh":
            mirror.changed(key)
        mirror.close(patience_s=0.5)
    assert server.calls == list("abcdefgh")


def test_a_failing_server_is_left_alone_for_longer_and_longer(store: Store, server: Server) -> None:
    server.error = ConnectionError("no")
    clock = SimpleNamespace(now=0.0)
    mirror = Mirror(store, "s", "http://h", send=server, clock=lambda: clock.now)
    tries = []
    with mirror:
        for now in (0, 59, 61, 180, 182):
            clock.now = now
            before = len(server.calls)
            if now in (0, 61, 182):
                mirror.failure = None
                mirror.changed("a")
                wait_for_failure(mirror)
            else:
                mirror.changed("a")
            tries.append(len(server.calls) - before)
    assert tries == [1, 0, 1, 0, 1]
    assert len(server.calls) == 4, "close tries once more"


def test_a_server_that_recovers_gets_what_it_missed(
    store: Store, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.error = ConnectionError("no")
    with Mirror(store, "s", "http://h", send=server) as mirror:
        mirror.changed("a")
        wait_for_failure(mirror)
        mirror.changed("b")
        server.error = None
    assert mirror.unsent == []
    assert {"a", "b"} == set(server.calls)
    assert len(caplog.records) == 1


def test_a_refused_cell_does_not_hold_up_the_others(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def send(store: Store, key: str, sweep: str, uri: str) -> int:
        if key == "a":
            raise CellRefusedError("bad name")
        return 1

    with Mirror(store, "s", "http://h", send=send) as mirror:
        for key in "aba":
            mirror.changed(key)
    assert (mirror.sent["b"], mirror.unsent) == (1, [])
    assert [record.getMessage() for record in caplog.records] == ["cell a cannot be shown in MLflow: bad name"]


def test_an_interrupted_cell_is_sent_at_the_end(store: Store, server: Server) -> None:
    write_cell(store, "a", state="running", epochs=1)
    write_cell(store, "b")
    with Mirror(store, "s", "http://h", send=server) as mirror:
        for key in "ab":
            mirror.changed(key)
            server.wait_for_call()
    assert server.calls == ["a", "b", "a"]


def test_a_server_that_never_answers_costs_seconds(
    store: Store, black_hole: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    keys = [f"cell{i}" for i in range(20)]
    for key in keys:
        write_cell(store, key)
    mirror = Mirror(store, "s", black_hole)
    mirror.__enter__()
    start = time.monotonic()
    for key in keys:
        mirror.changed(key)
    changed = time.monotonic()
    mirror.close()
    assert changed - start < 1.0
    assert time.monotonic() - changed < GENEROUS_S
    assert sorted(mirror.unsent) == sorted(keys)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"MLflow at {black_hole} does not answer (Read timed out. (read timeout=1));")
    assert record.exc_info is None


def test_a_process_exits_although_a_call_hangs(store: Store, black_hole: str) -> None:
    write_cell(store, "a")
    program = (
        "import sys, pathlib, mlflow.tracking\n"
        "from engine.mirror import Mirror; from engine.store import Store\n"
        "mirror = Mirror(Store(pathlib.Path(sys.argv[1])), 's', sys.argv[2])\n"
        "with mirror:\n"
        "    mirror.changed('a')\n"
        "    mirror.close(patience_s=0.2)\n"
        "print(mirror.unsent)"
    )
    command = [sys.executable, "-c", program, str(store.root), black_hole]
    environment = os.environ | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "600"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=GENEROUS_S, check=True)
    assert done.stdout == "['a']\n"
    assert done.stderr.count("does not answer") == 1
    assert "Traceback" not in done.stderr


def test_sync_of_a_dead_server_is_one_sentence(
    store: Store, closed_port: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_cell(store, "a")
    write_sweep(store, "s", ["a"])
    with pytest.raises(
        UserError, match=rf"MLflow at {closed_port} does not answer \(\[Errno 111\] Connection refused\): "
    ):
        sync(store, "s", closed_port)
    assert not caplog.records


def test_sync_of_a_server_that_never_answers_gives_up(store: Store, black_hole: str) -> None:
    write_cell(store, "a")
    write_sweep(store, "s", ["a"])
    with pytest.raises(UserError, match=r"does not answer \(nothing within 0\.1 s\)"):
        sync(store, "s", black_hole, patience_s=0.1)


def test_sync_of_an_unknown_sweep_names_the_nearest(store: Store) -> None:
    write_sweep(store, "quick", [])
    with pytest.raises(UserError, match=r"holds no sweep 'quik'; did you mean quick\?"):
        sync(store, "quik", "http://h")


def test_what_a_dead_server_missed_is_sent_by_sync_and_by_the_next_run(
    store: Store, tmp_path_factory: pytest.TempPathFactory, closed_port: str
) -> None:
    uri, sweep = shared_database(tmp_path_factory), "missed"
    keys = ["done", "also_done", "failed", "planned"]
    for key, state in zip(keys, ["done", "done", "failed", "planned"], strict=True):
        write_cell(store, key, state=state)
    write_sweep(store, sweep, [*keys, "unheard_of"])
    with Mirror(store, sweep, closed_port) as mirror:
        pass
    assert {"done", "also_done", "failed"} <= set(mirror.unsent)
    counts = sync(store, sweep, uri)
    assert counts == {"sent": 3, "unchanged": 0, "refused": 0, "not_started": 2}
    assert sync(store, sweep, uri) == {"sent": 0, "unchanged": 3, "refused": 0, "not_started": 2}
    write_cell(store, "planned")
    with Mirror(store, sweep, uri) as mirror:
        pass
    assert [key for key, values in mirror.sent.items() if values] == ["planned"]
    experiment = connect(uri).get_experiment_by_name(sweep).experiment_id
    assert {run.data.tags["cell_key"] for run in connect(uri).search_runs([experiment])} == set(keys)


def test_sync_counts_and_names_what_cannot_be_sent(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_cell(store, "a")
    (store.folder("a") / "curve.jsonl").write_text("{")
    write_sweep(store, "s", ["a"])
    counts = sync(store, "s", f"sqlite:///{tmp_path}/never_made.db")
    assert counts == {"sent": 0, "unchanged": 0, "refused": 1, "not_started": 0}
    assert "cell a cannot be shown in MLflow: its files are damaged" in caplog.text
    assert push(store, "unheard_of", "s", "http://h") == 0


@pytest.fixture(autouse=True)
def _warnings_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
