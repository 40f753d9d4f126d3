"""Watchers of cells for tests: one that does nothing, one that asks to stop, one that writes down what it is told."""

from typing import Any

from cheapconv.engine.store.cell import Cell
from cheapconv.engine.train.checkpoint import Position


class Watcher:
    """Watches and does nothing (`engine.run.launch.Watcher`); a base for those that do."""

    def started(self, cell: Cell) -> None:
        """A cell begins or goes on."""

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """A step is done."""

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """An epoch is evaluated and checkpointed."""

    def ended(self, cell: Cell, state: str) -> None:
        """The cell has come to a state."""


class StopAfter(Watcher):
    """Asks to stop once the cells of `method` have taken a number of steps; watcher and `should_stop` in one."""

    def __init__(self, steps: int, method: str) -> None:
        self.left, self.method = steps, method

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """Count."""
        self.left -= cell.method == self.method and cell.seed == 0

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.left <= 0


class Listener(Watcher):
    """Writes down what a watcher is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def started(self, cell: Cell) -> None:
        """The method."""
        self.told.append(("started", cell.method))

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """Where it is."""
        self.told.append(("stepped", position.epoch, position.step, steps))

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """How many are done."""
        self.told.append(("epoch", position.epoch))

    def ended(self, cell: Cell, state: str) -> None:
        """How."""
        self.told.append(("ended", cell.method, state))
