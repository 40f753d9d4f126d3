"""What trainings compute: multiply-adds, counted once for all cells that train alike and true on every machine.

compute/<digits>.json   of a step of all cells that train alike
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from cheapconv.engine.store.alike import digits
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.documents import Documents
from cheapconv.engine.store.runs import COMPUTE, Run, Store

LARGEST = 2**63
GIVEN = ("batch", "validation", "growth")  # what of a recipe a number depends on


class Keyed(Protocol):
    """Something of a cell."""

    @property
    def key(self) -> str:
        """The cell's."""


K = TypeVar("K", bound=Keyed)


@dataclass(frozen=True, kw_only=True)
class StepCount:
    """Multiply-adds of a step: forward and backward of all that is trained, and the passes of its teacher."""

    macs: int
    images: int  # of its batch


def of(store: Store) -> Documents[StepCount]:
    """All that were counted, by `name_of`."""
    return Documents(store.root / COMPUTE, StepCount, lambda name, count: 0 < count.macs < LARGEST and count.images > 0)


def name_of(cell: Cell, teacher: Cell | None) -> str:
    """The name of the file of all cells that compute as much in a step."""
    given = {name: cell.recipe.get(name) for name in GIVEN}
    given["epochs"] = cell.epochs if given["growth"] else None  # which say how long images are small
    given["taught_by"] = teacher and [teacher.method, teacher.method_version, teacher.method_settings]
    return digits(cell, teacher, given)


def name_in(store: Store, run: Run) -> str | None:
    """The same of a cell in a store; None where its folder does not say what it is."""
    cell, teacher = run.cell(), teacher_of(store, run)
    return name_of(cell, teacher.cell() if teacher else None) if cell else None


def of_training(store: Store, run: Run) -> float:
    """Multiply-adds of a cell's own training; NaN where it is not done, or its steps were not counted."""
    name = name_in(store, run)
    step = of(store).read(name) if name and run.result() else None
    images = sum(row.images for row in run.curve()) if step else math.nan
    macs = step.macs / step.images * images if step else math.nan
    return macs if 0 < macs < math.inf else math.nan


def with_teachers(store: Store, run: Run) -> float:
    """The same with the training of its teacher, of that one's teacher, and so on."""
    return sum(of_training(store, each) for each in lineage(store, run))


def lineage(store: Store, run: Run) -> Iterator[Run]:
    """A cell, its teacher, that one's teacher, and so on."""
    return ancestry(run, lambda each: teacher_of(store, each))


def ancestry(start: K, teacher: Callable[[K], K | None]) -> Iterator[K]:
    """What there is of a cell, of its `teacher`, of that one's teacher, and so on, of each once."""
    seen = set[str]()
    found: K | None = start
    while found is not None and found.key not in seen:  # whatever a damaged file says, it ends
        seen.add(found.key)
        yield found
        found = teacher(found)


def teacher_of(store: Store, run: Run) -> Run | None:
    """Its folder; None where it has no teacher."""
    cell = run.cell()
    return store.run(cell.teacher) if cell and cell.teacher else None


def faults(store: Store, runs: Iterable[Run]) -> list[str]:
    """What is wrong with those of some cells and of their teachers, in words."""
    cells = itertools.chain.from_iterable(lineage(store, run) for run in runs)
    own = {*filter(None, (name_in(store, cell) for cell in cells))}
    return of(store).faults(sorted(own))
