"""The fair scratch: for how many epochs a network may be trained alone at the cost of a distilled one.

A distilled student has also cost the training of its teacher and the teacher's answers (or its peers). What that is in
epochs of plain training is not modelled: the multiply-adds of the distilled cell and of its teachers, as they were
counted, over those of an epoch of the baseline on the same network; where they were not counted, the seconds that both
took. An entry with these `epochs` gives the schedule more epochs of the same shape. Use it as

    cheapconv fair SWEEP

after the sweep, and add the entries that it prints. Seconds of different machines, or of a shared GPU,
are not compared; those of a busy machine are not fair, which is told.
"""

import logging
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from cheapconv.engine.store import compute
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.machines import machine
from cheapconv.engine.store.runs import Run, Store
from cheapconv.reports.rows import uneven
from cheapconv.reports.rows.collect import Record, lineage

log = logging.getLogger(__name__)
MACS, SECONDS = "multiply-adds", "seconds"


class Price(NamedTuple):
    """What a training costs in epochs of its baseline: with the training of its teachers, and without."""

    baseline: str  # the baseline's method
    unit: str
    epochs: int
    alone: int
    rests_on: tuple[Record, ...] = ()  # whose seconds it is of


class Entry(NamedTuple):
    """A network and the baseline that may be trained for as much as a method took, medians over seeds."""

    architecture: str
    conv: str
    like: str
    taught: bool
    method: str
    unit: str
    epochs: int
    epochs_without_teacher: int


def fair_epochs(cost: float, baseline: float, epochs: int) -> int:
    """Epochs of a baseline that cost as much; it has cost `baseline` for `epochs`."""
    return max(1, round(cost / (baseline / epochs)))


def fair_entries(store: Store, sweep: str) -> list[Entry]:
    """For every (architecture, conv, method) of a sweep with a finished baseline of the network: the fair epochs.

    The baseline is the first one without settings on the same architecture and conv. UserError for a sweep that has not
    been run.
    """
    finished = [record for planned in store.known_plan(sweep).cells if (record := record_of(store.run(planned.key)))]
    students = [record for record in finished if not record.cell.is_baseline]
    in_macs, in_seconds = by_macs(store, finished), by_seconds(finished)
    prices = {record.key: in_macs(record) or in_seconds(record) for record in students}
    tell(students, prices, finished)
    rows: dict[tuple[str, str, str, bool, str, str], list[tuple[int, int]]] = {}
    for record in students:
        cell, price = record.cell, prices[record.key]
        if price is not None:
            name = (cell.architecture, cell.conv, cell.method_label, bool(cell.teacher), price.baseline, price.unit)
            rows.setdefault(name, []).append((price.epochs, price.alone))
    return [
        Entry(*name, *(round(statistics.median(of_seeds)) for of_seeds in zip(*epochs, strict=True)))
        for name, epochs in rows.items()
    ]


def by_macs(store: Store, finished: Sequence[Record]) -> Callable[[Record], Price | None]:
    """Prices by multiply-adds, which are the same on every machine; None where not all of them are known."""
    own = {record.key: compute.of_training(store, record.run) for record in finished}
    counted = [record for record in finished if not math.isnan(own[record.key])]

    def price(record: Record) -> Price | None:
        both, baseline = compute.with_teachers(store, record.run), baseline_of(record.cell, counted)
        if baseline is None or math.isnan(both):
            return None
        cost, epochs = own[baseline.key], baseline.cell.epochs
        with_teacher, alone = (fair_epochs(each, cost, epochs) for each in (both, own[record.key]))
        return Price(baseline.cell.method, MACS, with_teacher, alone)

    return price


def by_seconds(finished: Sequence[Record]) -> Callable[[Record], Price | None]:
    """Prices by what a machine took; None where that is not of one, or not of the teacher's."""
    known, on = {record.key: record for record in finished}, {record.key: timed_on(record) for record in finished}
    took = {record.key: record.result.train_s for record in finished if record.result}
    taught = {record.key: record.result.teacher_train_s for record in finished if record.result}

    def price(record: Record) -> Price | None:
        here, line = on[record.key], lineage(record, known)
        baseline = baseline_of(record.cell, [other for other in finished if here and on[other.key] == here])
        if baseline is None or {on[each.key] for each in line} != {here}:
            return None
        cost, epochs = took[baseline.key], baseline.cell.epochs
        own = took[record.key]
        both, alone = (fair_epochs(each, cost, epochs) for each in (own + taught[record.key], own))
        return Price(baseline.cell.method, SECONDS, both, alone, (*line, baseline))

    return price


def tell(students: Sequence[Record], prices: dict[str, Price | None], finished: Sequence[Record]) -> None:
    """Whose prices are a guess, and who has none though its network has a baseline."""
    uneven_ones = uneven.seeds(finished)
    timed = {record.key: record for price in prices.values() if price for record in price.rests_on}
    if doubted := [record for record in timed.values() if record.key in uneven_ones or record.doubt]:
        log.warning("%d cells took uneven seconds, as beside other work: what is told of them is a guess", len(doubted))
    if left := [r for r in students if prices[r.key] is None and baseline_of(r.cell, finished) is not None]:
        log.warning(
            "%d cells are left out: their multiply-adds are not known, and their seconds are of a shared GPU, of "
            "several machines, or of weights that were not trained here",
            len(left),
        )


def record_of(run: Run) -> Record | None:
    """What there is of a cell, if it is done."""
    cell, result = run.cell(), run.result()
    return Record(run, cell, run.environments(), "done", "", result) if cell and result else None


def timed_on(record: Record) -> str:
    """The machine that a cell's seconds are of; nothing where it was several, a part of a GPU, or none of ours."""
    if record.sharing > 1 or len(record.machines) > 1 or not record.cell.trains:
        return ""
    return next(iter(record.machines), machine([]))


def baseline_of(cell: CellRecord, done: Sequence[Record]) -> Record | None:
    """The plain baseline of a cell's network: of those that train the fewest networks, the one of its own seed."""
    same = (cell.architecture, cell.conv, cell.suite)
    plain = [found for found in done if found.cell.is_baseline and found.cell.trains and not found.cell.method_config]
    fits = [found for found in plain if (found.cell.architecture, found.cell.conv, found.cell.suite) == same]
    return min(fits, key=lambda found: (_networks(found), found.cell.seed != cell.seed), default=None)


def _networks(record: Record) -> int:
    """How many were trained."""
    return len(record.result.networks) if record.result else 0


def lines(folder: Path, sweep: str) -> list[str]:
    """The entries as lines of a registry."""
    found = []
    for entry in fair_entries(Store(folder), sweep):
        texts = f"architecture: {entry.architecture!r}, conv: {entry.conv!r}, method: {entry.method}"
        alone = f"; {entry.epochs_without_teacher} without its teacher's training" if entry.taught else ""
        found.append(f"- {{{texts}, epochs: {entry.epochs}}}  # the {entry.unit} of {entry.like}{alone}")
    return found
