"""Where things are kept that can be made again: plans, what files of images hold, and images unpacked."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def folder() -> Path:
    """CHEAPCONV_CACHE, else cheapconv/ in the user's cache folder; RuntimeError for a user without a home."""
    named = os.environ.get("CHEAPCONV_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cheapconv"


def keep(name: str, data: bytes) -> None:
    """Keep a file, whole or not at all; a cache that cannot be written costs time and nothing else."""
    with contextlib.suppress(OSError, RuntimeError):
        path = folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{name}.{os.getpid()}.part")
        try:
            partial.write_bytes(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def made(name: str, make: Callable[[Path], None]) -> Path:
    """A large file that is kept under a name, written by `make` where it is not there yet: whole or not at all, by one
    process of several. OSError or RuntimeError where it cannot be kept."""
    path = folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if not path.is_file():
            partial = path.with_name(f"{name}.part")  # of a process that was killed, too: it is written over
            try:
                make(partial)
                with partial.open("rb") as file:
                    os.fsync(file.fileno())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
    return path


def kept(name: str) -> bytes | None:
    """What was kept under a name; None for nothing."""
    with contextlib.suppress(OSError, RuntimeError):
        return (folder() / name).read_bytes()
    return None
