"""What MLflow shows of a whole sweep, in a run that is the parent of the runs of its cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cheapconv.catalog.errors import command_line, sweep_words
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.plans import SweepPlan
from cheapconv.engine.store.records import Word
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track.fields import digest, flatten, milliseconds, tags


@dataclass(frozen=True)
class TrackedSweep:
    """A planned sweep as MLflow shows it."""

    plan: SweepPlan
    cells: tuple[CellRecord, ...]  # those whose file can be read

    @property
    def name(self) -> str:
        """That of the plan, which is the experiment's too."""
        return self.plan.sweep

    @cached_property
    def keys(self) -> list[str]:
        """Of its cells, each once."""
        return list(dict.fromkeys(cell.key for cell in self.plan.cells))

    @cached_property
    def params(self) -> dict[str, str]:
        """The numbers of the recipe in which no two cells differ: as params of each cell they would hide the others
        when runs are compared."""
        recipes = [flatten("recipe", cell.recipe) for cell in self.cells] or [{}]
        shared = {name: value for name, value in recipes[0].items() if all(r.get(name) == value for r in recipes)}
        shared.pop("recipe.name", None)  # a tag
        return shared

    @cached_property
    def tags(self) -> dict[str, str]:
        """What it is."""
        return tags(
            {
                "kind": "sweep",
                "sweep": self.name,
                "suite": self.plan.suite,
                "recipe": self.plan.recipe,
                "cells": len(self.keys),
                "mlflow.source.name": source(self.name),
                "mlflow.source.type": "LOCAL",
            }
        )

    @property
    def note(self) -> str:
        """What the registry says of it, and what there is to see."""
        said = f"{self.plan.description.strip()}\n\n" if self.plan.description else ""
        return (
            f"{said}Sweep `{self.name}`: {len(self.keys)} cells on {self.plan.suite} by the recipe {self.plan.recipe}. "
            "Each is a run below; params here are the numbers of the recipe that all of them share. "
            f"`cheapconv report {self.plan.sweep}` renders the comparison, which is then found under Artifacts."
        )

    @cached_property
    def digest(self) -> str:
        """A hash of all that is shown, but for how far it is."""
        return digest(self.params, self.tags)

    @property
    def start_ms(self) -> int:
        """When it was planned."""
        return milliseconds(self.plan.created)


def read(store: Store, name: str) -> TrackedSweep:
    """The sweep as it was last planned; a UserError where it never was."""
    plan = store.known_plan(name)
    found = [store.run(cell.key).cell() for cell in plan.cells]
    return TrackedSweep(plan, tuple(cell for cell in found if cell is not None))


def status(states: Sequence[Word], *, goes_on: bool) -> str:
    """MLflow's word for a sweep whose cells are in these states; `goes_on` while a process works on it."""
    if all(state == "done" for state in states):
        return "FINISHED"
    if goes_on or "running" in states:
        return "RUNNING"
    return "FAILED" if "failed" in states else "KILLED"


def source(sweep: str) -> str:
    """The command that makes its runs."""
    return command_line("run", *sweep_words(sweep))
