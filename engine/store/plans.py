"""What sweeps/ holds: of what each sweep consists, as it was last planned."""

from dataclasses import dataclass, field

from cheapconv.engine.store.about import About
from cheapconv.engine.store.records import is_name


@dataclass(frozen=True, kw_only=True)
class PlannedKey:
    """A cell of a plan: its key, the entry it comes from, and the cells that must be done before it."""

    key: str
    entry: str | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SkippedCell:
    """A combination of a grid that cannot be built, and why."""

    architecture: str
    conv: str
    method: str
    entry: str | None = None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Dearer:
    """A network that its conv makes dearer than standard convolutions do, on one image of the suite."""

    architecture: str
    conv: str
    params: int
    macs: int
    standard_params: int
    standard_macs: int

    @property
    def text(self) -> str:
        """`2,972,246,016 MACs instead of 2,834,161,664`, and params, where they are more."""
        amounts = (self.macs, self.standard_macs, "MACs"), (self.params, self.standard_params, "params")
        return " and ".join(f"{own:,} {what} instead of {usual:,}" for own, usual, what in amounts if own > usual)


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """A file of sweeps/: what a sweep consists of, as last planned."""

    sweep: str
    suite: str
    recipe: str
    created: str
    cells: tuple[PlannedKey, ...]
    skipped: tuple[SkippedCell, ...] = ()
    dearer: tuple[Dearer, ...] = ()
    description: str = ""  # what the registry says it is for
    about: About = field(default_factory=dict)

    def stays_inside(self) -> bool:
        """Whether its name is that of a file, and every key that of a folder, in the store."""
        return is_name(self.sweep) and all(is_name(key) for cell in self.cells for key in (cell.key, *cell.needs))
