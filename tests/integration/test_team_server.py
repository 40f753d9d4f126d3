"""A team's tracking server, the real one: sixteen followers at once, servers that die meanwhile, secrets."""

import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cheapconv.engine.store.runs import Store
from cheapconv.engine.track.server import connect
from cheapconv.engine.track.sync import attach, sync
from tests.engine.track.mirrors import only_run, runs
from tests.engine.written_cell import write_cell, write_sweep
from tests.integration.conftest import Servers
from tests.integration.crowd import CELLS, EPOCHS, MACHINES, Machine, followed, held, parents
from tests.integration.servers import PASSWORD, until

pytestmark = pytest.mark.integration


def machines(folder: Path, *names: str) -> list[Machine]:
    return [Machine(folder, number, name) for number, name in enumerate(names)]


@pytest.mark.parametrize("shared", [False, True], ids=["a sweep each", "one sweep"])
def test_sixteen_followers_at_once(servers: Servers, tmp_path: Path, shared: bool) -> None:
    postgres, server = servers
    names = ["crowd"] * MACHINES if shared else [f"crowd {number}" for number in range(MACHINES)]
    crowd = machines(tmp_path, *names)
    with followed(crowd, server.uri):
        for epochs in range(1, EPOCHS + 1):
            for machine in crowd:
                machine.train(epochs)
            least = min(epochs, CELLS)
            until("more cells of each", lambda least=least: all(machine.known >= least for machine in crowd))
    expected = sum((machine.expected() for machine in crowd), Counter[str]())
    assert expected["runs"] == MACHINES * CELLS
    assert held(postgres, {*names}) == expected
    for name in {*names}:
        assert [*parents(postgres, name).values()] == [CELLS * names.count(name)]


@pytest.mark.parametrize("victim", ["MLflow", "PostgreSQL"])
def test_a_server_that_is_killed_in_mid_sweep_loses_and_doubles_nothing(
    servers: Servers, tmp_path: Path, victim: str
) -> None:
    postgres, server = servers
    names = [f"{victim} {number}" for number in range(MACHINES)]
    crowd = machines(tmp_path, *names)
    with followed(crowd, server.uri):
        for machine in crowd:
            machine.train(2)
        third = MACHINES * CELLS // 3
        until("a third of the cells", lambda: sum(machine.known for machine in crowd) >= third)
        (server if victim == "MLflow" else postgres).kill()
        for machine in crowd:
            machine.train(4)
        (server if victim == "MLflow" else postgres).start()
        until("the server is back", server.answers)
        for machine in crowd:
            machine.train(EPOCHS)
    for machine in crowd:  # what no follower could send any more, the next run or `sync` does
        counts = sync(machine.store, machine.sweep, server.uri)
        assert counts["refused"] == counts["not_started"] == 0
    expected = sum((machine.expected() for machine in crowd), Counter[str]())
    assert held(postgres, {*names}) == expected
    for name in names:
        assert [*parents(postgres, name).values()] == [CELLS]
        assert {run.info.status for run in runs(server.uri, name)} == {"FINISHED"}


@pytest.mark.parametrize("to", ["server", "database"])
def test_a_password_in_the_uri_is_shown_nowhere(
    servers: Servers, tmp_path: Path, to: str, caplog: pytest.LogCaptureFixture
) -> None:
    postgres, server = servers
    caplog.set_level(logging.DEBUG)
    uri = f"http://me:{PASSWORD}@127.0.0.1:{server.port}" if to == "server" else postgres.uri()
    store, sweep = Store(tmp_path / "runs"), f"secret of the {to}"
    write_cell(store, "a")
    write_sweep(store, sweep, ["a"])
    page = tmp_path / "index.html"
    page.write_text("<p>best")
    environment = os.environ | {"MLFLOW_TRACKING_URI": uri, "CHEAPCONV_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-P", "-m", "cheapconv.runner", "sync", sweep, "--store", str(store.root)]
    said = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    attach(store.root, sweep, [page], uri)
    assert "Tracking: " in said.stdout
    shown = [said.stdout, said.stderr, caplog.text]
    for kind in ("cell", "sweep"):
        run = only_run(uri, sweep, kind)
        shown += [*run.data.tags.values(), *run.data.params.values(), run.info.artifact_uri]
    shown += [path.read_text() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".db"]
    assert not [text for text in shown if PASSWORD in text]


def test_the_report_and_the_data_are_with_the_sweep(servers: Servers, tmp_path: Path) -> None:
    _, server = servers
    store = Store(tmp_path / "runs")
    write_cell(store, "a")
    write_sweep(store, "report", ["a"])
    sync(store, "report", server.uri)
    page = tmp_path / "index.html"
    page.write_text("<p>best")
    attach(store.root, "report", [page], server.uri)
    parent, cell = only_run(server.uri, "report", "sweep"), only_run(server.uri, "report")
    client = connect(server.uri)
    assert [file.path for file in client.list_artifacts(parent.info.run_id, "report")] == ["report/index.html"]
    for run in (parent, cell):
        [used] = run.inputs.dataset_inputs
        assert (used.dataset.name, used.dataset.digest) == ("digits", "d1")
