"""A cell that is trained again is a run of its own, and no metric ever has two values at one step."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from cheapconv.engine.store.files import write_json
from cheapconv.engine.store.records import CurveRow, Environment
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import push as pushing
from cheapconv.engine.track.server import connect
from tests.engine.track.mirrors import history, only_run, push, runs, steps
from tests.engine.written_cell import MACHINE, read_memory, row, write_cell, write_measurement

KEY = "0123456789abcdef"
LATER = "2026-01-02T00:00:00+00:00"


def train(store: Store, losses: list[float], *, state: Any = "done", begun: str | None = None) -> None:
    """The cell after epochs with these losses; `begun` again, from its beginning, if that is given."""
    write_cell(store, KEY, state=state, epochs=len(losses))
    run = store.run(KEY)
    if begun:
        write_json(run.folder / "environment.json", [asdict(MACHINE) | {"start": begun}])
    run.write_curve(rows(losses))


def rows(losses: list[float]) -> list[CurveRow]:
    """Their lines of the curve."""
    return [replace(row(epoch), loss=loss) for epoch, loss in enumerate(losses)]


def test_an_epoch_that_would_be_trained_again_is_not_shown(store: Store, uri: str, sweep: str) -> None:
    """The curve of a killed training is an epoch ahead of its checkpoint; the state follows the checkpoint."""
    train(store, [3.0, 3.0], state="running")
    store.run(KEY).write_curve(rows([3.0, 3.0, 5.0]))
    push(store, KEY, sweep, uri)
    assert steps(uri, only_run(uri, sweep))["loss"] == [0, 1]
    train(store, [3.0, 3.0, 7.0])
    push(store, KEY, sweep, uri)
    run = only_run(uri, sweep)
    assert [value for _, value, _ in history(uri, run, "loss")] == [3.0, 3.0, 7.0]


@pytest.mark.parametrize("begun", [LATER, None])
def test_a_cell_that_is_trained_again_is_a_run_of_its_own(
    store: Store, uri: str, sweep: str, begun: str | None
) -> None:
    train(store, [3.0, 3.0], state="failed")
    push(store, KEY, sweep, uri)
    train(store, [4.0, 4.0, 4.0], begun=begun)
    push(store, KEY, sweep, uri)
    second, first = runs(uri, sweep)
    assert [value for _, value, _ in history(uri, first, "loss")] == [3.0, 3.0]
    assert [value for _, value, _ in history(uri, second, "loss")] == [4.0, 4.0, 4.0]
    assert (first.info.status, second.info.status) == ("FAILED", "FINISHED")
    assert (first.data.tags["attempt"], first.data.tags["latest_attempt"]) == ("1", "false")
    assert (second.data.tags["attempt"], second.data.tags["latest_attempt"]) == ("2", "true")
    assert second.info.run_name == "WRN-10-2 G(4) kd seed 0 (attempt 2)"
    assert push(store, KEY, sweep, uri, ask=True) == 0
    assert len(runs(uri, sweep)) == 2


def test_an_attempt_that_has_not_ended_an_epoch_is_one_already(store: Store, uri: str, sweep: str) -> None:
    train(store, [3.0, 3.0], state="failed")
    push(store, KEY, sweep, uri)
    train(store, [], state="running", begun=LATER)
    push(store, KEY, sweep, uri)
    second, first = runs(uri, sweep)
    assert (first.data.tags["error"], second.data.tags.get("error", "")) == ("ValueError: nan", "")
    assert not second.data.metrics


def test_an_attempt_that_left_nothing_is_not_shown(store: Store, uri: str, sweep: str) -> None:
    train(store, [], state="running")
    push(store, KEY, sweep, uri)
    train(store, [4.0], begun=LATER)
    push(store, KEY, sweep, uri)
    run = only_run(uri, sweep)
    assert (run.info.run_name, steps(uri, run)["loss"]) == ("WRN-10-2 G(4) kd seed 0", [0])


def test_a_cell_whose_folder_was_deleted_is_another_attempt(store: Store, uri: str, sweep: str) -> None:
    train(store, [3.0, 3.0])
    push(store, KEY, sweep, uri)
    (store.run(KEY).folder / "mlflow.json").unlink()
    train(store, [4.0, 4.0])
    push(store, KEY, sweep, uri)
    assert [run.data.tags["latest_attempt"] for run in runs(uri, sweep)] == ["true", "false"]


def test_fewer_epochs_of_the_same_start_wait_for_what_comes_of_them(store: Store, uri: str, sweep: str) -> None:
    """Between two files of a start, or after a step back: it may be the same attempt, and may become another."""
    train(store, [3.0, 3.0], state="failed")
    push(store, KEY, sweep, uri)
    train(store, [3.0], state="running")
    push(store, KEY, sweep, uri)
    assert len(history(uri, only_run(uri, sweep), "loss")) == 2
    train(store, [3.0, 9.0])
    push(store, KEY, sweep, uri)
    second, first = runs(uri, sweep)
    assert [value for _, value, _ in history(uri, second, "loss")] == [3.0, 9.0]
    assert [value for _, value, _ in history(uri, first, "loss")] == [3.0, 3.0]


@pytest.mark.parametrize("same", [True, False])
def test_a_kill_while_sending_leaves_nothing_twice(
    store: Store, uri: str, sweep: str, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    train(store, [3.0], state="running")
    push(store, KEY, sweep, uri)
    train(store, [3.0, 3.0])
    with monkeypatch.context() as patch:
        send = pushing.send

        def killed(*args: Any) -> int:
            send(*args)
            raise KeyboardInterrupt

        patch.setattr(pushing, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            push(store, KEY, sweep, uri)
    assert read_memory(store, KEY)[uri][sweep]["digest"] == ""
    train(store, [3.0, 3.0 if same else 8.0, 3.0])
    push(store, KEY, sweep, uri)
    for run in runs(uri, sweep):
        assert all(sorted(set(found)) == found for found in steps(uri, run).values())
    assert len(runs(uri, sweep)) == (1 if same else 2)
    assert len(history(uri, runs(uri, sweep)[0], "loss")) == 3


def test_many_that_send_at_once_send_once(store: Store, uri: str, sweep: str) -> None:
    train(store, [3.0, 3.0])
    push(store, KEY, "already planned", uri)
    with ThreadPoolExecutor(4) as threads:
        sent = list(threads.map(lambda _: push(store, KEY, sweep, uri), range(4)))
    assert sorted(map(bool, sent)) == [False, False, False, True]
    assert steps(uri, only_run(uri, sweep))["loss"] == [0, 1]


def test_a_timing_that_is_taken_again_stands_at_the_next_step(store: Store, uri: str, sweep: str) -> None:
    train(store, [3.0])
    for latency_ms in (1.5, 2.5, 2.5):
        write_measurement(store, "A CPU", latency_ms)
        push(store, KEY, sweep, uri, ask=True)
    run = only_run(uri, sweep)
    assert [(step, value) for step, value, _ in history(uri, run, "latency_ms")] == [(0, 1.5), (1, 2.5)]
    assert run.data.metrics["latency_ms"] == 2.5
    assert steps(uri, run)["throughput_images_per_s"] == [0]


def test_a_run_of_an_earlier_release_is_gone_on_with(store: Store, uri: str, sweep: str) -> None:
    train(store, [3.0])
    push(store, KEY, sweep, uri)
    known = read_memory(store, KEY)[uri][sweep]
    old = {"run_id": known["run_id"], "epochs": 1, "means": 1, "digest": "0123456789abcdef"}
    write_json(store.run(KEY).folder / "mlflow.json", {uri: {sweep: old}})
    push(store, KEY, sweep, uri)
    assert steps(uri, only_run(uri, sweep))["loss"] == [0]


def test_not_a_number_is_sent_once(store: Store, uri: str, sweep: str) -> None:
    train(store, [float("nan"), float("inf")])
    push(store, KEY, sweep, uri)
    (store.run(KEY).folder / "mlflow.json").unlink()
    assert push(store, KEY, sweep, uri) == 0
    assert only_run(uri, sweep).data.tags["latest_attempt"] == "true"


def test_a_start_from_the_beginning_leaves_nothing_of_the_attempt_before(store: Store) -> None:
    train(store, [3.0, 3.0], state="failed")
    run = store.run(KEY)
    run.begin(Environment(start="2"))
    assert ([item.start for item in run.environments()], len(run.curve())) == ([MACHINE.start, "2"], 2)
    run.begin(Environment(start="3"), afresh=True)
    assert ([item.start for item in run.environments()], run.curve()) == (["3"], [])


def test_a_run_that_another_store_sends_is_not_written_to(store: Store, uri: str, sweep: str, tmp_path: Path) -> None:
    train(store, [3.0, 3.0])
    push(store, KEY, sweep, uri)
    other = Store(tmp_path / "other")
    train(other, [5.0, 5.0], begun=LATER)
    push(other, KEY, sweep, uri)
    train(store, [3.0, 3.0, 3.0])
    push(store, KEY, sweep, uri)
    theirs, ours = runs(uri, sweep)
    assert [value for _, value, _ in history(uri, theirs, "loss")] == [5.0, 5.0]
    assert [value for _, value, _ in history(uri, ours, "loss")] == [3.0, 3.0, 3.0]
    assert connect(uri).get_run(ours.info.run_id).info.status == "FINISHED"
