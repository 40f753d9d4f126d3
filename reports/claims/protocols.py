"""How published networks were trained, beside how ours were: `baselines/published/recipes.yaml`.

Two trainings are one protocol only where a recipe of the suite is declared to be the paper's, and a cell was trained by
that recipe with no number changed. What is not known of a paper's recipe is not stated, never guessed.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from pydantic import ConfigDict, TypeAdapter
from ruamel.yaml import YAML

Facts: TypeAlias = Mapping[str, object]

RECIPES = Path(__file__).parents[2] / "baselines" / "published" / "recipes.yaml"
NOT_COMPARED = {"name", "lr_of", "evaluate_every"}  # names, and when networks are only looked at
NOT_STATED = "not stated"


@dataclass(frozen=True)
class Protocol:
    """A paper's recipe as far as it is known; `ours` is the name of the suite's recipe that is declared to be it."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    recipe: Facts
    ours: str = ""
    normalisation: Mapping[str, Facts] = field(default_factory=dict)  # by data set
    lr_of: Mapping[str, float] = field(default_factory=dict)  # by architecture
    note: str = ""

    def of(self, dataset: str, architecture: str) -> Facts:
        """The recipe of one network on one data set."""
        rates = {"lr": self.lr_of[architecture]} if architecture in self.lr_of else {}
        constants = {"normalisation": self.normalisation[dataset]} if dataset in self.normalisation else {}
        return {**self.recipe, **rates, **constants}


@dataclass(frozen=True)
class Use:
    """Which protocol a source used on a data set; where it used several, in which tables."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    source: str
    dataset: str
    protocol: str
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Protocols:
    """The whole file. `usual` is true of each recipe that does not say otherwise."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    usual: Facts
    normalisations: tuple[Facts, ...]  # anchors of the file
    protocols: Mapping[str, Protocol]
    sources: tuple[Use, ...]
    without_numbers: tuple[Use, ...]

    def find(self, source: str, dataset: str, table: str = "") -> Protocol | None:
        """That of a source on a data set, in one of its tables."""
        for use in (*self.sources, *self.without_numbers):
            if (use.source, use.dataset) == (source, dataset) and (not use.tables or table in use.tables):
                known = self.protocols[use.protocol]
                usual = {name: value for name, value in self.usual.items() if name not in known.recipe}
                return replace(known, recipe={**known.recipe, **usual})
        return None


@functools.cache
def load(path: Path = RECIPES) -> Protocols:
    """What the file says."""
    return TypeAdapter(Protocols).validate_python(YAML(typ="safe").load(path))


def in_epochs(recipe: Facts) -> Facts:
    """A cell's recipe with its milestones in epochs, as papers write them, where a cell has shares of the run."""
    schedule, epochs = recipe.get("schedule"), recipe.get("epochs")
    if not isinstance(schedule, Mapping) or not isinstance(epochs, int):
        return recipe
    milestones = [round(share * epochs) for share in schedule.get("milestones", ())]
    return {**recipe, "schedule": {**schedule, "milestones": milestones}}


def told(recipe: Facts) -> dict[str, str]:
    """Each number of a recipe in words: {"epochs": "200", "schedule": "x 0.2 at 60, 120, 160"}."""
    given = {name: value for name, value in recipe.items() if name not in NOT_COMPARED and value is not None}
    return {name: _schedule(value) if name == "schedule" else _words(value) for name, value in given.items()}


def brief(recipe: Facts) -> str:
    """`200 epochs, batch 128, lr 0.1, x 0.2 at 60, 120, 160`; what is not known is `not stated`."""
    words = told(recipe)
    epochs, batch, lr, schedule = (words.get(name, NOT_STATED) for name in ("epochs", "batch", "lr", "schedule"))
    told_epochs = "epochs not stated" if epochs == NOT_STATED else f"{epochs} epochs"
    return f"{told_epochs}, batch {batch}, lr {lr}, schedule {schedule}"


def differences(ours: Facts, theirs: Facts, complete: bool) -> Iterator[str]:
    """`epochs 6, theirs 200` of each number that differs; of a `complete` recipe, what it does not name is not done."""
    own, other = told(ours), told(theirs)
    for name in dict.fromkeys((*other, *own)):
        mine, known = own.get(name, "none"), other.get(name, "none")
        if mine == known or not (complete or name in other):
            continue
        if name == "normalisation":  # twelve numbers that nobody reads
            yield "other constants of normalisation"
        else:
            yield f"{name.replace('_', ' ')} {mine}, theirs {known}"


def _schedule(schedule: object) -> str:
    """`x 0.2 at 60, 120, 160`; of the other kinds their names, where a cell has defaults of numbers without meaning."""
    if not isinstance(schedule, Mapping):
        return str(schedule)
    if schedule.get("kind") == "multistep":
        return f"x {_words(schedule['drop'])} at {_words(schedule['milestones'])}"
    return str(schedule.get("kind", NOT_STATED))


def _words(value: object) -> str:
    """`pad 4, flip` of {"pad": 4, "flip": True, "cutout": None}."""
    if isinstance(value, Mapping):
        said = {name: part for name, part in value.items() if part not in (None, False)}
        return ", ".join(name if part is True else f"{name} {_words(part)}" for name, part in said.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
