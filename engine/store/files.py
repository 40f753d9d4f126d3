"""Files that are whole or not there: written to a temporary name, synced and renamed.

A reader never sees half a file and a crash never leaves one.
"""

import contextlib
import errno
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cheapconv.catalog.errors import UserError

TEMPORARY = "unfinished-"


DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def now() -> str:
    """The time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_json(path: Path) -> Any:
    """The JSON document, or None where there is none or a damaged one."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:  # what cannot be read for the moment must not be taken for lost, and written anew
        raise UserError(f"{path} cannot be read ({error.strerror}): see to its disk and permissions.") from error


def write_json(path: Path, body: object) -> None:
    """Write one JSON document atomically."""
    write_bytes(path, (json.dumps(body, indent=1) + "\n").encode())


def write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    """Write one JSON document a line, atomically."""
    write_bytes(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write several files, none of which is replaced before all of them are on the disk."""
    with contextlib.ExitStack() as replaced:
        for path, data in files.items():
            temporary = replaced.enter_context(replacing(path))
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for path in files:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder")


def leftovers(paths: Iterable[Path], older_than_s: float = 0.0) -> list[Path]:
    """Of some paths, the temporary files that a killed process left; `older_than_s` where others may be writing."""
    found = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # renamed or removed meanwhile
            if path.name.startswith(TEMPORARY) and time.time() - path.stat().st_mtime >= older_than_s:
                found.append(path)
    return found


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that is synced and renamed to it when the block succeeds, and removed when not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{TEMPORARY}{path.name}-", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
