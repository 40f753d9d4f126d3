"""What a file holds, as a text short enough for a cell's key: equal texts, equal content, wherever the file lies."""

import functools
from pathlib import Path

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.files import sha256


def content_hash(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits; a UserError if it cannot be read."""
    try:
        status = path.stat()
        return _hash(path.resolve(), status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise UserError(
            f"the file '{path}' cannot be read ({error.strerror}): give the path of one that can."
        ) from error


@functools.cache
def _hash(path: Path, size: int, modified_ns: int) -> str:
    """Worked out once, as long as the file looks the same: a sweep asks for it in every cell."""
    return sha256(path)
