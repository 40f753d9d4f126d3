"""The lock of a run folder: who trains the cell. It dies with its process, so a killed run leaves none behind.

It is a flock, which cannot be asked after without taking it: whoever looked could turn a run away. So its holder also
puts a record lock on the file (fcntl(2), F_OFD_SETLK), which keeps nobody out, and of which Linux tells. Elsewhere who
looks takes a shared flock for a moment.
"""

import contextlib
import fcntl
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import filelock

from cheapconv.engine.store.files import remove

LOCK = "lock"
PATIENCE_S, BETWEEN_TRIES_S = 1.0, 0.01  # a process that was killed gives its locks back a moment later
ON_LINUX = sys.platform == "linux"
RECORD = "hhqqi0q"  # its struct flock: type, whence, start, length, process


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold the folder for this process; yields False if another process trains in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(folder / LOCK) and not (folder / LOCK).is_file():
        remove(folder / LOCK)  # a folder, a pipe, a link to nowhere: nobody can hold it
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=PATIENCE_S, poll_interval=BETWEEN_TRIES_S)
    except filelock.Timeout:
        yield False
        return
    try:
        with (folder / LOCK).open("rb+") as file:
            with contextlib.suppress(OSError):  # NFS: the two kinds are one there, and the first is told of
                if ON_LINUX:
                    fcntl.fcntl(file, fcntl.F_OFD_SETLK, _whole_file())
            yield True
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process trains in the folder. Nothing is created: a read-only copy of a store can be asked too."""
    if not os.path.isfile(folder / LOCK):  # a pipe would never open
        return False
    try:
        with (folder / LOCK).open("rb") as file:
            if ON_LINUX:
                kind, *_ = struct.unpack(RECORD, fcntl.fcntl(file, fcntl.F_OFD_GETLK, _whole_file()))
                return kind != fcntl.F_UNLCK
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _whole_file() -> bytes:
    """An exclusive record lock on all bytes."""
    return struct.pack(RECORD, fcntl.F_WRLCK, 0, 0, 0, 0)
