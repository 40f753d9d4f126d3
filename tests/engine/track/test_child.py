"""The follower as a process: the run waits for it for seconds at most, and it does not outlive the run."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cheapconv.engine.store.runs import Store
from cheapconv.engine.track.child import finish, following, start
from cheapconv.engine.track.server import connect
from tests.engine.track.mirrors import only_run
from tests.engine.written_cell import shared_database, write_cell, write_sweep

GENEROUS_S = 60.0  # MLflow is imported in these tests, on a machine that may be busy
TICK_S = 0.05


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    keys = [f"cell{i}" for i in range(20)]
    for key in keys:
        write_cell(store, key)
    write_sweep(store, "s", keys)
    return store


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def scripted(program: str) -> subprocess.Popen[bytes]:
    return start([sys.executable, "-c", "import sys, time\n" + program])


def test_what_it_has_to_say_is_heard_to_the_end() -> None:
    with scripted("print('one\\n\\ntwo', flush=True); sys.stdin.read(); sys.stderr.write('three')") as process:
        assert finish(process, GENEROUS_S, "silent") == ["one", "two", "three"]
    assert process.returncode == 0


def test_it_is_waited_for_while_it_gives_signs_of_life() -> None:
    program = "sys.stdin.read()\nfor _ in range(8): time.sleep(0.25); print(flush=True)\nprint('sent')"
    with scripted(program) as process:
        assert finish(process, 2.0, "silent") == ["sent"]  # the eight take as long as two such waits


def test_it_is_killed_where_it_falls_silent() -> None:
    with scripted("print('begun', flush=True); time.sleep(600)") as process:
        begun = time.monotonic()
        assert finish(process, 1.0, "silent")[-1] == "silent"
        assert time.monotonic() - begun < GENEROUS_S
    assert process.returncode == -signal.SIGKILL


def test_it_does_not_hear_the_terminals_interrupt() -> None:
    with scripted("sys.stdin.read()") as process:
        assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
        finish(process, GENEROUS_S, "silent")


def test_a_run_that_tracks_nothing_starts_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **named: pytest.fail("a process was started"))
    with following(store, "s", None):
        pass


def test_a_dead_server_costs_a_run_seconds_and_one_line(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    begun = time.monotonic()
    with following(store, "s", "http://me:secret@127.0.0.1:9"):
        assert time.monotonic() - begun < 1.0
    assert time.monotonic() - begun < GENEROUS_S
    assert [record.getMessage() for record in caplog.records] == [
        f"MLflow at http://127.0.0.1:9 does not answer ([Errno 111] Connection refused); results are safe in "
        f"{store.root}, `cheapconv sync s --store {store.root}` sends them later"
    ]


def test_a_server_that_never_answers_costs_a_run_seconds(
    store: Store, black_hole: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    begun = time.monotonic()
    with following(store, "s", black_hole):
        pass
    assert time.monotonic() - begun < GENEROUS_S
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"MLflow at {black_hole} does not answer (Read timed out. (read timeout=1)); results are")


def test_a_call_that_hangs_does_not_keep_the_run_from_ending(
    store: Store, black_hole: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "600")
    with following(store, "s", black_hole, patience_s=0.2):
        pass
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"MLflow at {black_hole} does not answer (nothing within 0.2 s); results are safe in")


def test_a_follower_sends_the_end_although_its_run_was_killed(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The run holds the lock of a cell that it trains, and dies by SIGKILL."""
    uri = shared_database(tmp_path_factory)
    connect(uri)
    write_cell(store, "begun", state="running", epochs=1)
    write_sweep(store, "killed", ["begun"])
    program = (
        "import sys, pathlib, os\n"
        "from cheapconv.engine.store.runs import Store; from cheapconv.engine.track import child\n"
        "begin = child.start\n"
        "def start(*args):\n"
        "    process = begin(*args); print(process.pid, flush=True); return process\n"
        "child.start = start\n"
        "store = Store(pathlib.Path(sys.argv[1]))\n"
        "with store.run('begun').lock(), child.following(store, 'killed', sys.argv[2]):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(store.root), uri], stdout=subprocess.PIPE, text=True, timeout=GENEROUS_S
    )
    assert killed.returncode == -signal.SIGKILL
    wait_for_end(int(killed.stdout))
    assert only_run(uri, "killed").info.status == "KILLED"


def wait_for_end(pid: int) -> None:
    """Until the process is gone; it is nobody's child any more."""
    deadline = time.monotonic() + GENEROUS_S
    while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(TICK_S)
