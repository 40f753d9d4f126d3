"""Sending a cell that the tests have written, and looking at what has arrived."""

from typing import Any

from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import sweep as sweeps
from cheapconv.engine.track.mirror import Connect, Mirror
from cheapconv.engine.track.server import connect
from tests.engine.written_cell import write_sweep


def mirror(store: Store, sweep: str, uri: str, *, ask: bool = False, connect: Connect = connect) -> Mirror:
    """Of a planned sweep."""
    return Mirror(store, sweeps.read(store, sweep), uri, ask=ask, connect=connect)


def push(store: Store, key: str, sweep: str, uri: str, *, ask: bool = False, connect: Connect = connect) -> int:
    """Send one cell of a sweep, which is planned with nothing else if it was not."""
    if store.plan(sweep) is None:
        write_sweep(store, sweep, [key])
    return mirror(store, sweep, uri, ask=ask, connect=connect).send(key)


def runs(uri: str, sweep: str, kind: str = "cell") -> list[Any]:
    """The active runs of a sweep's cells, or that of the `sweep`, the latest first."""
    client = connect(uri)
    found = client.search_runs([client.get_experiment_by_name(sweep).experiment_id], f"tags.kind = '{kind}'")
    return sorted(found, key=lambda run: (run.data.tags.get("attempt", "1"), run.info.run_name), reverse=True)


def only_run(uri: str, sweep: str, kind: str = "cell") -> Any:
    """The one that there should be."""
    (run,) = runs(uri, sweep, kind)
    return run


def history(uri: str, run: Any, metric: str) -> list[tuple[int, float, int]]:
    """(step, value, milliseconds since 1970) of a metric."""
    return [(m.step, m.value, m.timestamp) for m in connect(uri).get_metric_history(run.info.run_id, metric)]


def steps(uri: str, run: Any) -> dict[str, list[int]]:
    """The steps of every metric."""
    return {name: [step for step, _, _ in history(uri, run, name)] for name in run.data.metrics}
