"""The run store: one folder a cell, the truth that MLflow mirrors and reports read.

A lock file tells a running cell from one whose process has died.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.files import DISK_ERRORS, now, read_json, write_bytes, write_json

RESULT, STATE, CURVE, CELL, CHECKPOINT = "result.json", "state.json", "curve.jsonl", "cell.json", "last.pt"


class Store:
    """Access to `root/<key>/` folders, `root/sweeps/` and `root/measurements/`."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def prepare(self) -> None:
        """Create the store; a folder that cannot be written is a UserError before anything trains."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            write_bytes(self.root / ".writable", b"")
            (self.root / ".writable").unlink(missing_ok=True)  # another process may be looking too
        except OSError as error:
            raise UserError(
                f"the store {self.root} cannot be written ({error.strerror}): choose another with --store."
            ) from error

    @contextlib.contextmanager
    def explaining_full_disk(self) -> Iterator[None]:
        """Around work that writes to the store: a full or read-only disk is a UserError, and no cell's failure."""
        try:
            yield
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            raise UserError(
                f"the store {self.root} cannot take more ({error.strerror}): make room and run again, "
                "every finished epoch is kept."
            ) from error

    def folder(self, key: str) -> Path:
        """The run folder of a cell."""
        return self.root / key

    def state(self, key: str) -> dict[str, Any]:
        """state.json of a cell, `planned` where there is none; `running` without a living process reads `planned`."""
        state = read_json(self.folder(key) / STATE) or {"state": "planned"}
        if state["state"] == "running" and not self._is_locked(key):
            state["state"] = "planned"
        return state

    def set_state(self, key: str, state: str, epoch: int = 0, epochs: int = 0, error: str | None = None) -> None:
        """Write state.json with a fresh heartbeat."""
        body = {"state": state, "epoch": epoch, "epochs": epochs, "heartbeat": now(), "error": error}
        write_json(self.folder(key) / STATE, body)

    def result(self, key: str) -> dict[str, Any] | None:
        """result.json of a finished cell."""
        return read_json(self.folder(key) / RESULT)

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[bool]:
        """Hold the cell for this process; yields False if another process holds it."""
        folder = self.folder(key)
        folder.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(folder / "lock")
        try:
            held.acquire(blocking=False)
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            held.release()

    def _is_locked(self, key: str) -> bool:
        try:
            with self.lock(key) as free:
                return not free
        except OSError:  # a read-only copy of a store: nothing can run in it
            return False
