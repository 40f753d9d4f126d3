"""Several sweeps as one, for a report of all of them: only such as were trained and tested alike."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cheapconv.catalog.errors import UserError, short, some
from cheapconv.engine.store.about import united
from cheapconv.engine.store.runs import Store
from cheapconv.reports.rows.collect import Collected, named_alike, read_sweep

MOST_NAMED = 4  # differences in a sentence


def read_sweeps(store: Path, names: Sequence[str], title: str) -> Collected:
    """The cells of all sweeps, each once, in the order of the sweeps and their plans.

    A UserError where one of them has nothing to report, and where two of them cannot be compared.
    """
    sweeps = [read_sweep(store, name) for name in dict.fromkeys(names)]
    first, *others = sweeps
    for other in others:
        refuse_unlike(first, other)
    planned = {cell.key for sweep in sweeps for cell in Store(store).known_plan(sweep.name).cells}
    records = {record.key: record for sweep in sweeps for record in sweep.records}
    skipped = {(s.architecture, s.conv, s.method, s.reason): s for sweep in sweeps for s in sweep.skipped}
    return Collected(
        name=title,
        suite=first.suite,
        recipe=", ".join(dict.fromkeys(sweep.recipe for sweep in sweeps)),
        records=named_alike([*records.values()]),
        unrecorded=len(planned - records.keys()),
        skipped=tuple(skipped.values()),
        dearer={network: text for sweep in sweeps for network, text in sweep.dearer.items()},
        faults=tuple(dict.fromkeys(fault for sweep in sweeps for fault in sweep.faults)),
        about=united(*(sweep.about for sweep in sweeps)),
        joined=tuple(sweep.name for sweep in sweeps),
        retrainings=tuple({each.run.folder: each for sweep in sweeps for each in sweep.retrainings}.values()),
    )


def refuse_unlike(one: Collected, other: Collected) -> None:
    """A UserError that says in what two sweeps differ, if they cannot be rows of one table."""
    found = unlike(terms(one), terms(other))
    if found:
        said = some([f"{name} ({short(own)} and {short(others)})" for name, own, others in found], MOST_NAMED)
        raise UserError(
            f"sweeps '{one.name}' and '{other.name}' cannot be in one table, because they differ in {said}: "
            "report each on its own, or one with --compare the other; the index of the reports shows all side by side."
        )


def terms(sweep: Collected) -> dict[str, str]:
    """What is equal in sweeps that can be compared: suite, data, protocol, score and each number of the recipe.

    Each as most cells have it: an entry may override a number, and then its rows say so (`variants`).
    """
    cells = [record.cell for record in sweep.records]
    recipe = sweep.recipe_of_most
    recipe.pop("name", None)  # equal numbers are an equal recipe
    return {
        "suite": _most(cell.suite for cell in cells),
        "data": _most(cell.data for cell in cells),
        "protocol": _most(f"version {cell.protocol}" for cell in cells),
        "headline score": sweep.score.text,
        **recipe,
    }


def unlike(one: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Name and both values of what differs; a number that one of them does not know is `none` there."""
    pairs = {name: (one.get(name, "none"), other.get(name, "none")) for name in dict.fromkeys((*one, *other))}
    return [(name, *values) for name, values in pairs.items() if values[0] != values[1]]


def _most(values: Iterable[str]) -> str:
    return Counter(values).most_common(1)[0][0]
