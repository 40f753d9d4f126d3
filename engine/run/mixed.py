"""A run of cells that several GPUs train together, and of others that workers train beside each other: in turns, for
the former take all GPUs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from cheapconv.engine.run.rounds import LEFT_ASIDE
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.records import Word


class Runner(Protocol):
    """Who runs cells."""

    def run(self, cells: Sequence[Cell]) -> dict[str, Word]:
        """The end state of each, by key."""


@dataclass
class Mixed:
    """Runs the cells of several GPUs by one runner, and all others by another."""

    together: Runner
    beside: Runner
    fail_fast: bool = False

    def run(self, cells: Sequence[Cell]) -> dict[str, Word]:
        """Run every cell that is not done; those again that waited for a teacher of the other kind."""
        ends: dict[str, Word] = {}
        left = [*cells]
        while left:
            before = dict(ends)
            for runner, several in ((self.together, True), (self.beside, False)):
                own = [cell for cell in left if (cell.gpus > 1) is several]
                if own and not (self.fail_fast and "failed" in ends.values()):
                    ends |= runner.run(own)
                    if torch.cuda.is_available():
                        torch.cuda.empty_cache()  # what this process has kept is lacking to others
            left = [cell for cell in left if ends.get(cell.key) in LEFT_ASIDE]
            if ends == before:
                break
        return ends
