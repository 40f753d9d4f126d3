"""Many photographs on a disk: where each one's bytes are, and its label.

Kept as two arrays and not as a list of objects: processes that are forked share an array's memory, and would copy the
list as soon as they count references to what is in it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

WHOLE = -1  # instead of a size: the whole file


@dataclass(frozen=True)
class Photos:
    """Photographs in the order of their indices, each a file or a part of one."""

    root: Path
    names: np.ndarray  # (F,) bytes: files, from the root on
    places: np.ndarray  # (N, 3) int64: which file, the first byte in it, the number of bytes
    labels: np.ndarray  # (N,) int64

    @classmethod
    def of_files(cls, root: Path, names: Sequence[str], labels: Sequence[int]) -> Self:
        """One photograph a file."""
        places = np.zeros((len(names), 3), dtype=np.int64)
        places[:, 0], places[:, 2] = np.arange(len(names)), WHOLE
        encoded = np.array([os.fsencode(name) for name in names], dtype=np.bytes_)
        return cls(root, encoded, places, np.array(labels, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: Sequence[int] | np.ndarray) -> Self:
        """Some of them, by index, in that order."""
        order = np.array(chosen, dtype=np.int64)
        return replace(self, places=self.places[order], labels=self.labels[order])

    def read(self, index: int) -> bytes:
        """The bytes of a photograph; OSError where there are none."""
        _, first, size = self.places[index].tolist()
        with self.file(index).open("rb") as source:
            source.seek(first)
            return source.read(size)

    def file(self, index: int) -> Path:
        """Where it is, or is a part of."""
        return self.root / os.fsdecode(self.names[self.places[index, 0]])

    def length(self, index: int) -> int:
        """How many it has; 0 where there is no file."""
        size = int(self.places[index, 2])
        if size != WHOLE:
            return size
        try:
            return self.file(index).stat().st_size
        except OSError:
            return 0

    def name(self, index: int) -> str:
        """What a user finds it by: its file, and where in it it begins if it is not all of it."""
        file, first, size = self.places[index].tolist()
        return os.fsdecode(self.names[file]) + ("" if size == WHOLE else f" at byte {first}")
