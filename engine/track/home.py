"""Where the runs of a sweep's cells belong in MLflow: its experiment, and in it the run of the sweep, their parent.

Several machines may send cells of one sweep. Of what MLflow makes only an experiment has a name that no two can have,
so whoever has made the experiment makes the run of the sweep, and the others wait a moment for it.
"""

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from cheapconv.engine.track import push
from cheapconv.engine.track.attempt import get, supersede
from cheapconv.engine.track.sent import Sent
from cheapconv.engine.track.server import database_file
from cheapconv.engine.track.sweep import TrackedSweep

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PATIENCE_S, TICK_S = 5.0, 0.5  # for another process that has made the experiment: its next request is the run


def find(client: "MlflowClient", sweep: TrackedSweep, known: Sent) -> Sent:
    """The sweep's home, made, brought back and completed as need be; the server is asked in any case."""
    experiment_id, is_new = experiment(client, sweep)
    run = get(client, known.run_id)
    found = [run] if run and run.info.experiment_id == experiment_id else []
    found = found or ([] if is_new else awaited(client, experiment_id))
    fitting = [run for run in found if fits(run, sweep)]
    run = fitting[0] if fitting else create(client, sweep, experiment_id, found)
    tags = sweep.tags | ({} if "mlflow.note.content" in run.data.tags else {"mlflow.note.content": sweep.note})
    push.log(client, run, sweep.params, tags, [])
    if sweep.cells and not run.inputs.dataset_inputs:
        cell = sweep.cells[0]
        client.log_inputs(run.info.run_id, [push.dataset(cell.suite, cell.protocol, cell.data)])
    return Sent(run.info.run_id, experiment_id, digest=sweep.digest, status=run.info.status, report=known.report)


def experiment(client: "MlflowClient", sweep: TrackedSweep) -> tuple[str, bool]:
    """The experiment of the sweep's name, and whether it was made now. The files of one in a database lie beside it,
    not where it was made from."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(sweep.name)
    if found is None:
        file = database_file(client.tracking_uri)
        folder = file and (file.parent.absolute() / "mlruns" / quote(sweep.name, safe="@=")).as_uri()
        kind = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow's page asks what it is
        try:
            return client.create_experiment(sweep.name, folder, kind), True
        except MlflowException:
            found = client.get_experiment_by_name(sweep.name)  # another process was faster
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id, False


def awaited(client: "MlflowClient", experiment_id: str) -> list["Run"]:
    """The runs of the sweep in an experiment that was there; none where they were deleted, or nobody makes one."""
    from mlflow.entities import ViewType

    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = client.search_runs([experiment_id], "tags.kind = 'sweep'", run_view_type=ViewType.ALL)
        if found or time.monotonic() > deadline:
            return [run for run in found if run.info.lifecycle_stage == "active"]
        time.sleep(TICK_S)


def fits(run: "Run", sweep: TrackedSweep) -> bool:
    """Whether the run's params, which cannot be changed, do not contradict those of the sweep as it is planned now."""
    return all(run.data.params.get(name, value) == value for name, value in sweep.params.items())


def create(client: "MlflowClient", sweep: TrackedSweep, experiment_id: str, others: list["Run"]) -> "Run":
    """A new run of the sweep; the others, with other numbers in its recipe, are over."""
    for other in others:
        supersede(client, other)
    name = f"{sweep.name} ({len(others) + 1})" if others else sweep.name
    given = {"kind": "sweep", "latest_attempt": "true", "mlflow.note.content": sweep.note}
    return client.create_run(experiment_id, sweep.start_ms, given, name)
