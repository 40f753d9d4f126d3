"""`cheapconv sync` sends what MLflow lacks, counts what it did, and says in a sentence why it could not."""

import time
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track.follow import Follower, follow
from cheapconv.engine.track.sync import command, sync
from tests.engine.track.mirrors import mirror, only_run, push, runs
from tests.engine.written_cell import shared_database, write_cell, write_sweep

GENEROUS_S = 20.0  # a bound that a busy machine keeps; MLflow's own defaults wait for many minutes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two cells of the sweep `s`, the second not begun."""
    store = Store(tmp_path / "runs")
    write_cell(store, "b")
    write_cell(store, "c", state="planned", epochs=0)
    write_sweep(store, "s", ["b", "c"])
    return store


def follower(store: Store, sweep: str, uri: str) -> Follower:
    """Of a sweep that is sent for good."""
    return Follower(store, mirror(store, sweep, uri), uri)


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
    assert follow(follower(store, sweep, closed_port), lambda seconds: True) == "[Errno 111] Connection refused"
    counts = sync(store, sweep, uri)
    assert counts == {"sent": 3, "unchanged": 0, "refused": 0, "not_started": 2}
    assert sync(store, sweep, uri) == {"sent": 0, "unchanged": 3, "refused": 0, "not_started": 2}
    write_cell(store, "planned")
    again = follower(store, sweep, uri)
    again.look()
    assert [key for key, values in again.sent.items() if values] == ["planned"]
    assert {run.data.tags["cell_key"] for run in runs(uri, sweep)} == set(keys)
    assert only_run(uri, sweep, "sweep").info.status == "RUNNING"


def test_sync_counts_and_names_what_cannot_be_sent(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (store.run("b").folder / "curve.jsonl").write_text("{")
    write_sweep(store, "s", ["b"])
    counts = sync(store, "s", f"sqlite:///{tmp_path}/never_made.db")
    assert counts == {"sent": 0, "unchanged": 0, "refused": 1, "not_started": 0}
    assert "cell b cannot be shown in MLflow: curve.jsonl is missing or damaged" in caplog.text
    assert push(store, "unheard_of", "s", "http://h") == 0


def test_a_sync_that_had_to_leave_cells_out_is_no_success(store: Store, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/never_made.db"
    write_sweep(store, "s", ["b", "c"])
    (store.run("b").folder / "curve.jsonl").write_text("{")
    assert command("s", store.root, uri, keep_on=False) == 1


def test_the_command_says_what_was_sent_and_hides_passwords(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    write_sweep(store, "empty", ["c"])
    assert command("empty", store.root, "http://user:secret@host:5000", keep_on=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "empty in http://host:5000: 0 sent, 0 unchanged, 0 refused, 1 not started",
        "Tracking: http://host:5000/#/experiments?workflowType=machine_learning",
    ]


def test_there_is_nothing_to_send_to_nowhere(store: Store) -> None:
    with pytest.raises(UserError, match="nowhere to send to"):
        command("s", store.root, "none", keep_on=False)
