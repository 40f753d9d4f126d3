"""Files that are whole or not there: written to a temporary name, synced and renamed.

A reader never sees half a file and a crash never leaves one.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from cheapconv.engine.store import process

TEMPORARY = "unfinished-"
ASIDE = "aside-"
ABANDONED_S = 600.0  # after which a temporary file whose writer cannot be asked for is nobody's any more
_WRITER = re.compile(r"-([0-9a-f]{8}\.\d+\.\d+)-[^-]*$")

# EFBIG: a limit on the size of files, of the user's or of the file system.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
LARGEST = 2**27  # bytes of a document: a thousand times the longest that was ever written


def slug(text: str) -> str:
    """Its letters and digits as a part of a file's name: `AMD EPYC (family 26)` is `amd-epyc-family-26`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def now() -> str:
    """The time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_bytes(path: Path) -> bytes:
    """What a document's file holds; ValueError for what is no file that could be one, such as a pipe or a disk."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # non-blocking: a pipe would be waited for
    with os.fdopen(handle, "rb", buffering=0) as file:  # all at once
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            raise ValueError(f"{path} is no document")
        return file.read()


def sha256(path: Path) -> str:
    """Of what the file holds, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def decoded(data: bytes) -> str:
    """The text of a document in any of Unicode's encodings; ValueError where it is none."""
    return data.decode(json.detect_encoding(data))


def parse_json(text: str, nan: bool = False) -> Any:
    """A JSON document; ValueError for everything else, a number of 5,000 digits or as many levels too, perhaps NaN."""
    return from_json(text, allow_inf_nan=nan)


def later(time: str, seconds: float) -> str:
    """A time of `now`, so many seconds later."""
    return (datetime.fromisoformat(time) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def read_json(path: Path) -> Any:
    """The JSON document, or None where there is none, a damaged one, or one that cannot be read."""
    try:
        return parse_json(decoded(read_bytes(path)))
    except (OSError, ValueError):
        return None


def write_json(path: Path, body: object) -> None:
    """Write one JSON document atomically."""
    write_bytes(path, (json.dumps(body, indent=1, allow_nan=False) + "\n").encode())


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
            path.parent.mkdir(parents=True, exist_ok=True)
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
            ours = path.name.startswith(TEMPORARY) and not path.is_dir()
            if ours and _is_left(path, older_than_s):
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
    """A temporary file beside `path` that is synced and renamed to it when the block succeeds, and removed when not.

    Its folder is not created: one that has been removed meanwhile was meant to go, with all that is in it.
    """
    # Its writer is in its name, so that nobody removes it as long as this process lives.
    temporary = path.parent / f"{TEMPORARY}{path.name}-{process.own_name()}-{secrets.token_hex(4)}"
    temporary.touch(exist_ok=False)  # with the rights that the user's umask leaves
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        try:
            temporary.replace(path)
        except IsADirectoryError:
            put_aside(path)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """A folder in one that is there; a file in its place is put aside."""
    try:
        path.mkdir(exist_ok=True)
    except FileExistsError:
        put_aside(path)
        path.mkdir()


def remove(path: Path) -> None:
    """No file of that name any more; a folder in its place is put aside."""
    if path.is_dir() and not path.is_symlink():
        put_aside(path)
    else:
        path.unlink(missing_ok=True)


def put_aside(path: Path) -> None:
    """Under another name: what nobody here has written is nobody's here to delete."""
    path.rename(path.with_name(f"{ASIDE}{path.name}-{secrets.token_hex(4)}"))
