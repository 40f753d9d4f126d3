"""A process that trains and dies by SIGKILL at a chosen place: `python -m tests.engine.killed STORE METHOD PLACE`.

Places: `step`, in the middle of an epoch; `epoch`, when its checkpoint is written; `write`, half-way through that.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import replacing
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.checkpoint import Position
from tests.engine import tiny, watchers


class KillAt(watchers.Watcher):
    """Dies in the second epoch of the cell under test, or at the end of it."""

    def __init__(self, place: str, method: str) -> None:
        self.place, self.method = place, method

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """Die after the second step of the second epoch."""
        if self.place == "step" and cell.method == self.method and (position.epoch, position.step) == (1, 2):
            die()

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """Die after the second epoch, or in the next write of a checkpoint after the first."""
        if self.place == "epoch" and cell.method == self.method and position.epoch == 2:
            die()
        if self.place == "write" and cell.method == self.method:
            checkpoint.write_bytes = write_half


def die() -> None:
    """As the kernel would do it."""
    os.kill(os.getpid(), signal.SIGKILL)


def write_half(path: Path, body: bytes) -> None:
    """Begin to write, and die."""
    with replacing(path) as temporary:
        temporary.write_bytes(body[: len(body) // 2])
        die()


def main(folder: str, method: str, place: str) -> Any:
    """Train until death."""
    torch.set_num_threads(1)
    tiny.register()
    tiny.skip_timing(pytest.MonkeyPatch())
    return tiny.run(Store(Path(folder)), tiny.planned_by(method), KillAt(place, method))


if __name__ == "__main__":
    main(*sys.argv[1:])
