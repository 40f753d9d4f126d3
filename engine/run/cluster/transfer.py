"""Folders on their way to another machine: files are named by what they hold, sent in pieces, and only what is lacking.

What arrives is kept beside the run's files until it is whole, so that a file that was cut off goes on where it was;
it is compared with its name, and only then all files take their places, the result last.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from cheapconv.engine.store.files import ASIDE, TEMPORARY, remove, replacing, sha256
from cheapconv.engine.store.lock import LOCK
from cheapconv.engine.store.runs import CHECKPOINT, CURVE, ERROR, RESULT, STATE, TRACKER

PIECE = 2**23  # bytes: a small part of a node's memory for objects, and seldom enough to ask for
TRIES = 3  # to bring files that arrive as something else
ALONE = {LOCK, TRACKER}  # of the machine on which they are


class Garbled(Exception):
    """Files did not arrive as they were sent."""


class Content(NamedTuple):
    """What a file holds."""

    sha256: str
    size: int  # bytes


Manifest = dict[str, Content]  # what a folder holds, by path in it


class Receiver(Protocol):
    """A folder that is brought up to date."""

    def have(self, name: str, content: Content) -> int:
        """How many bytes of a file are here already."""

    def put(self, name: str, content: Content, at: int, piece: bytes) -> int:
        """Take a piece that begins `at` so many bytes; where the next one begins."""

    def land(self, manifest: Manifest) -> list[str]:
        """Let the folder hold these files; the names of those that are not what was sent, on account of which nothing
        is changed."""


def carry(manifest: Manifest, piece: Callable[[str, int], bytes], receiver: Receiver) -> None:
    """Bring a folder up to date, with pieces by file and beginning. Garbled where that does not succeed."""
    garbled: list[str] = []
    for _ in range(TRIES):
        for name, content in manifest.items():
            at = receiver.have(name, content)
            while at < content.size:
                at = receiver.put(name, content, at, piece(name, at))
        if not (garbled := receiver.land(manifest)):
            return
    raise Garbled(f"{', '.join(garbled)} did not arrive as sent, {TRIES} times")


class Folder:
    """A run folder, or any other, as a receiver on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def have(self, name: str, content: Content) -> int:
        """All of it where the file is in its place, or the length of what was brought before."""
        path = self._path(name)
        if path.is_file() and path.stat().st_size == content.size and sha256(path) == content.sha256:
            return content.size
        partial = self._partial(name, content)
        return partial.stat().st_size if partial.is_file() and partial.stat().st_size <= content.size else 0

    def put(self, name: str, content: Content, at: int, piece: bytes) -> int:
        """Append a piece to what was brought before; one that begins elsewhere is not taken."""
        self.path.mkdir(parents=True, exist_ok=True)
        partial = self._partial(name, content)
        if at == 0:
            partial.unlink(missing_ok=True)
        with partial.open("ab") as file:
            if file.tell() == at:
                file.write(piece)
            return file.tell()

    def land(self, manifest: Manifest) -> list[str]:
        """Every file in its place, atomically, in an order in which a crash in between leaves a cell that can go on."""
        self.path.mkdir(parents=True, exist_ok=True)
        lacking = {name: content for name, content in manifest.items() if self.have(name, content) < content.size}
        brought = {name: path for name, content in manifest.items() if (path := self._partial(name, content)).is_file()}
        garbled = [name for name, path in brought.items() if sha256(path) != manifest[name].sha256]
        for name in garbled:
            brought[name].unlink()
        if garbled or lacking:
            return sorted({*garbled, *lacking})
        gone = [ERROR, CURVE, RESULT]
        if RESULT not in manifest:  # else the checkpoint stays until the result is in its place
            gone.append(CHECKPOINT)
        for name in gone:
            if name not in manifest:
                remove(self.path / name)
        for name in sorted(manifest, key=_turn):
            if name in brought or not manifest[name].size:
                self._place(self._path(name), brought.get(name))
        if CHECKPOINT not in manifest:
            remove(self.path / CHECKPOINT)
        return []

    def _place(self, path: Path, partial: Path | None) -> None:
        """What was brought becomes the file, as the store writes it; without anything, an empty one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            if partial is not None:
                os.replace(partial, temporary)

    def _path(self, name: str) -> Path:
        """Where a file belongs, which is in the folder."""
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise ValueError(f"{name!r} is no file of a run folder")
        return self.path / pure

    def _partial(self, name: str, content: Content) -> Path:
        """What was brought of a file; named as what a tidying removes (`engine.store.files.leftovers`)."""
        return self.path / f"{TEMPORARY}{content.sha256}-{self._path(name).name}"


def _turn(name: str) -> tuple[int, str]:
    """The result comes last, for with it a cell is done; before it what tells how far it is."""
    last = (CHECKPOINT, STATE, RESULT)
    return last.index(name) + 1 if name in last else 0, name


class Snapshot:
    """What a folder holds now, as open files: who trains may put others in their places meanwhile."""

    def __init__(self, files: Mapping[str, BufferedReader]) -> None:
        self._files = files
        self.manifest: Manifest = {name: _content(file) for name, file in files.items()}

    def piece(self, name: str, at: int) -> bytes:
        """A piece of one of the files."""
        self._files[name].seek(at)
        return self._files[name].read(PIECE)


@contextlib.contextmanager
def snapshot(folder: Path) -> Iterator[Snapshot]:
    """Of a folder that somebody may be writing to. What is written last is looked at first (a result after the
    networks, a checkpoint after the curve), so that the others are at least as new."""
    with contextlib.ExitStack() as opened:
        names = [RESULT, CHECKPOINT, *_names(folder)]
        files = {}
        for name in dict.fromkeys(names):
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                files[name] = opened.enter_context((folder / name).open("rb"))
        yield Snapshot(files)


def _names(folder: Path) -> list[str]:
    """Files of a folder that belong to it wherever it lies."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    ours = [path for path in found if not path.name.startswith((TEMPORARY, ASIDE)) and path.name not in ALONE]
    return [path.relative_to(folder).as_posix() for path in ours]


def _content(file: BufferedReader) -> Content:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Content(digest, file.tell())
