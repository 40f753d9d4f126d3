"""Sixteen machines of a team: a store each, whose cells go on epoch by epoch, and what a server has to have of them."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import sweep as sweeps
from cheapconv.engine.track import tracked
from cheapconv.engine.track.child import following
from tests.engine.written_cell import CELL, write_cell, write_sweep
from tests.integration.servers import Postgres

MACHINES, CELLS, EPOCHS = 16, 4, 6
PATIENCE_S = 300.0  # sixteen processes import MLflow at once, on two cores


class Machine:
    """A store with a sweep."""

    def __init__(self, folder: Path, number: int, sweep: str) -> None:
        self.store, self.sweep = Store(folder / f"machine{number}"), sweep
        self.keys = [f"{number:02}cell{cell}" for cell in range(CELLS)]
        for seed, key in enumerate(self.keys):  # a run says of all its cells what they are before it trains one
            self.store.run(key).write_cell(CellRecord(**CELL | {"seed": seed}))
        write_sweep(self.store, sweep, self.keys)

    def train(self, epochs: int) -> None:
        """All cells have come so far, and are done after the last one."""
        for seed, key in enumerate(self.keys):
            state = "done" if epochs == EPOCHS else "running"
            write_cell(self.store, key, state=state, epochs=epochs, seed=seed)

    @property
    def known(self) -> int:
        """How many of its cells have been sent to a server."""
        return sum((self.store.run(key).folder / "mlflow.json").exists() for key in self.keys)

    def expected(self) -> Counter[str]:
        """What the run folders hold: runs, values of metrics, and params."""
        found, sweep = Counter[str](), sweeps.read(self.store, self.sweep)
        for key in self.keys:
            cell = tracked.read(self.store, key, sweep)
            assert cell
            points = sum(len(row) for row in cell.epochs + cell.means) + len(cell.final)
            found.update({"runs": 1, "metrics": points, "params": len(cell.params)})
        return found


@contextlib.contextmanager
def followed(machines: list[Machine], uri: str) -> Iterator[None]:
    """All have a follower of their own, each a process."""
    with contextlib.ExitStack() as stack:
        for machine in machines:
            stack.enter_context(following(machine.store, machine.sweep, uri, PATIENCE_S))
        yield


def held(postgres: Postgres, sweeps: set[str]) -> Counter[str]:
    """What the database has of the cells of these sweeps, also what is marked as deleted, and points at equal steps."""
    names = ", ".join(f"'{name}'" for name in sweeps)
    cells = (
        "select r.run_uuid from runs r join experiments e using (experiment_id) join tags t using (run_uuid) "
        f"where e.name in ({names}) and t.key = 'kind' and t.value = 'cell'"
    )
    queries = {
        "runs": cells,
        "metrics": f"select 1 from metrics where run_uuid in ({cells})",
        "params": f"select 1 from params where run_uuid in ({cells})",
    }
    return Counter({name: len(postgres.ask(query)) for name, query in queries.items()})


def parents(postgres: Postgres, sweep: str) -> dict[str, int]:
    """The runs of a sweep, and how many runs of cells stand below each."""
    rows = postgres.ask(
        "select r.run_uuid, (select count(*) from tags c where c.key = 'mlflow.parentRunId' and c.value = r.run_uuid) "
        "from runs r join experiments e using (experiment_id) join tags t using (run_uuid) "
        f"where e.name = '{sweep}' and t.key = 'kind' and t.value = 'sweep'"
    )
    return dict(rows)
