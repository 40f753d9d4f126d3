"""Where things are kept that can be made again: plans, and what files of images hold."""

import contextlib
import os
import tempfile
from pathlib import Path


def folder() -> Path:
    """CHEAPCONV_CACHE, else cheapconv/ in the user's cache folder; RuntimeError for a user without a home."""
    named = os.environ.get("CHEAPCONV_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cheapconv"


def keep(name: str, data: bytes) -> None:
    """Keep a file, whole or not at all; a cache that cannot be written costs time and nothing else."""
    with contextlib.suppress(OSError, RuntimeError):
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place, delete=False) as temporary:
            temporary.write(data)
        Path(temporary.name).replace(place / name)


def kept(name: str) -> bytes | None:
    """What was kept under a name; None for nothing."""
    with contextlib.suppress(OSError, RuntimeError):
        return (folder() / name).read_bytes()
    return None
