"""Photographs for tests: small folders of JPEGs whose middle, left and right can be told apart, also packed."""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def picture(seed: int, width: int = 40, height: int = 30) -> Image.Image:
    """Smooth noise, another for each seed: a JPEG keeps it nearly as it is."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def folder(root: Path, counts: dict[str, int], first: int = 0) -> Path:
    """A folder of class folders, each with so many pictures, no two alike."""
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number:03d}.jpg").write_bytes(encoded(picture(first)))
            first += 1
    return root


def tar(path: Path, files: Sequence[tuple[str, bytes]]) -> Path:
    """A tar of files, by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as made:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return path


def shard(path: Path, images: Sequence[tuple[bytes, int]]) -> Path:
    """A tar shard as webdataset lays it out."""
    samples = [((f"{i:05d}.jpg", data), (f"{i:05d}.cls", str(y).encode())) for i, (data, y) in enumerate(images)]
    return tar(path, [file for sample in samples for file in sample])


def parquet(path: Path, images: Sequence[tuple[bytes | None, int | None]], classes: Sequence[str] = ()) -> Path:
    """A Parquet file as `datasets` writes one, with the names of its classes in the schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"bytes": data, "path": f"{i}.jpg"} for i, (data, _) in enumerate(images)]
    table = pa.table({"image": rows, "label": pa.array([label for _, label in images], pa.int64())})
    features = {"image": {"_type": "Image"}, "label": {"names": [*classes], "_type": "ClassLabel"}}
    about = {"huggingface": json.dumps({"info": {"features": features}})} if classes else {}
    pq.write_table(table.replace_schema_metadata(about), path, row_group_size=4)
    return path
