"""The lock of a run folder: who trains the cell. It dies with its process, so a killed run leaves none behind."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from cheapconv.engine.store.files import remove

LOCK = "lock"
PATIENCE_S = 1.0  # whoever only looks holds the lock for a moment, which must not turn a run away
LOOKS, BETWEEN_LOOKS_S = 5, 0.01  # of one who looks: another who looks is gone at the next one


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold the folder for this process; yields False if another process trains in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(folder / LOCK) and not (folder / LOCK).is_file():
        remove(folder / LOCK)  # a folder, a pipe, a link to nowhere: nobody can hold it
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=PATIENCE_S, poll_interval=BETWEEN_LOOKS_S)
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process trains in the folder. A read-only copy of a store can be asked too: nothing trains there."""
    if not os.path.isfile(folder / LOCK):
        return False
    for look in range(LOOKS):
        try:
            with filelock.FileLock(folder / LOCK).acquire(blocking=False):
                return False
        except filelock.Timeout:
            time.sleep(BETWEEN_LOOKS_S * (look + 1 < LOOKS))
        except OSError:
            return False
    return True
