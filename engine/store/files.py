"""Files that are whole or not there: written to a temporary name, synced and renamed.

A reader never sees half a file and a crash never leaves one.
"""

import contextlib
import errno
import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import process

TEMPORARY = "unfinished-"
ABANDONED_S = 600.0  # after which a temporary file whose writer cannot be asked for is nobody's any more
_WRITER = re.compile(r"-([0-9a-f]{8}\.\d+\.\d+)-[^-]*$")

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
    """Of some paths, the temporary files whose writers are dead, as their names tell.

    `older_than_s` is for those without a name, of earlier releases, where others may be writing.
    """
    found = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # renamed or removed meanwhile
            if path.name.startswith(TEMPORARY) and _is_left(path, older_than_s):
                found.append(path)
    return found


def _is_left(path: Path, older_than_s: float) -> bool:
    writer = _WRITER.search(path.name)
    alive = process.lives(writer[1]) if writer else None
    if alive is not None:
        return not alive
    return time.time() - path.stat().st_mtime >= (ABANDONED_S if writer else older_than_s)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that is synced and renamed to it when the block succeeds, and removed when not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Its writer is in its name, so that nobody removes it as long as this process lives.
    temporary = path.parent / f"{TEMPORARY}{path.name}-{process.own_name()}-{secrets.token_hex(4)}"
    temporary.touch(exist_ok=False)  # with the rights that the user's umask leaves
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
