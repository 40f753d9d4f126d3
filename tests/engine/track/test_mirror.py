"""A sweep in MLflow: its experiment, the run of the whole with what its cells share, and the report below it."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cheapconv.engine.store.files import write_json
from cheapconv.engine.store.runs import Run, Store
from cheapconv.engine.track.mirror import link
from cheapconv.engine.track.server import connect
from cheapconv.engine.track.sync import attach, sync
from tests.engine.track.mirrors import mirror, only_run, runs
from tests.engine.written_cell import CELL, START_MS, write_cell, write_sweep

KEYS = ["a", "b"]
RECIPE = CELL["recipe"]


@pytest.fixture
def store(tmp_path: Path, sweep: str) -> Store:
    """A sweep of two cells, the second with another learning rate."""
    store = Store(tmp_path / "runs")
    write_cell(store, "a", conv="standard", conv_label="S")
    write_cell(store, "b", recipe={**RECIPE, "lr": 0.2})
    write_sweep(store, sweep, KEYS)
    store.write_plan(replace(store.plan(sweep), description="What is it for?"))
    return store


def sends(store: Store, sweep: str, uri: str) -> Any:
    """Send everything; the run of the sweep."""
    sync(store, sweep, uri)
    return only_run(uri, sweep, "sweep")


def test_cells_stand_below_their_sweep(store: Store, uri: str, sweep: str) -> None:
    parent = sends(store, sweep, uri)
    assert {run.data.tags["mlflow.parentRunId"] for run in runs(uri, sweep)} == {parent.info.run_id}
    assert (parent.info.run_name, parent.info.status, parent.info.start_time) == (sweep, "FINISHED", START_MS)
    assert {run.info.run_name for run in runs(uri, sweep)} == {"WRN-10-2 S kd seed 0", "WRN-10-2 G(4) kd seed 0"}


def test_a_comparison_of_cells_shows_what_they_differ_in(store: Store, uri: str, sweep: str) -> None:
    parent = sends(store, sweep, uri)
    shared = {"recipe.epochs": "3", "recipe.nesterov": "true", "recipe.schedule.kind": "cosine"}
    assert shared.items() <= parent.data.params.items()
    assert "recipe.lr" not in parent.data.params
    params = {run.data.tags["conv_label"]: run.data.params for run in runs(uri, sweep)}
    assert {conv: of_run["recipe.lr"] for conv, of_run in params.items()} == {"S": "0.1", "G(4)": "0.2"}
    assert not shared.keys() & params["S"].keys()


def test_source_data_and_description_are_told(store: Store, uri: str, sweep: str) -> None:
    parent = sends(store, sweep, uri)
    for run in [parent, *runs(uri, sweep)]:
        [data] = run.inputs.dataset_inputs
        assert (data.dataset.name, data.dataset.digest) == ("digits", "d1")
        assert [(tag.key, tag.value) for tag in data.tags] == [("mlflow.data.context", "training")]
        assert run.data.tags["mlflow.source.name"] == f"cheapconv run {sweep}"
    assert parent.data.tags["mlflow.note.content"].startswith("What is it for?\n\nSweep")
    cell = runs(uri, sweep)[0]
    assert cell.data.tags["mlflow.source.git.commit"] == "abc"
    assert cell.data.tags["mlflow.note.content"].startswith("WRN-10-2 with S, method kd, on digits for 3 epochs.")


def test_what_somebody_wrote_stays(store: Store, uri: str, sweep: str) -> None:
    parent = sends(store, sweep, uri)
    for run in [parent, *runs(uri, sweep)]:
        connect(uri).set_tag(run.info.run_id, "mlflow.note.content", "my own words")
    parent = sends(store, sweep, uri)
    assert {run.data.tags["mlflow.note.content"] for run in [parent, *runs(uri, sweep)]} == {"my own words"}


def test_a_sweep_that_is_planned_with_other_numbers_is_another_run(store: Store, uri: str, sweep: str) -> None:
    before = sends(store, sweep, uri)
    for key in KEYS:
        write_cell(store, key, recipe={**RECIPE, "nesterov": False})
    sync(store, sweep, uri)
    after, old = runs(uri, sweep, "sweep")
    assert (old.info.run_id, old.data.params["recipe.nesterov"]) == (before.info.run_id, "true")
    assert (after.info.run_name, after.data.params["recipe.nesterov"]) == (f"{sweep} (2)", "false")
    assert {run.data.tags["mlflow.parentRunId"] for run in runs(uri, sweep)} == {after.info.run_id}


def test_a_number_in_which_cells_come_to_differ_becomes_a_param_of_each(store: Store, uri: str, sweep: str) -> None:
    parent = sends(store, sweep, uri)
    write_cell(store, "c", recipe={**RECIPE, "epochs": 9})
    write_sweep(store, sweep, [*KEYS, "c"])
    assert sends(store, sweep, uri).info.run_id == parent.info.run_id
    assert {run.data.params["recipe.epochs"] for run in runs(uri, sweep)} == {"3", "9"}


@pytest.mark.parametrize(
    ("states", "status"),
    [(["done", "done"], "FINISHED"), (["done", "failed"], "FAILED"), (["done", "planned"], "KILLED")],
)
def test_a_sweep_is_as_far_as_its_cells(store: Store, uri: str, states: list[Any], status: str) -> None:
    sweep = f"a sweep that is {status}"
    for key, state in zip(KEYS, states, strict=True):
        if state != "done":
            (store.run(key).folder / "result.json").unlink()
        write_cell(store, key, state=state)
    write_sweep(store, sweep, KEYS)
    assert sends(store, sweep, uri).info.status == status


def test_while_it_goes_on_the_last_cells_tell_how_far_it_is(
    store: Store, uri: str, sweep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = mirror(store, sweep, uri)
    for key in KEYS:
        following.send(key)
    following.conclude(goes_on=True)
    assert only_run(uri, sweep, "sweep").info.status == "FINISHED"
    (store.run("b").folder / "result.json").unlink()
    write_cell(store, "b", state="running")
    read: list[str] = []
    state = Run.state
    monkeypatch.setattr(Run, "state", lambda run: read.append(run.key) or state(run))
    following.conclude(goes_on=True)
    assert (only_run(uri, sweep, "sweep").info.status, read) == ("RUNNING", ["b"])


def test_a_deleted_run_of_the_sweep_is_made_again(store: Store, uri: str, sweep: str) -> None:
    deleted = sends(store, sweep, uri).info.run_id
    connect(uri).delete_run(deleted)
    parent = sends(store, sweep, uri)
    assert parent.info.run_id != deleted
    assert {run.data.tags["mlflow.parentRunId"] for run in runs(uri, sweep)} == {parent.info.run_id}


def test_a_lost_memory_finds_the_run_of_the_sweep(store: Store, uri: str, sweep: str) -> None:
    before = sends(store, sweep, uri).info.run_id
    (store.root / "mlflow.json").unlink()
    assert sends(store, sweep, uri).info.run_id == before


def test_a_run_of_the_sweep_that_is_known_costs_no_request(store: Store, uri: str, sweep: str) -> None:
    sends(store, sweep, uri)

    def refuse(uri: str) -> Any:
        raise AssertionError("a server was asked")

    again = mirror(store, sweep, uri, connect=refuse)
    assert [again.send(key) for key in KEYS] == [0, 0]
    again.conclude(goes_on=False)


def test_a_database_that_was_deleted_is_filled_again(store: Store, uri: str, sweep: str, tmp_path: Path) -> None:
    sends(store, sweep, uri)
    text = (store.root / "mlflow.json").read_text()
    gone = f"sqlite:///{tmp_path}/gone.db"
    (store.root / "mlflow.json").write_text(text.replace(uri, gone))
    memory = store.run("a").folder / "mlflow.json"
    memory.write_text(memory.read_text().replace(uri, gone))
    asked: list[str] = []

    def reconnect(name: str) -> Any:
        asked.append(name)
        return connect(uri)

    mirror(store, sweep, gone, connect=reconnect).send("a")
    assert gone in asked


def test_files_of_an_experiment_lie_beside_its_database(store: Store, uri: str, sweep: str) -> None:
    sends(store, sweep, uri)
    folder = Path(uri.removeprefix("sqlite:///")).parent
    assert connect(uri).get_experiment_by_name(sweep).artifact_location == f"file://{folder}/mlruns/{sweep}"


def test_the_report_is_attached_where_the_sweep_is_tracked(store: Store, uri: str, sweep: str, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("<p>best")
    attach(store.root, sweep, [page], uri)  # not tracked: nothing happens
    parent = sends(store, sweep, uri)
    attach(store.root, sweep, [page], uri)
    assert [file.path for file in connect(uri).list_artifacts(parent.info.run_id, "report")] == ["report/index.html"]


def test_a_report_that_could_not_be_attached_is_attached_later(
    store: Store, uri: str, sweep: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parent = sends(store, sweep, uri)
    page = tmp_path / "index.html"
    attach(store.root, sweep, [page], uri)
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert line.startswith("the report was not attached in MLflow (")
    page.write_text("<p>best")
    sync(store, sweep, uri)
    assert [file.path for file in connect(uri).list_artifacts(parent.info.run_id, "report")] == ["report/index.html"]


def test_the_link_leads_to_the_experiment(store: Store, uri: str, sweep: str) -> None:
    assert link(store, sweep, uri).endswith("/#/experiments?workflowType=machine_learning")
    number = sends(store, sweep, uri).info.experiment_id
    assert link(store, sweep, uri).endswith(f"/#/experiments/{number}?workflowType=machine_learning")


def test_a_cell_without_its_environment_is_refused_and_stays_as_it_was(store: Store, uri: str, sweep: str) -> None:
    sends(store, sweep, uri)
    write_json(store.run("a").folder / "environment.json", [])
    assert sync(store, sweep, uri)["refused"] == 1
    assert len(runs(uri, sweep)) == 2
