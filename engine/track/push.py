"""One cell sent to MLflow: whatever its run folder holds and the server does not.

Nothing comes back into a run folder except the id of the cell's run and how much of it was sent (`mlflow.json`), so
the files stay the truth and a push can be repeated at any time.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import filelock

from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import server, tracked
from cheapconv.engine.track.sent import Sent, recall, remember
from cheapconv.engine.track.tracked import CellRefusedError, Tracked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, Run, RunTag

# The most that one request may hold is 100 params, 100 tags, and 1000 of everything.
MOST_PARAMS, MOST_TAGS, MOST_METRICS = 100, 100, 800

Connect = Callable[[str], "MlflowClient"]


def push(store: Store, key: str, sweep: str, uri: str, *, ask: bool = False, connect: Connect = server.connect) -> int:
    """Send what the server lacks of a cell to its run in the sweep's experiment; returns the number of values sent.

    Unless it should `ask` the server, a cell that `mlflow.json` says was sent as it is costs no request.

    Raises:
        CellRefusedError: this cell's files or values are at fault.
        Exception: whatever MLflow raises where its server or database cannot be used.
    """
    folder, name = store.run(key).folder, server.public(uri)
    known = recall(folder).get(name, {}).get(sweep, Sent())
    cell = tracked.read(store, key, sweep)
    if cell is None or (cell.digest == known.digest and not ask):
        return 0
    client = connect(uri)
    with filelock.FileLock(store.root / "mlflow.lock"):  # two processes that create a run at once would create two
        run = find_run(client, cell)
    values = send(client, run, cell, known if known.run_id == run.info.run_id else Sent())
    remember(folder, name, sweep, Sent(run.info.run_id, len(cell.epochs), len(cell.means), cell.digest))
    return values


def find_run(client: "MlflowClient", cell: Tracked) -> "Run":
    """The run that carries the cell's key in the sweep's experiment; both are created, or undeleted, if need be."""
    experiment = client.get_experiment_by_name(cell.sweep)
    if experiment is None:
        experiment = client.get_experiment(client.create_experiment(cell.sweep))
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    found = client.search_runs([experiment.experiment_id], f"tags.cell_key = '{cell.key}'", max_results=1)
    if found:
        return found[0]
    return client.create_run(experiment.experiment_id, cell.start_ms, {"cell_key": cell.key}, cell.name)


def send(client: "MlflowClient", run: "Run", cell: Tracked, known: Sent) -> int:
    """Send the difference between the cell and its run."""
    from mlflow.entities import Metric, Param, RunTag

    rows = cell.epochs[known.epochs :] + cell.means[known.means :]
    metrics = [Metric(*point) for row in rows for point in row]
    metrics += [Metric(n, value, cell.end_ms, 0) for n, value in cell.final.items() if run.data.metrics.get(n) != value]
    params = [Param(name, value) for name, value in cell.params.items() if name not in run.data.params]
    tags = [RunTag(name, value) for name, value in cell.tags.items() if run.data.tags.get(name, "") != value]
    log(client, run.info.run_id, metrics, params, tags)
    restated = cell.status != run.info.status
    if restated and cell.status == "RUNNING":  # again, after a resumption
        client.update_run(run.info.run_id, status="RUNNING")
    elif restated:
        client.set_terminated(run.info.run_id, status=cell.status, end_time=cell.end_ms)
    return len(metrics) + len(params) + len(tags) + restated


def log(
    client: "MlflowClient", run_id: str, metrics: list["Metric"], params: list["Param"], tags: list["RunTag"]
) -> None:
    """Log in as few requests as the server's limits allow."""
    from mlflow.exceptions import MlflowException

    requests = math.ceil(max(len(metrics) / MOST_METRICS, len(params) / MOST_PARAMS, len(tags) / MOST_TAGS))
    for i in range(requests):
        some_metrics = metrics[i * MOST_METRICS : (i + 1) * MOST_METRICS]
        some_params = params[i * MOST_PARAMS : (i + 1) * MOST_PARAMS]
        some_tags = tags[i * MOST_TAGS : (i + 1) * MOST_TAGS]
        try:
            client.log_batch(run_id, metrics=some_metrics, params=some_params, tags=some_tags, synchronous=True)
        except MlflowException as error:
            if error.get_http_status_code() != 400:
                raise
            raise CellRefusedError(server.reason(error)) from error
