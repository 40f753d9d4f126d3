"""The store of a run on many machines, kept on the machine that has it: nodes bring and fetch files through it alone.

It holds the locks of the cells that nodes train, so that nobody else who has the store trains them, and hands on what
nodes tell. A cell is given to a node under a ticket; one that was given up for lost finds that its ticket is not valid
any more, whatever it still brings.
"""

import contextlib
import hashlib
import logging
import os
import resource
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.attempt import standing_of
from cheapconv.engine.run.cluster.transfer import PIECE, Content, Folder, Manifest, snapshot
from cheapconv.engine.store import process
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.files import DISK_ERRORS, sha256
from cheapconv.engine.store.records import Word
from cheapconv.engine.store.runs import Store

Message = tuple[object, ...]  # what happened, to which cell, and how: as an `engine.run.watchers.Watcher` is told
LOOK_S = 0.2  # between two looks at whether the driver lives

log = logging.getLogger(__name__)


class Dismissed(Exception):
    """The cell was given to another node."""


class Kept(Protocol):
    """What nodes ask of a keeper."""

    def listing(self, key: str) -> Manifest:
        """What the run folder of a cell holds."""

    def piece(self, key: str, name: str, at: int) -> bytes:
        """A piece of one of its files."""

    def have(self, ticket: int, key: str, name: str, content: Content) -> int:
        """As a `Receiver`; all that change something raise Dismissed."""

    def put(self, ticket: int, key: str, name: str, content: Content, at: int, piece: bytes) -> int:
        """As a `Receiver`."""

    def land(self, ticket: int, key: str, manifest: Manifest) -> list[str]:
        """As a `Receiver`."""

    def tell(self, ticket: int, messages: Sequence[Message]) -> bool:
        """What happened on a node; whether it is to stop."""

    def data_listing(self) -> Manifest:
        """What the driver's files of data hold, by path below its folder."""

    def data_piece(self, name: str, at: int) -> bytes:
        """A piece of one of them."""


class Keeper:
    """Lives on the driver's machine; what it does, it does one after the other."""

    def __init__(self, root: Path, data: Path | None = None, parts: Sequence[Path] = (), driver: str = "") -> None:
        """Of the store at `root`, with `parts` of a folder of data; it ends with the process `driver`."""
        self._store, self._data, self._parts = Store(root), data, parts
        self._tickets: dict[str, int] = {}  # by cell
        self._locks: dict[str, contextlib.ExitStack] = {}  # by cell
        self._heard: list[tuple[int, Message]] = []
        self._stop = False
        self._trouble: str | None = None  # with the driver's store, which no node can help
        if driver:
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a lock is two files, and there are thousands
            threading.Thread(target=_end_with, args=(driver,), daemon=True).start()

    # Asked by the driver

    def prepare(self) -> None:
        """A UserError where this process cannot write the store that the driver can."""
        self._store.prepare()

    def take(self, ticket: int, cells: Sequence[CellRecord], retry_failed: bool) -> dict[str, Word | None]:
        """Hold these for whoever has the ticket; by key: why a cell is not to be trained, None where it is held."""
        with self._noting_trouble():
            return {cell.key: self._taken(ticket, cell, retry_failed) for cell in cells}

    def _taken(self, ticket: int, cell: CellRecord, retry_failed: bool) -> Word | None:
        try:
            return self._take(ticket, cell, retry_failed)
        except OSError as error:  # of its folder, lock or state: no other cell's trouble
            if error.errno in DISK_ERRORS:
                raise
            log.warning("cell %s is left alone: %s", cell.key, error)
            return "unreadable"

    def _take(self, ticket: int, cell: CellRecord, retry_failed: bool) -> Word | None:
        if standing := standing_of(self._store, cell, retry_failed):
            return standing
        held, run = contextlib.ExitStack(), self._store.run(cell.key)
        run.write_cell(cell)
        if not held.enter_context(run.lock()):
            return "running"
        if standing := standing_of(self._store, cell, retry_failed):  # ended between the look and the lock
            held.close()
            return standing
        self._tickets[cell.key], self._locks[cell.key] = ticket, held
        return None

    def give_back(self, ticket: int) -> None:
        """Nobody trains the cells of this ticket any more, or is heard if he does."""
        for key in [key for key, valid in self._tickets.items() if valid == ticket]:
            del self._tickets[key]
            self._locks.pop(key).close()

    def heard(self) -> list[tuple[int, Message]]:
        """What was told since it was asked last, with the tickets; a UserError where the store cannot take more."""
        heard, self._heard = self._heard, []
        if self._trouble:
            raise UserError(self._trouble)
        return heard

    def stop(self) -> None:
        """Let all nodes stop."""
        self._stop = True

    # Asked by nodes

    def listing(self, key: str) -> Manifest:
        """What the run folder of a cell holds."""
        with snapshot(self._store.run(key).folder) as held:
            return held.manifest

    def piece(self, key: str, name: str, at: int) -> bytes:
        """A piece of one of its files."""
        return _piece(self._store.run(key).folder / name, at)

    def have(self, ticket: int, key: str, name: str, content: Content) -> int:
        """How many bytes of a file have been brought already."""
        return self._folder(ticket, key).have(name, content)

    def put(self, ticket: int, key: str, name: str, content: Content, at: int, piece: bytes) -> int:
        """Take a piece."""
        with self._noting_trouble():
            return self._folder(ticket, key).put(name, content, at, piece)

    def land(self, ticket: int, key: str, manifest: Manifest) -> list[str]:
        """Let the run folder be as it is on the node."""
        with self._noting_trouble():
            garbled = self._folder(ticket, key).land(manifest)
            if not garbled:
                self._store.run(key).tidy()
            return garbled

    def tell(self, ticket: int, messages: Sequence[Message]) -> bool:
        """Keep it for the driver. Dismissed where no cell is held under the ticket."""
        if ticket not in self._tickets.values():
            raise Dismissed(f"ticket {ticket} is not valid any more")
        self._heard += [(ticket, message) for message in messages]
        return self._stop

    def data_listing(self) -> Manifest:
        """Files of data that the driver can give away."""
        if self._data is None:
            return {}
        files = [file for part in self._parts for file in ([part] if part.is_file() else sorted(part.rglob("*")))]
        return {
            file.relative_to(self._data).as_posix(): Content(sha256(file), file.stat().st_size)
            for file in files
            if file.is_file()
        }

    def data_piece(self, name: str, at: int) -> bytes:
        """A piece of one of them."""
        assert self._data is not None, "a listing came before"
        return _piece(self._data / name, at)

    def _folder(self, ticket: int, key: str) -> Folder:
        if self._tickets.get(key) != ticket:
            raise Dismissed(f"cell {key} is not held under ticket {ticket}")
        return Folder(self._store.run(key).folder)

    @contextlib.contextmanager
    def _noting_trouble(self) -> Iterator[None]:
        """A full disk here ends the run, and not only what a node does."""
        try:
            with self._store.explaining_full_disk():
                self._store.require()
                yield
        except UserError as error:
            self._trouble = str(error)
            raise


def _piece(path: Path, at: int) -> bytes:
    with path.open("rb") as file:
        file.seek(at)
        return file.read(PIECE)


def store_name(root: Path) -> str:
    """What a store is called on nodes: another one for each machine and folder."""
    return hashlib.sha256(f"{process.machine()} {root.resolve()}".encode()).hexdigest()[:12]


def _end_with(driver: str) -> None:
    """A lock must not outlive whoever asked for it."""
    while process.lives(driver) is not False:
        time.sleep(LOOK_S)
    os._exit(1)
