"""Servers that are slow, or that do what they are asked and never say so: in the end everything is there once."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cheapconv.engine.store.runs import Store
from cheapconv.engine.track.child import following
from cheapconv.engine.track.follow import Follower
from cheapconv.engine.track.server import connect
from cheapconv.engine.track.sync import attach, sync
from tests.engine.track.mirrors import mirror, only_run, runs, steps
from tests.engine.written_cell import shared_database, write_cell, write_sweep

pytestmark = pytest.mark.slow

START_S = 300.0  # until a server answers, on a busy machine
LATE_S = 3.0
REQUESTS = 14  # more than a sweep of one cell needs


class Faulty:
    """A client whose request number `at` fails: before the server does it, or after, when the answer is lost."""

    def __init__(self, client: Any, at: int, *, done: bool) -> None:
        self.client, self.at, self.done = client, at, done

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.client, name)
        return self.request(value) if callable(value) else value

    def request(self, call: Any) -> Any:
        def asked(*args: Any, **named: Any) -> Any:
            self.at -= 1
            if self.at == 0 and not self.done:
                raise ConnectionError("no connection")
            answer = call(*args, **named)
            if self.at == 0:
                raise ConnectionError("no answer")
            return answer

        return asked


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    for key in ("a", "b"):
        write_cell(store, key)
    write_sweep(store, "s", ["a", "b"])
    return store


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("at", range(1, REQUESTS + 1))
def test_a_request_that_fails_is_made_good_and_doubles_nothing(
    store: Store, tmp_path_factory: pytest.TempPathFactory, at: int, done: bool
) -> None:
    uri, sweep = shared_database(tmp_path_factory), f"fails at {at}, {done}"
    write_sweep(store, sweep, ["a"])
    faulty: Any = Faulty(connect(uri), at, done=done)
    follower = Follower(store, mirror(store, sweep, uri, connect=lambda _: faulty), uri)
    follower.look(last=True)
    follower.look(last=True)
    assert follower.failure is None
    run = only_run(uri, sweep)
    assert all(found in ([0], [0, 1, 2]) for found in steps(uri, run).values())
    assert run.info.status == only_run(uri, sweep, "sweep").info.status == "FINISHED"
    assert run.data.tags["mlflow.parentRunId"] == only_run(uri, sweep, "sweep").info.run_id
    assert len(run.inputs.dataset_inputs) == 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's own, which keeps artifacts too."""
    folder = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/server.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with subprocess.Popen(command, cwd=folder, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        uri, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_S
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"{uri}/health"):
                break
            time.sleep(0.5)
        yield uri
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def late(server: str) -> Iterator[str]:
    """The same server, each of whose answers takes seconds."""

    class Late(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(LATE_S)
            length = int(self.headers.get("Content-Length") or 0)
            kind = {"Content-Type": self.headers["Content-Type"]} if length else {}
            request = urllib.request.Request(
                server + self.path, self.rfile.read(length) if length else None, kind, method=self.command
            )
            try:
                with urllib.request.urlopen(request) as answer:
                    status, body = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                status, body = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_GET

        def log_message(self, *args: object) -> None:
            """Not to the terminal."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Late) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()


def test_a_server_takes_everything_and_the_report(store: Store, server: str, tmp_path: Path) -> None:
    assert sync(store, "s", server) == {"sent": 2, "unchanged": 0, "refused": 0, "not_started": 0}
    assert sync(store, "s", server) == {"sent": 0, "unchanged": 2, "refused": 0, "not_started": 0}
    page = tmp_path / "index.html"
    page.write_text("<p>best")
    attach(store.root, "s", [page], server)
    parent = only_run(server, "s", "sweep")
    assert [file.path for file in connect(server).list_artifacts(parent.info.run_id, "report")] == ["report/index.html"]
    for run in runs(server, "s"):
        assert all(found in ([0], [0, 1, 2]) for found in steps(server, run).values())
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_slow_server_is_served_by_sync(store: Store, late: str) -> None:
    write_sweep(store, "slow", ["a", "b"])
    assert sync(store, "slow", late) == {"sent": 2, "unchanged": 0, "refused": 0, "not_started": 0}


def test_a_slow_server_is_served_by_a_run(store: Store, late: str, caplog: pytest.LogCaptureFixture) -> None:
    write_sweep(store, "slow run", ["a"])
    with following(store, "slow run", late):
        pass
    assert not caplog.records
    assert only_run(late, "slow run").info.status == "FINISHED"
    memory = json.loads((store.root / "mlflow.json").read_text())
    assert memory[late]["slow run"]["status"] == "FINISHED"
