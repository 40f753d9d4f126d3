"""The fair scratch: for how many epochs a network may be trained alone at the cost of a distilled one.

A distilled student has also cost the training of its teacher and the teacher's answers (or its peers). What that is in
epochs of plain training is measured, not modelled: the seconds of the distilled cell and of its teachers, over the
seconds that an epoch of the baseline took on the same network. An entry with these `epochs` gives the schedule more
epochs of the same shape. Use it as

    cheapconv fair SWEEP

after the sweep, and add the entries that it prints. Seconds of different machines, or of a shared GPU,
are not compared; those of a busy machine are not fair, which is told.
"""

import logging
import statistics
from collections.abc import Sequence
from pathlib import Path

from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.machines import machine
from cheapconv.engine.store.records import Result
from cheapconv.engine.store.runs import Run, Store
from cheapconv.reports.rows import uneven
from cheapconv.reports.rows.collect import Record, hardware

log = logging.getLogger(__name__)
Finished = tuple[CellRecord, Result]


def fair_epochs(distilled: Result, baseline: Result, *, with_teacher: bool = True) -> int:
    """Epochs of the baseline that take as long as the distilled result, its teachers' training included or not."""
    seconds = distilled.train_s + (distilled.teacher_train_s if with_teacher else 0.0)
    return max(1, round(seconds / (baseline.train_s / baseline.epochs)))


def fair_entries(store: Store, sweep: str) -> list[dict[str, str | int]]:
    """For every (architecture, conv, method) of a sweep with a finished baseline of the network: the fair epochs.

    The baseline is the first one without settings on the same architecture and conv; medians over the seeds. UserError
    for a sweep that has not been run.
    """
    runs = [store.run(planned.key) for planned in store.known_plan(sweep).cells]
    on = {run.key: timed_on(run) for run in runs}
    finished = [(run, cell, result) for run in runs if (cell := run.cell()) and (result := run.result())]
    done = [(run.key, (cell, result)) for run, cell, result in finished if on[run.key]]
    timed = [Record(run, cell, run.environments(), "done", "", result) for run, cell, result in finished if on[run.key]]
    if doubted := {*uneven.seeds(timed)} | {record.key for record in timed if record.doubt}:
        log.warning("%d cells took uneven seconds, as beside other work: what is told of them is a guess", len(doubted))
    if left := len(finished) - len(done):
        log.warning("%d cells are left out, whose seconds are of a shared GPU or of several machines", left)
    rows: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for key, (cell, result) in done:
        found = baseline_of(cell, [each for other, each in done if on[other] == on[key]])
        taught_there = cell.teacher is None or on.get(cell.teacher, on[key]) == on[key]
        if found is not None and taught_there and not cell.is_baseline:
            name = (cell.architecture, cell.conv, cell.method_label, found[0].method)
            costs = fair_epochs(result, found[1]), fair_epochs(result, found[1], with_teacher=False)
            rows.setdefault(name, []).append(costs)
    entries: list[dict[str, str | int]] = []
    for (architecture, conv, like, method), epochs in rows.items():
        with_teacher, without = (round(statistics.median(of_seeds)) for of_seeds in zip(*epochs, strict=True))
        named = {"architecture": architecture, "conv": conv, "like": like, "method": method}
        entries.append({**named, "epochs": with_teacher, "epochs_without_teacher": without})
    return entries


def timed_on(run: Run) -> str:
    """The machine that a cell's seconds are of; nothing where it was several, or a part of a GPU."""
    machines = {hardware(each) for each in run.environments()}
    shared = any(each.sharing > 1 for each in run.environments())
    return "" if shared or len(machines) > 1 else next(iter(machines), machine([]))


def baseline_of(cell: CellRecord, done: Sequence[Finished]) -> Finished | None:
    """The plain baseline of a cell's network: of those that train the fewest networks, the one of its own seed."""
    same = (cell.architecture, cell.conv, cell.suite)
    plain = [found for found in done if found[0].is_baseline and not found[0].method_config]
    fits = [found for found in plain if (found[0].architecture, found[0].conv, found[0].suite) == same]
    return min(fits, key=lambda found: (len(found[1].networks), found[0].seed != cell.seed), default=None)


def lines(folder: Path, sweep: str) -> list[str]:
    """The entries as lines of a registry."""
    found = []
    for entry in fair_entries(Store(folder), sweep):
        texts = f"architecture: {entry['architecture']!r}, conv: {entry['conv']!r}, method: {entry['method']}"
        beside = f"as {entry['like']}; {entry['epochs_without_teacher']} without its teacher's training"
        found.append(f"- {{{texts}, epochs: {entry['epochs']}}}  # {beside}")
    return found
