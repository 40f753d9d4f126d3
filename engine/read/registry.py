"""The registry file: named sweeps, checked completely before anything trains.

Each model is one level of the file, each error one sentence with file and line. A field that takes a list is a grid.
Names stay as they were written; the plan resolves them.
"""

import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, nearest, short
from cheapconv.catalog.foreign import explained
from cheapconv.catalog.spelling import FREE
from cheapconv.engine.read import method_choice, recipe_parts
from cheapconv.engine.read.complaint import complaint, explain, explain_build, first, location
from cheapconv.engine.read.grid import Grid
from cheapconv.engine.read.method_choice import MethodChoice
from cheapconv.engine.read.quantity import count
from cheapconv.engine.read.recipe_parts import Count, Cutout, Milestones, Nesterov, Normalisation, Number
from cheapconv.engine.read.yaml_file import Location, YamlFile
from cheapconv.suites.augmentation import Padding
from cheapconv.suites.recipe import Precision, WeightDecayScale
from cheapconv.suites.schedule import ScheduleKind


def _known(kind: str, text: str) -> str:
    """`text` if the catalog can build it."""
    if FREE in text:
        return text  # a number is to be chosen; the entry asks for its budget, the plan finds it
    if text.count("(") != text.count(")"):
        raise complaint(
            f"'{short(text)}' has unbalanced parentheses; YAML splits at commas, so quote it: \"name(a=1, b=2)\"."
        )
    try:
        catalog.parse(kind, text)
    except UserError as error:
        raise complaint(explain_build(kind, text, error)) from error
    return text


def _text(kind: str, value: object) -> object:
    """What may be the text of a name; a mapping is how methods are written, whose settings may be grids."""
    if isinstance(value, dict):
        raise complaint(f'{kind} is a text with all its numbers, such as "name(number=2)"; a list of texts is a grid.')
    return value


def _listed(value: object) -> object:
    """A list of seeds; of one number nobody knows whether it is the seed or how many there are to be."""
    if isinstance(value, list):
        if twice := [seed for place, seed in enumerate(value) if seed in value[:place]]:
            raise complaint(f"seed {short(twice[0])} is given twice: a cell is trained once per seed, so keep one.")
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_SEED:
        return value if isinstance(value, tuple) else [value]
    several = f", or {[*range(min(value, 3))]}{' and so on' if value > 3 else ''} for so many of them" if value else ""
    raise complaint(f"seeds is {value}, but should be a list: [{value}] for that seed{several}.")


def _amount(value: object) -> int:
    try:
        return count(value)
    except UserError as error:
        raise complaint(str(error)) from error


def _imported(plugin: str) -> str:
    try:
        catalog.load((plugin,))
    except UserError as error:
        raise complaint(str(error)) from error
    return plugin


# A sweep's is a file's name too, behind and before what marks one that is being written.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
LARGEST_SEED = 2**63 - 1
Seed = Annotated[int, Field(strict=True, ge=0, le=LARGEST_SEED)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), BeforeValidator(_listed)]
Amount = Annotated[int, BeforeValidator(_amount, json_schema_input_type=int | str)]
Plugin = Annotated[str, AfterValidator(_imported)]
SuiteName = Annotated[str, AfterValidator(partial(_known, "suite"))]
ArchitectureName = Annotated[
    str, BeforeValidator(partial(_text, "architecture")), AfterValidator(partial(_known, "architecture"))
]
ConvName = Annotated[str, BeforeValidator(partial(_text, "conv")), AfterValidator(partial(_known, "conv"))]
Method = Annotated[
    InstanceOf[MethodChoice],
    BeforeValidator(method_choice.read, json_schema_input_type=str | dict[str, dict[str, object] | None]),
]


class _Level(BaseModel):
    """One level of the file, which remembers where it stood."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    _document: YamlFile | None = PrivateAttr(None)
    _location: Location = PrivateAttr(())

    def error(self, message: str, *path: str | int) -> UserError:
        """`message` as an error at `path` below this level."""
        if self._document is None:
            return UserError(message)
        return self._document.error((*self._location, *path), message)

    def place(self, document: YamlFile, *path: str | int) -> None:
        """Remember the file and the location in it."""
        self._document, self._location = document, path


class Budget(_Level):
    """At most so many parameters, or multiply-adds on one image of the suite; `?` marks the number that is chosen."""

    params: Amount | None = Field(None, description="300000, 300k, 1.2M")
    macs: Amount | None = Field(None, description="40M, 1.2G")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.params is None) == (self.macs is None):
            raise complaint("budget should be one of params and macs, such as {macs: 40M}.")
        return self

    @property
    def quantity(self) -> Literal["params", "macs"]:
        """What is limited."""
        return "macs" if self.params is None else "params"

    @property
    def limit(self) -> int:
        """How much of it there may be."""
        return (self.params or 0) + (self.macs or 0)


class Entry(_Level):
    """Architectures x convs x methods x recipe numbers x seeds; `name` lets other entries learn from it."""

    name: Name | None = Field(None, description="what other entries call it as their teacher")
    architecture: Grid[ArchitectureName] = Field(description="a network family with its numbers; a list is a grid")
    conv: Grid[ConvName] = Field(description="what stands in for the standard convolution; a list is a grid")
    method: Grid[Method] = Field(description="how it is trained: a name, or one name with its settings and teacher")
    budget: Budget | None = Field(
        None, description="every architecture and conv takes the setting that comes nearest under it"
    )
    gpus: Count = Field(1, description="at most so many train a cell together; less where there are less")
    seeds: Seeds = Field(default_factory=tuple, description="the sweep's if not given")
    epochs: Grid[Count] = Field(default_factory=tuple, description="instead of the recipe's")
    batch: Grid[Count] = Field(default_factory=tuple, description="instead of the recipe's; scales lr unless lr is set")
    lr: Grid[Number] = Field(default_factory=tuple, description="instead of the recipe's")
    weight_decay: Grid[Number] = Field(default_factory=tuple, description="instead of the recipe's")
    weight_decay_scale: Grid[recipe_parts.EntryScale] = Field(default_factory=tuple)
    nesterov: Grid[Nesterov] = Field(default_factory=tuple)
    schedule: Grid[ScheduleKind] = Field(default_factory=tuple, description="of the learning rate")
    milestones: Milestones = Field(default_factory=tuple)
    drop: Grid[Number] = Field(default_factory=tuple, description="factor on the learning rate at each milestone")
    padding: Grid[Padding] = Field(default_factory=tuple, description="of images before their random crop")
    cutout: Grid[Cutout] = Field(default_factory=tuple, description="side of the square that is cut out; 0 for none")
    normalisation: Grid[Normalisation] = Field(default_factory=tuple, description="means and deviations, by name")
    views: recipe_parts.Views = Field(default_factory=tuple)
    strong_ops: Grid[recipe_parts.StrongOps] = Field(default_factory=tuple)
    strong_magnitude: Grid[recipe_parts.StrongMagnitude] = Field(default_factory=tuple)
    mixup: Grid[recipe_parts.Mixup] = Field(default_factory=tuple)
    cutmix: Grid[recipe_parts.Cutmix] = Field(default_factory=tuple)
    smoothing: Grid[recipe_parts.Smoothing] = Field(default_factory=tuple)
    ghost_batches: Grid[recipe_parts.GhostBatches] = Field(default_factory=tuple)

    @model_validator(mode="after")
    def _free_numbers_have_a_budget(self) -> Self:
        free = [
            (field, i) for field in ("architecture", "conv") for i, t in enumerate(getattr(self, field)) if FREE in t
        ]
        if free and self.budget is None:
            raise complaint("a number that is ? needs a budget, such as budget: {macs: 40M}.", *free[0])
        return self


class Sweep(_Level):
    """Entries that are trained on one suite with one recipe and compared in one report."""

    description: str = Field("", description="what the sweep is for")
    plugins: tuple[Plugin, ...] = Field((), description="modules to import, whose names the sweep then knows")
    suite: SuiteName = Field(description="data and protocol")
    recipe: str = Field(description="one of the suite's recipes")
    seeds: Seeds = Field((0,), description="every cell is trained once per seed")
    epochs: Count | None = Field(None, description="instead of the recipe's")
    batch: Count | None = Field(None, description="instead of the recipe's; scales lr unless lr is set")
    lr: Number | None = Field(None, description="instead of the recipe's")
    weight_decay: Number | None = Field(None, description="instead of the recipe's")
    weight_decay_scale: WeightDecayScale | None = Field(None, description="of structured parameters")
    nesterov: Nesterov | None = None
    schedule: ScheduleKind | None = Field(None, description="of the learning rate")
    milestones: Milestones | None = None
    drop: Number | None = Field(None, description="factor on the learning rate at each milestone")
    padding: Padding | None = Field(None, description="of images before their random crop")
    cutout: Cutout | None = Field(None, description="side of the square that is cut out; 0 for none")
    normalisation: Normalisation | None = Field(None, description="means and deviations, by name")
    views: recipe_parts.Views | None = None
    strong_ops: recipe_parts.StrongOps | None = None
    strong_magnitude: recipe_parts.StrongMagnitude | None = None
    mixup: recipe_parts.Mixup | None = None
    cutmix: recipe_parts.Cutmix | None = None
    smoothing: recipe_parts.Smoothing | None = None
    ghost_batches: recipe_parts.GhostBatches | None = None
    precision: Precision | None = Field(None, description="instead of the recipe's")
    validation: Count | None = Field(None, description="training images held out to select by")
    evaluate_every: recipe_parts.EvaluateEvery | None = None
    deployed: Grid[recipe_parts.Deployed] = Field(default_factory=tuple)
    max_cells: Count = Field(5000, description="a plan of more is refused: grids multiply")
    entries: tuple[Entry, ...] = Field(min_length=1)

    @field_validator("recipe")
    @classmethod
    def _recipe_exists(cls, recipe: str, info: ValidationInfo) -> str:
        if "suite" in info.data:  # else the suite itself is wrong, and said so
            known = catalog.parse("suite", info.data["suite"]).recipe_names
            if recipe not in known:
                raise complaint(
                    f"unknown recipe '{short(recipe)}' of suite '{info.data['suite']}'{nearest(recipe, known)}"
                )
        return recipe

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        seen: set[str] = set()
        for position, entry in enumerate(self.entries):
            if entry.name in seen:
                raise complaint(f"entry name '{entry.name}' is used twice; rename one.", "entries", position, "name")
            seen.update([entry.name] if entry.name else [])
        return self


class Registry(_Level):
    """The whole file."""

    sweeps: dict[Name, Sweep] = Field(min_length=1)

    def sweep(self, name: str) -> Sweep:
        """The sweep of that name."""
        if name not in self.sweeps:
            raise UserError(f"unknown sweep '{short(name)}'{nearest(name, self.sweeps)}")
        return self.sweeps[name]


_LEVELS: dict[int, type[_Level]] = {1: Registry, 3: Sweep, 5: Entry, 6: Budget}  # by the depth of their keys


def load(path: Path | str) -> Registry:
    """Read and check a registry file; the first mistake is a UserError with file, line and the nearest valid names."""
    catalog.load()
    document = YamlFile(path)
    return _checked(document, document.values)


def load_each(path: Path | str) -> Iterator[Registry | UserError]:
    """A registry file as one of each of its sweeps alone, or the first mistake in it."""
    catalog.load()
    document = YamlFile(path)
    values = document.values
    sweeps = values.get("sweeps") if isinstance(values, dict) else None
    parts = [{**values, "sweeps": {name: body}} for name, body in sweeps.items()] if isinstance(sweeps, dict) else []
    for part in parts or [values]:
        try:
            yield _checked(document, part)
        except UserError as mistake:
            yield mistake


def _checked(document: YamlFile, values: object) -> Registry:
    try:
        with contextlib.redirect_stdout(sys.stderr), explained(ValidationError):  # stdout may be promised to JSON
            registry = Registry.model_validate(values)
    except ValidationError as error:
        detail = first(error)
        level = _LEVELS.get(len(detail["loc"]))
        raise document.error(location(detail), explain(detail, level.model_fields if level else ())) from error
    registry.place(document)
    for name, sweep in registry.sweeps.items():
        sweep.place(document, "sweeps", name)
        for position, entry in enumerate(sweep.entries):
            entry.place(document, "sweeps", name, "entries", position)
    return registry
