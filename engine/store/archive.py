"""Tensors on disk: torch archives that are read only whole, with what they held when they were written.

torch looks at no checksum when it loads: a flipped bit is a slightly different network. A file is therefore compared
with the SHA-256 that was noted when it was written, or where none was, with the CRC-32 of each of its archive's parts.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cheapconv.engine.store.files import sha256


class DamagedError(Exception):
    """A file does not hold what was written, in words."""


def packed(body: Mapping[str, Any]) -> bytes:
    """A torch archive in memory, because a full disk is an OSError only when Python itself does the writing."""
    buffer = io.BytesIO()
    torch.save({**body}, buffer)
    return buffer.getvalue()


def unpacked(path: Path, noted: str | None = None) -> Mapping[str, Any]:
    """The archive, on the CPU; DamagedError for one that is not as it was `noted`, or is no archive at all."""
    try:
        if noted and noted != sha256(path):
            raise DamagedError(f"{path.name} is damaged: it is not what was written")
        with zipfile.ZipFile(path) as archive:
            if noted is None and (part := archive.testzip()):
                raise DamagedError(f"{path.name} is damaged in its part {part}")
        body = torch.load(path, map_location="cpu", weights_only=True)
    except DamagedError:
        raise
    except Exception as error:  # bytes that are no archive raise a dozen kinds
        raise DamagedError(f"{path.name} cannot be read ({type(error).__name__})") from error
    if not isinstance(body, dict):
        raise DamagedError(f"{path.name} holds something else")
    return body
