"""What all that run cells have in common: which belong together, and which are attempted again."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cheapconv.engine.run.watchers import Watchers
from cheapconv.engine.store.cell import Cell

LEFT_ASIDE = ("running", "waiting")  # ends of cells that another process trains, or whose teacher it may train


class Kinship(NamedTuple):
    """What cells have in common that see the same batches."""

    suite: str
    recipe: str  # as JSON
    seed: int


def kinship(cell: Cell) -> Kinship:
    """That of a cell."""
    return Kinship(cell.suite, json.dumps(cell.recipe, sort_keys=True), cell.seed)


def in_rounds(cells: Sequence[Cell], events: Watchers, attempt: Callable[[dict[str, Cell]], bool]) -> None:
    """Attempt every cell, then those again that were left aside, as long as that changes anything and `attempt` does
    not say that the run ends: what kept them may be over."""
    left = {cell.key: cell for cell in cells}
    while left:
        before = dict(events.ends)
        if not attempt(left) or events.ends == before:
            break
        left = {key: cell for key, cell in left.items() if events.ends.get(key) in LEFT_ASIDE}
