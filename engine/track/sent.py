"""The tracker's memory, `mlflow.json` in a run folder: to which run a cell was sent and how much of it.

One file serves several servers and several sweeps that share the cell: `{uri: {experiment: {...}}}`.
"""

from pathlib import Path

from cheapconv.engine.store.files import read_json, write_json
from cheapconv.engine.track.tracked import Tracked


class Sent:
    """What was sent of a cell to one experiment of one server; nothing where the file is absent or damaged."""

    def __init__(self, folder: Path, uri: str, experiment: str) -> None:
        self._path, self._uri, self._experiment = folder / "mlflow.json", uri, experiment
        self.start("")
        try:
            known = read_json(self._path)[uri][experiment]
            counts = [int(known[name]) for name in ("epochs", "headline", "final")]
            self.run_id, self.status = str(known["run_id"]), str(known["status"])
            self.epochs, self.headline, self.final = counts
        except (LookupError, TypeError, ValueError):
            pass

    def start(self, run_id: str) -> None:
        """Another run, to which nothing has been sent yet."""
        self.run_id, self.status = run_id, ""
        self.epochs, self.headline, self.final = 0, 0, 0

    def has_all(self, cell: Tracked) -> bool:
        """Whether the finished cell was sent in full."""
        counts = (len(cell.epochs), len(cell.headline), len(cell.final))
        return self.status == cell.status == "FINISHED" and (self.epochs, self.headline, self.final) == counts

    def save(self, cell: Tracked) -> None:
        """Write down that the run shows the cell as it is."""
        self.epochs, self.headline = max(self.epochs, len(cell.epochs)), max(self.headline, len(cell.headline))
        self.status, self.final = cell.status, len(cell.final)
        known = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        body = read_json(self._path)
        body = body if isinstance(body, dict) else {}
        runs = body.get(self._uri)
        body[self._uri] = {**(runs if isinstance(runs, dict) else {}), self._experiment: known}
        write_json(self._path, body)
