"""What each photograph holds: the hash of its bytes, whether it can be decoded, the sum of its pixels.

Looked at once, by as many processes as there are cores. What was found is kept in the cache by path, size and time of
change, so that a second look costs a look at the directory.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch.utils.data import DataLoader, Dataset

from cheapconv.catalog import cache
from cheapconv.catalog.errors import reason
from cheapconv.suites.crops import middle
from cheapconv.suites.loader import default_workers, quiet_iterator, settle_worker
from cheapconv.suites.photo import BrokenImageError
from cheapconv.suites.photos import Photos

CHUNK = 16  # images a worker looks at before it reports

Channels = tuple[float, float, float]
Stamp = tuple[int, int]  # of a file: bytes, and the time of change in ns


@dataclass(frozen=True)
class Facts:
    """Of one photograph."""

    stamp: Stamp
    sha256: str
    broken: str | None = None  # what is wrong with it
    sums: Channels = (0.0, 0.0, 0.0)  # of the pixels that are evaluated, in units of [0, 1]
    squares: Channels = (0.0, 0.0, 0.0)


_Manifest = TypeAdapter(dict[str, Facts])  # by name


@dataclass(frozen=True)
class _Looks(Dataset[tuple[str, Facts]]):
    """Photographs to look at."""

    photos: Photos
    chosen: Sequence[int]
    side: int

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, position: int) -> tuple[str, Facts]:
        index = self.chosen[position]
        return self.photos.name(index), look(self.photos, index, self.side)


def examine(photos: Photos, side: int) -> list[Facts]:
    """The facts of each, whose pixels are those of evaluations at `side`."""
    identity = f"{photos.root.resolve()} {side}".encode(errors="surrogateescape")
    manifest = f"images-{hashlib.sha256(identity).hexdigest()[:32]}"
    try:
        known = _Manifest.validate_json(cache.kept(manifest) or b"{}")
    except ValidationError:  # somebody's file: it is made anew
        known = {}
    names = [photos.name(index) for index in range(len(photos))]
    new = [i for i, name in enumerate(names) if name not in known or known[name].stamp != stamp(photos, i)]
    if new:
        known |= dict(_looked_at(_Looks(photos, new, side)))
        cache.keep(manifest, _Manifest.dump_json(known))
    return [known[name] for name in names]


def look(photos: Photos, index: int, side: int) -> Facts:
    """The facts of one."""
    before = stamp(photos, index)
    try:
        data = photos.read(index)
    except OSError as error:
        return Facts(before, "", reason(error))
    digest = hashlib.sha256(data).hexdigest()
    try:
        pixels = np.asarray(middle(data, side), dtype=np.float64).reshape(-1, 3) / 255
    except BrokenImageError as error:
        return Facts(before, digest, reason(error))
    sums, squares = (tuple(values.sum(axis=0).tolist()) for values in (pixels, pixels**2))
    return Facts(before, digest, None, sums, squares)


def stamp(photos: Photos, index: int) -> Stamp:
    """By which the file of one is known not to have changed."""
    try:
        status = os.stat(photos.file(index))
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _looked_at(looks: _Looks) -> Iterator[tuple[str, Facts]]:
    loader = DataLoader(
        looks,
        batch_size=CHUNK,
        num_workers=min(default_workers() + 1, len(looks) // (4 * CHUNK)),  # of few images none is worth a process
        collate_fn=list,
        worker_init_fn=settle_worker,
        generator=torch.Generator(),
    )
    for chunk in quiet_iterator(loader):
        yield from chunk
