"""The MLflow run of an attempt at a cell.

A cell that is trained again from its beginning has other seconds, and maybe other numbers, for the same epochs. It is
a run of its own, so that no metric has two values at one step; the run of the attempt before it stays, and says that
it is not the latest. A resumed training goes on in its run. Which is the case is told by the points themselves.
"""

import math
import sys
from typing import TYPE_CHECKING, NamedTuple

from cheapconv.engine.track.sent import Sent
from cheapconv.engine.track.tracked import Point, Tracked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class Attempt(NamedTuple):
    """The run of an attempt, and those of the cell's points that it lacks."""

    run: "Run"
    missing: list[Point]


def find(client: "MlflowClient", cell: Tracked, known: Sent) -> Attempt | None:
    """The run that `known` says the attempt was sent to; None where it is gone, or another attempt's."""
    run = get(client, known.run_id)
    if run is None:
        return None
    if known.digest and known.content == cell.content(known.epochs, known.means):
        return Attempt(run, [point for row in unsent(cell, known) for point in row])
    return adopt(client, run, cell)


def unsent(cell: Tracked, known: Sent) -> list[list[Point]]:
    """The epochs and means beyond those that are known to be there."""
    return cell.epochs[known.epochs :] + cell.means[known.means :]


def adopt(client: "MlflowClient", run: "Run", cell: Tracked) -> Attempt | None:
    """The run with what it lacks, if it began when the cell did and has no other value where the cell has one.

    It is asked for every point: the memory was lost, or a kill left it in doubt.
    """
    if run.info.start_time != cell.start_ms:
        return None
    ours = {(name, step): (value, time) for row in cell.epochs + cell.means for name, value, time, step in row}
    held: set[tuple[str, int]] = set()
    for name in sorted({name for name, _ in ours} & run.data.metrics.keys()):
        for point in client.get_metric_history(run.info.run_id, name):
            value, time = ours.get((name, point.step), (point.value, point.timestamp))  # beyond what the cell has now
            if point.timestamp != time or not same(value, point.value):
                return None
            held.add((name, point.step))
    return Attempt(run, [point for row in unsent(cell, Sent()) for point in row if (point[0], point[3]) not in held])


def begin(client: "MlflowClient", cell: Tracked, before: str, experiment_id: str) -> Attempt:
    """The run of another attempt than that of the run `before`: one that the memory has lost, else a new one."""
    runs = client.search_runs([experiment_id], f"tags.cell_key = '{cell.key}'")
    for run in runs:
        if run.info.run_id != before and (found := adopt(client, run, cell)):
            return found
    empty = [r for r in runs if r.info.run_id == before and not r.data.metrics and r.info.status != "FAILED"]
    for run in runs:
        if run in empty:  # it was stopped before an epoch of it could stay: there is nothing to look at
            client.delete_run(run.info.run_id)
        else:
            supersede(client, run)
    number = len(runs) - len(empty) + 1
    name = cell.name if number == 1 else f"{cell.name} (attempt {number})"
    tags = {"cell_key": cell.key, "attempt": str(number), "latest_attempt": "true"}
    run = client.create_run(experiment_id, cell.start_ms, tags, name)
    return Attempt(run, [point for row in unsent(cell, Sent()) for point in row])


def supersede(client: "MlflowClient", run: "Run") -> None:
    """The run's attempt is over, and another one has begun."""
    client.set_tag(run.info.run_id, "latest_attempt", "false")
    if run.info.status == "RUNNING":
        client.set_terminated(run.info.run_id, status="KILLED")


def get(client: "MlflowClient", run_id: str) -> "Run | None":
    """The run of that id, if the server has it and nobody has deleted it."""
    from mlflow.exceptions import MlflowException

    if not run_id:
        return None
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.get_http_status_code() not in (400, 404):  # 400: no id of this server's
            raise
        return None
    return run if run.info.lifecycle_stage == "active" else None


def same(ours: float, theirs: float) -> bool:
    """Whether the server holds our value: it has no infinity, and some databases round the last digit."""
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    largest = sys.float_info.max
    return math.isclose(min(max(ours, -largest), largest), theirs, rel_tol=1e-12)
