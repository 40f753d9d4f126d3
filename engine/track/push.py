"""One cell sent to MLflow: whatever its run folder holds and the server does not.

Nothing comes back into a run folder except the id of the cell's run and how much of it was sent (`mlflow.json`), so
the files stay the truth and a push can be repeated at any time. MLflow is imported at the first push: it takes seconds.
"""

import functools
import logging
import os
import re
import warnings
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import filelock

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import tracked
from cheapconv.engine.track.sent import Sent
from cheapconv.engine.track.tracked import Point, Tracked

DEFAULT_URI = "sqlite:///mlflow.db"
# By default MLflow waits 120 s for an answer and asks eight times; the mirror asks once and comes back later.
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# The most that one request may hold is 100 params, 100 tags, and 1000 of everything.
BATCH_PARAMS, BATCH_TAGS, BATCH_METRICS = 100, 100, 800


class CellRefusedError(Exception):
    """This cell cannot be sent (a damaged file, or a value that the server rejects); others may still be."""


def tracking_uri(option: str | None = None) -> str:
    """The tracking URI: the option, else `MLFLOW_TRACKING_URI`, else a database file in the current folder."""
    uri = option or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if "://" not in uri and uri != "databricks":
        raise UserError(f"'{uri}' is no tracking URI: write one such as {DEFAULT_URI} or http://host:5000.")
    return uri


def push(store: Store, key: str, sweep: str, uri: str, *, ask: bool = True) -> int:
    """Send what the server lacks of a cell to its run in the sweep's experiment; returns the number of values sent.

    Unless it should `ask` the server, a finished cell that `mlflow.json` says was sent in full costs no request.

    Raises:
        CellRefusedError: this cell's files or values are at fault.
        Exception: whatever MLflow raises where its server or database cannot be used.
    """
    try:
        cell = tracked.read(store, key, sweep)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CellRefusedError(f"its files are damaged: {type(error).__name__}: {error}") from error
    sent = Sent(store.folder(key), public(uri), sweep)
    if cell is None or (not ask and sent.has_all(cell)):
        return 0
    client = connect(uri)
    from mlflow.exceptions import MlflowException

    try:
        run = _remembered_run(client, sent.run_id)
        if run is None:
            # Two processes that create a run at once would create two.
            with filelock.FileLock(store.root / "mlflow.lock"):
                run = _find_run(client, cell, sweep)
            sent.start(run.info.run_id)
        return _send(client, run, cell, sent)
    except MlflowException as error:
        if error.get_http_status_code() != 400:
            raise
        raise CellRefusedError(reason(error)) from error


def load() -> None:
    """Import MLflow, with short time-outs and without chatter unless the user's environment says otherwise."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow.tracking  # noqa: F401

    if "MLFLOW_LOGGING_LEVEL" not in os.environ:
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)


@functools.cache
def connect(uri: str) -> Any:
    """An `MlflowClient` of the server or database; a new SQLite file gets its tables."""
    load()
    # MLflow's table definitions raise it under SQLAlchemy 2.1.
    warnings.filterwarnings("ignore", message="The ``noload`` loader strategy", category=DeprecationWarning)
    from mlflow import MlflowClient

    if uri.startswith("sqlite"):
        _create_database(uri)
    return MlflowClient(tracking_uri=uri)


def reason(error: Exception) -> str:
    """An error of MLflow in a few words: its first line, or the cause at the end of a chain of HTTP errors."""
    line = public((str(error).strip() or type(error).__name__).splitlines()[0])
    if re.search("Caused by|timeout exception", line):
        last = re.split(": |>, ['\"]", line)[-1]
        line = re.sub(r"[\"']\)+$", "", last)
    return line if len(line) <= 160 else line[:157] + "..."


def public(text: str) -> str:
    """The text with user names and passwords removed from its URLs."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def _send(client: Any, run: Any, cell: Tracked, sent: Sent) -> int:
    """Send the difference between the cell and its run."""
    points = _missing_points(cell, sent, run.data.metrics)
    params = {name: value for name, value in cell.params.items() if name not in run.data.params}
    tags = {name: value for name, value in cell.tags.items() if run.data.tags.get(name, "") != value}
    _log(client, sent.run_id, points, params, tags)
    restated = run.info.status != cell.status
    if restated:
        _set_status(client, sent.run_id, cell)
    sent.save(cell)
    return len(points) + len(params) + len(tags) + restated


def _missing_points(cell: Tracked, sent: Sent, latest: Mapping[str, float]) -> list[Point]:
    """Epochs that have not been sent, and final numbers that differ from the run's."""
    rows = cell.epochs[sent.epochs :] + cell.headline[sent.headline :]
    time_ms = cell.end_ms or cell.start_ms
    final = [Point(name, value, 0, time_ms) for name, value in cell.final.items() if latest.get(name) != value]
    return [point for row in rows for point in row] + final


def _remembered_run(client: Any, run_id: str) -> Any:
    """The run of that id; None where the server does not know it or it was deleted."""
    from mlflow.exceptions import MlflowException

    if not run_id:
        return None
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None
    return run if run.info.lifecycle_stage == "active" else None


def _find_run(client: Any, cell: Tracked, sweep: str) -> Any:
    """A run that carries the cell's key (what is remembered of it was lost), else a new one."""
    experiment = _find_experiment(client, sweep)
    found = client.search_runs([experiment], f"tags.cell_key = '{cell.key}'", max_results=1)
    return found[0] if found else client.create_run(experiment, cell.start_ms, {"cell_key": cell.key}, cell.name)


def _find_experiment(client: Any, sweep: str) -> str:
    """The id of the sweep's experiment, created or undeleted if need be."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(sweep)
    if found is None:
        try:
            return client.create_experiment(sweep)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = client.get_experiment_by_name(sweep)  # another process was faster
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def _log(client: Any, run_id: str, points: list[Point], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Log in as few requests as the server's limits allow."""
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(point.name, point.value, point.time_ms, point.step) for point in points]
    requests = zip_longest(
        _batches(metrics, BATCH_METRICS),
        _batches([Param(name, value) for name, value in params.items()], BATCH_PARAMS),
        _batches([RunTag(name, value) for name, value in tags.items()], BATCH_TAGS),
        fillvalue=(),
    )
    for some_metrics, some_params, some_tags in requests:
        client.log_batch(run_id, metrics=some_metrics, params=some_params, tags=some_tags, synchronous=True)


def _batches(items: list[Any], size: int) -> list[list[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _set_status(client: Any, run_id: str, cell: Tracked) -> None:
    """Running (again, after a resumption), or ended at the time that the files say."""
    if cell.status == "RUNNING":
        client.update_run(run_id, status="RUNNING")
    else:
        client.set_terminated(run_id, status=cell.status, end_time=cell.end_ms)


def _create_database(uri: str) -> None:
    """Create the tables of a new SQLite file under another name, then rename it.

    MLflow builds them by dozens of migrations that cannot be taken up half-way: a process killed meanwhile, or two
    that start at once, would leave a file that no later run can use.
    """
    from sqlalchemy.engine import make_url

    name = make_url(uri).database
    if not name or name == ":memory:" or name.startswith("file:") or Path(name).exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    file = Path(name)
    draft = file.with_name(f"{file.name}.new")
    file.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{file}.lock"):
        draft.unlink(missing_ok=True)
        if not file.exists():
            SqlAlchemyStore(f"sqlite:///{draft}", "./mlruns").engine.dispose()
            draft.rename(file)
