"""Parquet files of photographs, as Hugging Face's hub lays data sets out: columns `image` (bytes, path) and `label`.

A row can only be had by decoding the row group that it is in, hundreds of images for one. So a file is unpacked once,
into a tar shard in the cache (suites/tars.py), as the package `datasets`, behind timm's ReaderHfds, turns it into files
of Arrow in its own; it takes as much of the disk again. Names of classes are those of the schema's ClassLabel.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cheapconv.catalog import cache
from cheapconv.catalog.errors import UserError, reason, short
from cheapconv.suites import tars

IMAGE, LABEL = "image", "label"
ROWS = 64  # in memory


@dataclass(frozen=True)
class _ClassLabel:
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Features:
    label: _ClassLabel = _ClassLabel()


@dataclass(frozen=True)
class _Info:
    features: _Features = _Features()


@dataclass(frozen=True)
class _Hub:
    """What `datasets` writes into a schema."""

    info: _Info = _Info()


def class_names(path: Path) -> tuple[str, ...]:
    """Those of a file's labels, in their order; none where it says nothing of them. A UserError for other columns."""
    from pyarrow import ArrowException, null, parquet, types

    try:
        schema = parquet.read_schema(path)
    except (ArrowException, OSError) as error:
        raise UserError(f"{path} is cut off, or no Parquet ({reason(error).split('.')[0]}): {tars.AGAIN}.") from error
    columns = {name: schema.field(name).type for name in schema.names}
    image, label = columns.get(IMAGE, null()), columns.get(LABEL, null())
    if types.is_struct(image) and image.get_field_index("bytes") >= 0:
        image = image.field("bytes").type
    if not (types.is_binary(image) or types.is_large_binary(image)) or not types.is_integer(label):
        has = ", ".join(f"{name} ({kind})" for name, kind in columns.items())
        raise UserError(
            f"{path} has the columns {short(has, 300)}: it needs image, with its bytes, and label, a number; rename "
            "or cast them."
        )
    try:
        return tuple(_READ.validate_json((schema.metadata or {}).get(b"huggingface", b"{}")).info.features.label.names)
    except ValidationError:
        return ()


_READ = TypeAdapter(_Hub)


def unpacked(path: Path) -> Path:
    """A tar shard of its rows, in their order; a UserError where it cannot be read, or kept."""
    status = path.stat()
    text = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}".encode(errors="surrogateescape")
    try:
        return cache.made(f"{path.stem}-{hashlib.sha256(text).hexdigest()[:16]}.tar", lambda to: _unpack(path, to))
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{path} cannot be unpacked into the cache ({reason(error)}): name a folder with room for all of "
            "the data by CHEAPCONV_CACHE."
        ) from error


def _unpack(path: Path, to: Path) -> None:
    with tarfile.open(to, "w", format=tarfile.USTAR_FORMAT) as tar:
        for number, (data, label) in enumerate(_rows(path)):
            if label is None:
                raise UserError(f"{path}: row {number} has no label; take such rows out, or label them.")
            tars.add(tar, f"{number:08d}.jpg", data)
            tars.add(tar, f"{number:08d}.cls", str(label).encode())


def _rows(path: Path) -> Iterator[tuple[bytes, int | None]]:
    """Bytes, none for an image without any, and label."""
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS, columns=[IMAGE, LABEL]):
                for image, label in zip(*(batch.column(name).to_pylist() for name in (IMAGE, LABEL)), strict=True):
                    yield (image.get("bytes") if isinstance(image, dict) else image) or b"", label
    except (ArrowException, OSError) as error:
        raise UserError(f"{path} is damaged ({short(reason(error))}): {tars.AGAIN}.") from error
