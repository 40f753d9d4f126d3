"""How much there is to do for a cell, to give out the longest first: an estimate, since only its method knows how many
networks it trains."""

import contextlib

from cheapconv import catalog
from cheapconv.engine.plan.dearer import counted
from cheapconv.engine.store.cell import Cell, recipe_of


def work(cell: Cell) -> float:
    """Multiply-adds of its network on an image, times epochs; one an image where the network cannot be looked at."""
    macs = 1
    with contextlib.suppress(ValueError, RuntimeError):
        _, macs = counted(cell.architecture, cell.conv, cell.classes, catalog.parse("suite", cell.suite).image)
    return float(macs * recipe_of(cell).epochs)
