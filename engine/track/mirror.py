"""A sweep in one MLflow: an experiment, in it a run of the sweep, and below that a run of every attempt at a cell.

Nothing comes back into the store except the ids of the runs and what of them was sent (`mlflow.json`), so the files
stay the truth and everything can be sent again at any time.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cheapconv.engine.store.records import State
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import attempt, home, push, server, tracked
from cheapconv.engine.track.fields import milliseconds
from cheapconv.engine.track.redact import public, reason
from cheapconv.engine.track.sent import Sent, held, recall, remember
from cheapconv.engine.track.sweep import TrackedSweep, status

if TYPE_CHECKING:
    from mlflow import MlflowClient

Connect = Callable[[str], "MlflowClient"]

log = logging.getLogger(__name__)


class Mirror:
    """Sends a sweep and its cells to the MLflow at `uri`.

    Unless it should `ask` the server, what `mlflow.json` says was sent as it is costs no request.
    """

    def __init__(
        self, store: Store, sweep: TrackedSweep, uri: str, *, ask: bool = False, connect: Connect = server.connect
    ) -> None:
        self.sweep = sweep
        self._store, self._uri, self._name, self._connect = store, uri, public(uri), connect
        file = server.database_file(uri)
        self._ask = ask or (file is not None and not file.exists())  # what was sent there has been deleted
        self._asked = False  # whether the server has been asked for the home in this process

    def send(self, key: str) -> int:
        """Send what the server lacks of a cell; the number of values sent.

        Raises:
            CellRefusedError: this cell's files or values are at fault.
            Exception: whatever MLflow raises where its server or database cannot be used.
        """
        folder = self._store.run(key).folder
        if not folder.is_dir():
            return 0
        with held(folder):
            cell, known = tracked.read(self._store, key, self.sweep), self._recall(folder)
            if cell is None:
                return 0
            parent = self._home(ask=self._ask)
            if known.digest == f"{cell.digest} {parent.run_id}" and not self._ask:
                return 0
            client = self._connect(self._uri)
            found = attempt.find(client, cell, known)
            if found is None:
                parent = self._home(ask=True)
                found = attempt.begin(client, cell, known.run_id, parent.experiment_id)
            epochs, means = len(cell.epochs), len(cell.means)
            sent = Sent(found.run.info.run_id, parent.experiment_id, epochs, means, cell.content(epochs, means))
            self._remember(folder, sent)  # without a digest: in doubt, until all has arrived
            values = push.send(client, found, cell, parent.run_id)
            if sent.run_id != known.run_id or (epochs >= known.epochs and means >= known.means):
                self._remember(folder, replace(sent, digest=f"{cell.digest} {parent.run_id}"))
        return values

    def conclude(self, *, goes_on: bool) -> None:
        """Say how far the sweep as a whole is, and attach its report if that is still to be done."""
        states: list[State] = []
        for key in reversed(self.sweep.keys):
            states.append(self._store.run(key).state())
            if goes_on and states[-1].state != "done":
                break  # that says it; the last ones are done last, so thousands of others need not be read
        word, known = status([state.state for state in states], goes_on=goes_on), self._recall(self._store.root)
        if not known.run_id or (known.status == word and not known.report):
            return
        run_id, client = self._home(ask=True).run_id, self._connect(self._uri)
        if word == "RUNNING":
            client.update_run(run_id, status=word)
        else:
            client.set_terminated(run_id, word, max(milliseconds(state.heartbeat) for state in states))
        with held(self._store.root):
            self._remember(self._store.root, replace(self._recall(self._store.root), status=word))
        self._attach()

    def attach(self, files: Sequence[Path]) -> None:
        """Attach a rendered report to the run of the sweep, now or when MLflow answers; nothing if it has no run."""
        with held(self._store.root):
            known = self._recall(self._store.root)
            if known.run_id:
                report = tuple(str(file.absolute()) for file in files)
                self._remember(self._store.root, replace(known, report=report))
        self._attach()

    def _attach(self) -> None:
        """Attach the files that were noted for it. Where they cannot be stored is no reason to send nothing else."""
        known = self._recall(self._store.root)
        try:
            for file in known.report:
                self._connect(self._uri).log_artifact(known.run_id, file, "report")
        except Exception as error:  # MLflow's stores of artifacts raise too many kinds to name
            log.warning(
                "the report was not attached in MLflow (%s): `cheapconv sync` tries again", reason(error, self._uri)
            )
            return
        if known.report:
            with held(self._store.root):
                self._remember(self._store.root, replace(self._recall(self._store.root), report=()))

    def _home(self, *, ask: bool) -> Sent:
        """The experiment and the run of the sweep, the cells' parent; the server is asked once, if at all."""
        root, known = self._store.root, self._recall(self._store.root)
        if self._asked or (not ask and known.digest == self.sweep.digest):
            return known
        with held(root):
            found = home.find(self._connect(self._uri), self.sweep, self._recall(root))
            self._remember(root, found)
        self._asked = True
        return found

    def _recall(self, folder: Path) -> Sent:
        return recall(folder).get(self._name, {}).get(self.sweep.name, Sent())

    def _remember(self, folder: Path, sent: Sent) -> None:
        remember(folder, self._name, self.sweep.name, sent)


def experiment_of(store: Store, sweep: str, uri: str) -> str:
    """Id of the experiment that the sweep was sent to; empty where none of it was sent."""
    return recall(store.root).get(public(uri), {}).get(sweep, Sent()).experiment_id


def run_of(store: Store, key: str, sweep: str, uri: str) -> Sent:
    """To which run a cell of the sweep was sent; without an id where it was not."""
    return recall(store.run(key).folder).get(public(uri), {}).get(sweep, Sent())


def link(store: Store, sweep: str, uri: str) -> str:
    """Where to look at what was sent of a sweep."""
    return server.page(uri, experiment_of(store, sweep, uri))
