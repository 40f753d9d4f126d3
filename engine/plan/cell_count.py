"""How many cells a sweep asks for, known before the first of them is made: a product of grids grows unseen."""

import math

from cheapconv.engine.plan.recipes import LISTS, OVERRIDES
from cheapconv.engine.read.registry import Sweep


def check(sweep: Sweep, name: str) -> None:
    """A UserError if a sweep asks for more cells than it allows itself."""
    asked = count(sweep)
    if asked > sweep.max_cells:
        raise sweep.error(
            f"sweep '{name}' asks for {asked:,} cells, more than {sweep.max_cells:,}: make its grids smaller,"
            f" or allow so many with max_cells: {asked}."
        )


def count(sweep: Sweep) -> int:
    """Cells of all entries, before those that are equal become one."""
    total = 0
    for entry in sweep.entries:
        numbers = math.prod(len(getattr(entry, field, ())) or 1 for field in OVERRIDES if field not in LISTS)
        methods = sum(choice.size for choice in entry.method)
        seeds = len(entry.seeds or sweep.seeds)
        total += seeds * len(entry.architecture) * len(entry.conv) * methods * numbers
    return total
