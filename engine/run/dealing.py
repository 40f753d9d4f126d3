"""Which cells are trained next by one of several hands, processes or machines: teachers first, the longest first."""

from collections.abc import Callable, Collection, Mapping, Sequence

from cheapconv.engine.plan.work import work
from cheapconv.engine.run.room import AUTO
from cheapconv.engine.run.rounds import kinship
from cheapconv.engine.store.cell import Cell

DEATHS = 3  # of processes that trained a cell, the last of them alone, until it is taken for their cause


class Dealing:
    """Makes lists of the cells of a run that see the same batches."""

    def __init__(
        self, cells: Sequence[Cell], limit: int | None, several: Callable[[Cell], bool] = lambda cell: False
    ) -> None:
        """Lists of at most `limit` cells; one that `several` GPUs train is alone."""
        self._work = {cell.key: work(cell) for cell in cells}
        self._limit = limit or AUTO
        self._several = several

    def next(
        self, left: Mapping[str, Cell], held: Collection[str], hands: int, suspects: Collection[str] = ()
    ) -> list[Cell]:
        """A list that sees the same batches: those first that others wait for, then the one with most to do; and of it
        the longest, but no more than leaves the other hands as much. Empty where all that is `left` waits for a teacher
        that is left too, or `held` by a hand. A suspect, at which processes die, is alone."""
        ready = [cell for cell in left.values() if cell.teacher not in left and cell.teacher not in held]
        if suspected := [cell for cell in ready if cell.key in suspects]:
            return suspected[:1]
        groups: dict[object, list[Cell]] = {}
        for cell in ready:
            groups.setdefault(cell.key if self._several(cell) else kinship(cell), []).append(cell)
        awaited = {cell.teacher for cell in left.values()}
        order = sorted(groups.values(), key=lambda g: (-sum(c.key in awaited for c in g), -self._todo(g), -len(g)))
        longest = sorted(order[0], key=lambda cell: (cell.key not in awaited, -self._todo([cell]))) if order else []
        fair, chosen = self._todo(ready) / hands, list[Cell]()
        for cell in longest[: self._limit]:
            if chosen and self._todo([*chosen, cell]) > fair:
                break
            chosen.append(cell)
        return chosen

    def _todo(self, cells: Sequence[Cell]) -> float:
        """How much there is to do for these."""
        return sum(self._work[cell.key] for cell in cells)
