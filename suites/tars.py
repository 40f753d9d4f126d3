"""Tar files of photographs, of which single ones are read by their place: the headers are looked at once.

Webdataset's samples: `KEY.jpg` (or jpeg, png, webp) and `KEY.cls`, the number of its class as text, or a field of
`KEY.json`; a key ends at the first dot of a file's name, as webdataset has it (tariterators.base_plus_ext). Webdataset,
and timm's ReaderWds on it, read such shards as a stream and shuffle what is in a buffer; here a sample follows from
(seed, epoch, index), so its bytes are found by their index. What the headers of shards say is kept in the cache by the
names, sizes and times of change of the files.
"""

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cheapconv.catalog import cache
from cheapconv.catalog.errors import UserError, reason, short
from cheapconv.suites.photos import Photos

IMAGES = ("jpg", "jpeg", "png", "webp")
LABEL = "label"  # the field of a JSON where nothing names another
SAMPLE = re.compile(r"((?:.*/)?[^./]+)\.([^/]+)")  # key, ending
AGAIN = "copy or download it again"


class Member(NamedTuple):
    """A file in a tar."""

    name: str
    first: int  # byte in the tar
    size: int


def members(path: Path) -> list[Member]:
    """The files in a tar; a UserError where it is cut off, compressed or none."""
    try:
        with tarfile.open(path, "r:") as tar:
            found = [Member(info.name, info.offset_data, info.size) for info in tar if info.isreg()]
            end = tar.offset
        with path.open("rb") as file:
            file.seek(end)
            after = file.read(tarfile.BLOCKSIZE)
    except (OSError, tarfile.TarError) as error:
        raise UserError(f"{path} is cut off, or no tar without compression ({reason(error)}): {AGAIN}.") from error
    if after != bytes(tarfile.BLOCKSIZE):  # tarfile takes whatever is no header for the end
        raise UserError(f"{path} is cut off or damaged at byte {end}: {AGAIN}.")
    return found


def photos(root: Path, shards: Sequence[str], field: str = "") -> Photos:
    """The images of shards, in their order, labelled by their `.cls`, or by a field of their JSON if one is named."""
    name = f"tars-{_identity(root, shards, field)}.npy"
    try:  # (N, 4) of the cache: which shard, first byte, number of bytes, label
        table = np.load(io.BytesIO(cache.kept(name) or b""), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        table = np.concatenate([_table(root / shard, number, field) for number, shard in enumerate(shards)])
        file = io.BytesIO()
        np.save(file, table, allow_pickle=False)
        cache.keep(name, file.getvalue())
    names = np.array([os.fsencode(shard) for shard in shards], dtype=np.bytes_)
    return Photos(root, names, table[:, :3], table[:, 3])


def add(tar: tarfile.TarFile, name: str, data: bytes) -> int:
    """Put a file into a tar, without an owner or a time; where in the tar its bytes begin."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    first = tar.offset + tarfile.BLOCKSIZE
    tar.addfile(member, io.BytesIO(data))
    return first


def _identity(root: Path, shards: Sequence[str], field: str) -> str:
    """By which shards are known not to have changed; a UserError for one that is not there."""
    stamps = []
    for shard in shards:
        try:
            status = (root / shard).stat()
        except OSError as error:
            raise UserError(f"{root / shard} cannot be read ({error.strerror}): {AGAIN}.") from error
        stamps.append((shard, status.st_size, status.st_mtime_ns))
    text = json.dumps([str(root.resolve()), field, stamps]).encode(errors="surrogateescape")
    return hashlib.sha256(text).hexdigest()[:32]


def _table(path: Path, number: int, field: str) -> np.ndarray:
    """(N, 4) of a shard."""
    samples: dict[str, dict[str, Member]] = {}
    for member in members(path):
        if part := SAMPLE.fullmatch(member.name):
            samples.setdefault(part[1], {})[part[2].lower()] = member
    with path.open("rb") as file:
        rows = [(number, *row) for row in _rows(path, file, samples, field)]
    if not rows:
        endings = ", ".join(IMAGES)
        raise UserError(f"{path} holds no sample of webdataset, KEY.jpg (or {endings}) and KEY.cls: look what it is.")
    return np.array(rows, dtype=np.int64)


def _rows(
    path: Path, file: io.BufferedReader, samples: dict[str, dict[str, Member]], field: str
) -> Iterator[tuple[int, int, int]]:
    """First byte, number of bytes and label of each image."""
    for key, parts in samples.items():
        image = next((parts[ending] for ending in IMAGES if ending in parts), None)
        ending = "json" if field or "cls" not in parts else "cls"
        if image is None and ending not in parts:
            continue  # a licence, a list
        if image is None or ending not in parts:
            lacks = "an image" if image is None else f"{key}.{ending if field else 'cls'}, the number of its class"
            raise UserError(f"{path}: sample '{short(key)}' lacks {lacks}; make the shard again.")
        file.seek(parts[ending].first)
        text = file.read(parts[ending].size)
        try:
            label = int(text if ending == "cls" else json.loads(text)[field or LABEL])
        except (ValueError, TypeError, LookupError) as error:
            where = f"{key}.{ending}" + (f", field '{field or LABEL}'," if ending == "json" else "")
            raise UserError(f"{path}: {short(where)} is no number of a class: make the shard again.") from error
        yield image.first, image.size, label
