"""The plan: a sweep as a list of cells, teachers before those who learn from them, every cell once."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan import cell_count
from cheapconv.engine.plan.networks import Refusal, networks
from cheapconv.engine.plan.plan import Plan, PlannedCell, plan_name
from cheapconv.engine.plan.recipes import recipes
from cheapconv.engine.plan.resolve import resolve
from cheapconv.engine.plan.teachers import teacher_of, teachers_first
from cheapconv.engine.read.registry import Entry, Sweep
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.plans import SkippedCell
from cheapconv.suites.base import Suite

# Wires a cell's method to its networks and its teacher's; ValueError, with the reason, where that cannot be.
Rehearsal = Callable[[Cell, Cell | None], None]


def plan(sweep: Sweep, name: str, rehearse: Rehearsal, *, epochs: int | None = None) -> Plan:
    """All cells of `sweep`; `epochs` replace whatever sweep and entries say.

    Equal cells are planned once, under the first entry that asks for them. What cannot be built or wired in a grid is
    skipped, with the reason; where nothing is left of an entry, it is a UserError, as are a teacher that does not exist
    and more cells than the sweep allows.
    """
    cell_count.check(sweep, name)
    suite = catalog.parse("suite", sweep.suite)
    forced = {} if epochs is None else {"epochs": epochs}
    by_name: dict[str, list[Cell]] = {}
    found: dict[str, PlannedCell] = {}
    skipped: dict[SkippedCell, None] = {}  # an ordered set: a pair is refused once a seed
    for entry in teachers_first(sweep):
        pairs, refused = networks(entry, suite)
        wired: list[Cell] = []
        for cell in _cells(entry, pairs, sweep, suite, forced, by_name):
            try:
                rehearse(cell, found[cell.teacher].cell if cell.teacher else None)
            except (UserError, ValueError) as error:
                pair = f"{cell.architecture_label} {cell.conv_label}"
                reason = f"{cell.method_label} cannot train {pair}: {str(error).rstrip('.')}"
                unwired = cell.architecture, cell.conv, cell.method_label
                refused.append(Refusal.of(entry, unwired, reason, "method"))
            else:
                wired.append(cell)
        if not wired:
            raise refused[0].error
        if entry.name:
            by_name[entry.name] = list(dict.fromkeys(wired))
        for cell in wired:
            found.setdefault(cell.key, PlannedCell(cell, entry.name))
        skipped |= dict.fromkeys(refusal.skipped for refusal in refused)
    return Plan(
        sweep=plan_name(name, epochs),
        suite=catalog.canonical(suite),
        recipe=sweep.recipe,
        cells=tuple(found.values()),
        skipped=tuple(skipped),
        description=sweep.description,
        deployed=sweep.deployed,
    )


def _cells(
    entry: Entry,
    networks: Sequence[tuple[str, str]],
    sweep: Sweep,
    suite: Suite,
    forced: Mapping[str, object],
    by_name: Mapping[str, list[Cell]],
) -> Iterator[Cell]:
    """The grid of an entry. Seeds are outermost: a sweep cut short has every row once rather than one row often."""
    methods = [(choice, settings) for choice in entry.method for settings in choice.grid()]
    trained = recipes(entry, sweep, suite, forced)
    grid = itertools.product(entry.seeds or sweep.seeds, networks, range(len(methods)), range(len(trained)))
    others: dict[tuple[object, ...], Cell] = {}  # by all but the seed: what follows from it is found once
    teachers: dict[tuple[str | None, int], Cell] = {}  # by entry and seed: each is looked for among those of all seeds
    for seed, (architecture, conv), method, number in grid:
        (choice, settings), recipe = methods[method], trained[number]
        teacher = teachers.get((choice.teacher, seed))
        if choice.teacher and teacher is None:
            teacher = teachers[choice.teacher, seed] = teacher_of(entry, choice.teacher, seed, by_name[choice.teacher])
        anew = bool(teacher and recipe_of(teacher).normalisation != recipe.normalisation)
        of = (architecture, conv, method, number, anew)
        try:
            others[of] = others.get(of) or resolve(
                suite=suite,
                recipe=recipe,
                architecture=architecture,
                conv=conv,
                method=choice.name,
                settings=settings,
                seed=seed,
                teacher=None,
                taught_anew=anew,
            )
        except UserError as error:  # a file of weights that is not there
            raise entry.error(str(error)) from error
        yield replace(others[of], seed=seed, teacher=teacher.key if teacher else None, gpus=entry.gpus)
