"""The plan: a sweep as a list of cells, teachers before those who learn from them, every cell once."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.budget import Limit, meet
from cheapconv.engine.plan.resolve import resolve
from cheapconv.engine.plan.teachers import teacher_of, teachers_first
from cheapconv.engine.read.registry import Budget, Entry, Sweep
from cheapconv.engine.store.cell import Cell
from cheapconv.suites.recipe import Precision, Recipe

OVERRIDES = (
    "epochs",
    "batch",
    "lr",
    "weight_decay",
    "weight_decay_scale",
    "precision",
    "validation",
)  # an entry sets all but the last two

# Wires a cell's method to its networks and its teacher's; ValueError, with the reason, where that cannot be.
Rehearsal = Callable[[Cell, Cell | None], None]


@dataclass(frozen=True)
class PlannedCell:
    """A cell, and where in the registry it comes from."""

    cell: Cell
    entry: str | None  # the entry's name
    line: int | None  # the entry's line

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of the cells that must be done before this one."""
        return (self.cell.teacher,) if self.cell.teacher else ()


@dataclass(frozen=True)
class Plan:
    """The cells of a sweep in an order in which they can be run one after another."""

    sweep: str
    suite: str
    recipe: str
    cells: tuple[PlannedCell, ...]


def plan(
    sweep: Sweep,
    name: str,
    rehearse: Rehearsal,
    *,
    epochs: int | None = None,
    precision: Precision | None = None,
) -> Plan:
    """All cells of `sweep`; `epochs` and `precision` replace whatever sweep and entries say.

    Equal cells are planned once, under the first entry that asks for them. A network that cannot be built, a
    method that cannot be wired to it and a teacher that does not exist are UserErrors.
    """
    suite = catalog.parse("suite", sweep.suite)
    forced = {k: v for k, v in {"epochs": epochs, "precision": precision}.items() if v is not None}
    by_name: dict[str, list[Cell]] = {}
    found: dict[str, PlannedCell] = {}
    for entry in teachers_first(sweep):
        networks = _networks(entry, suite)
        cells = {cell.key: cell for cell in _cells(entry, networks, sweep, suite, forced, by_name)}
        if entry.name:
            by_name[entry.name] = list(cells.values())
        for key, cell in cells.items():
            _rehearse(rehearse, entry, cell, found[cell.teacher].cell if cell.teacher else None)
            found.setdefault(key, PlannedCell(cell, entry.name, entry.line))
    return Plan(name, suite.registered_name, sweep.recipe, tuple(found.values()))


def _rehearse(rehearse: Rehearsal, entry: Entry, cell: Cell, teacher: Cell | None) -> None:
    """Refuse a method that cannot be wired to its networks."""
    try:
        rehearse(cell, teacher)
    except (UserError, ValueError) as error:
        networks = f"{cell.architecture_label} {cell.conv_label}"
        raise entry.error(
            f"{cell.method_label} cannot train {networks}: {str(error).rstrip('.')}.", "method"
        ) from error


def _cells(
    entry: Entry,
    networks: Sequence[tuple[str, str]],
    sweep: Sweep,
    suite: Any,
    forced: Mapping[str, Any],
    by_name: Mapping[str, list[Cell]],
) -> Iterator[Cell]:
    """The grid of an entry. Seeds are outermost: a sweep cut short has every row once rather than one row often."""
    recipes = _recipes(entry, sweep, suite.recipes[sweep.recipe], forced)
    methods = [(choice, settings) for choice in entry.method for settings in choice.grid()]
    grid = itertools.product(entry.seeds or sweep.seeds, networks, methods, recipes)
    for seed, (architecture, conv), (choice, settings), recipe in grid:
        teacher = teacher_of(entry, choice.teacher, seed, by_name[choice.teacher]) if choice.teacher else None
        try:
            cell = resolve(
                suite=suite,
                recipe=recipe,
                architecture=architecture,
                conv=conv,
                method=choice.name,
                settings=settings,
                seed=seed,
                teacher=teacher.key if teacher else None,
            )
        except UserError as error:  # a file of weights that is not there
            raise entry.error(str(error)) from error
        yield cell


def _recipes(entry: Entry, sweep: Sweep, recipe: Recipe, forced: Mapping[str, Any]) -> list[Recipe]:
    """`recipe` with every combination of the numbers that the command line, else the entry, else the sweep sets."""
    common = {field: getattr(sweep, field) for field in OVERRIDES if getattr(sweep, field) is not None}
    own = {field: getattr(entry, field) for field in OVERRIDES if getattr(entry, field, ())}
    grid = [dict(zip(own, values, strict=True)) for values in itertools.product(*own.values())]
    try:
        return [recipe.override(**{**common, **numbers, **forced}) for numbers in grid]
    except ValueError as error:
        raise entry.error(f"recipe '{recipe.name}': {error}.") from error


def _networks(entry: Entry, suite: Any) -> list[tuple[str, str]]:
    """Architecture and conv of every network of an entry, with a budget met; one that cannot be built is refused."""
    pairs = []
    for architecture, (position, conv) in itertools.product(entry.architecture, enumerate(entry.conv)):
        try:
            if entry.budget is not None:
                architecture, conv = _fitted(entry.budget, architecture, conv, suite)
            _refuse_impossible(architecture, conv, suite.classes)
        except (UserError, ValueError) as error:
            reason = str(error).rstrip(".")
            sentence = reason if isinstance(error, UserError) else f"{conv} does not fit {architecture}: {reason}"
            raise entry.error(f"{sentence}.", "conv", position) from error
        pairs.append((architecture, conv))
    return pairs


def _fitted(budget: Budget, architecture: str, conv: str, suite: Any) -> tuple[str, str]:
    """The setting of the two that comes nearest under the budget."""
    chosen = meet(architecture, conv, Limit(budget.quantity, budget.limit), suite.classes, suite.image).chosen
    return chosen.architecture, chosen.conv


def _refuse_impossible(architecture: str, conv: str, classes: int) -> None:
    """Build a network once, on the meta device: neither memory nor time."""
    network, operator = catalog.parse("architecture", architecture), catalog.parse("conv", conv)
    with torch.device("meta"):
        network.build(operator, classes)
