"""Who follows a run, such as its display, and how its cells have ended so far."""

import logging
from collections.abc import Callable, Sequence
from operator import methodcaller
from typing import Protocol

from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.records import Word
from cheapconv.engine.train.checkpoint import Position

log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Something that follows a run. One that fails is told nothing more, and the run goes on."""

    def started(self, cell: Cell) -> None:
        """A cell begins or goes on."""

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """A step is done; called thousands of times, so it has to be cheap."""

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """An epoch is evaluated and checkpointed."""

    def ended(self, cell: Cell, state: Word) -> None:
        """The cell is done, failed, stopped, waiting for its teacher, or running in another process."""


class Watchers:
    """All of them, and what they were told of the cells' ends."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self.ends: dict[str, Word] = {}  # by the cell's key
        self._watchers = [*watchers]

    def tell(self, event: Callable[[Watcher], None]) -> None:
        """Call every watcher."""
        for watcher in tuple(self._watchers):
            try:
                event(watcher)
            except Exception as error:  # a terminal, a pipe and a library of displays raise what they like
                self._watchers.remove(watcher)
                log.warning("the display of the run has failed (%s) and ends; the run goes on", error)

    def ended(self, cell: Cell, end: Word) -> None:
        """Note how an attempt ended, and tell it if that is news."""
        if self.ends.get(cell.key) != end:
            self.ends[cell.key] = end
            self.tell(methodcaller("ended", cell, end))
