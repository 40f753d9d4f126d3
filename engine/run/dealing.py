"""Which cells a worker is given next: those of the run (engine/run/crew.py), and those of its estimate."""

from collections.abc import Collection, Mapping, Sequence

from cheapconv.engine.run.launch import kinship
from cheapconv.engine.run.room import AUTO
from cheapconv.engine.store.cell import Cell


def ready(left: Mapping[str, Cell], held: Collection[str]) -> list[Cell]:
    """The cells that need not wait for another one's end: their teachers are neither left nor `held` by a worker."""
    return [cell for cell in left.values() if cell.teacher not in left and cell.teacher not in held]


def next_list(
    found: Sequence[Cell], left: Mapping[str, Cell], work: Mapping[str, float], workers: int, most: int | None = None
) -> list[Cell]:
    """A list of those that are ready, that sees the same batches: those first that others wait for, then the one with
    most to do; and of it the longest, but no more than leaves the other workers as much. `work` is by cell."""

    def todo(cells: Sequence[Cell]) -> float:
        return sum(work[cell.key] for cell in cells)

    groups: dict[object, list[Cell]] = {}
    for cell in found:
        groups.setdefault(kinship(cell), []).append(cell)
    awaited = {cell.teacher for cell in left.values()}
    order = sorted(groups.values(), key=lambda g: (-sum(c.key in awaited for c in g), -todo(g), -len(g)))
    longest = sorted(order[0], key=lambda cell: (cell.key not in awaited, -work[cell.key])) if order else []
    fair, chosen = todo(found) / workers, list[Cell]()
    for cell in longest[: most or AUTO]:
        if chosen and todo([*chosen, cell]) > fair:
            break
        chosen.append(cell)
    return chosen
