"""What a plan is: the cells of a sweep in the order in which they can be run, and the combinations that cannot be."""

from dataclasses import dataclass

from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.plans import Dearer, SkippedCell


@dataclass(frozen=True)
class PlannedCell:
    """A cell, and where in the registry it comes from."""

    cell: Cell
    entry: str | None  # the entry's name

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of the cells that must be done before this one."""
        return (self.cell.teacher,) if self.cell.teacher else ()


@dataclass(frozen=True)
class Plan:
    """The cells of a sweep in an order in which they can be run one after another.

    Its name is that of the sweep, with what the command line overrides: `quick@epochs=1` is another plan than `quick`.
    """

    sweep: str
    suite: str
    recipe: str
    cells: tuple[PlannedCell, ...]
    skipped: tuple[SkippedCell, ...] = ()
    dearer: tuple[Dearer, ...] = ()
    description: str = ""  # what the registry says it is for
    deployed: tuple[str, ...] = ()  # precisions in which finished cells are scored and timed beside float32


OVERRIDDEN = "@epochs="  # stands between the name of a sweep and what the command line has put in place of its own


def plan_name(sweep: str, epochs: int | None) -> str:
    """The name of a sweep's plan under the overrides of a command line."""
    return sweep if epochs is None else f"{sweep}{OVERRIDDEN}{epochs}"
