"""Timing what cells deploy, and counting what their trainings compute: a piece of work of its own after a cell is done,
which cannot fail it."""

import copy
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import reason
from cheapconv.engine.measure import timings
from cheapconv.engine.measure.passes import AGAIN, Measuring, Step, Stopwatch, Watch, Work
from cheapconv.engine.measure.sizes import structure_key
from cheapconv.engine.measure.timings import Structure, Way
from cheapconv.engine.measure.turn import Turn, Untimed
from cheapconv.engine.run.room import free_bytes
from cheapconv.engine.store import compute, networks
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import DISK_ERRORS
from cheapconv.engine.store.records import Measurement
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.compute import count
from cheapconv.models.build import unread_network

HELD = 24  # networks at a time, which take about a quarter of a minute for a pass

log = logging.getLogger(__name__)


def measure_missing(store: Store, cell: Cell, device: torch.device, turn: Turn) -> None:
    """Count what the training of a finished cell computes, and time its students, where that is missing."""
    if not turn.stopping:
        count_missing(store, cell)
    time_missing(store, cell, Way.usual(device), turn)


def count_missing(store: Store, cell: Cell) -> None:
    """Count what a step of a finished cell's training computes, unless that was done for one that trains alike; what
    goes wrong is a warning. Of a teacher that its own training has changed there is no such network to count."""
    run = store.run(cell.key)
    taught_by = store.run(cell.teacher) if cell.teacher else None
    teacher, result = (taught_by.cell(), taught_by.result()) if taught_by else (None, None)
    name, curve = compute.name_of(cell, teacher), run.curve()
    if not curve or compute.of(store).read(name) or (result and any(network.changed for network in result.counted)):
        return
    try:
        if (found := count(cell, teacher, samples=round(curve[0].images))) is not None:
            compute.of(store).write(name, found)
    except Exception as error:  # whatever it is, as below
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            with store.explaining_full_disk():
                raise
        log.warning(
            "the multiply-adds of training %s %s by %s could not be counted (%s); `cheapconv measure` tries again",
            *(cell.architecture, cell.conv, cell.method, reason(error).rstrip(".")),
        )


def time_missing(store: Store, cell: Cell, way: Way, turn: Turn) -> None:
    """Time the students of a finished cell that were not timed by a way; what goes wrong is a warning."""
    for structure in structures(store, cell):
        try:
            if timings.kept(store, structure, way) is None:
                timings.take(store, structure, network_of(store, cell, structure), way, turn)
        except Exception as error:  # whatever it is, the training is safe and the timing can be repeated
            which = "what is not timed yet" if turn.stopping else f"{structure.architecture} {structure.conv}"
            again = f"`cheapconv measure{' --int8' if way.calibration else ''}` tries again"
            said = f"{which} could not be timed ({reason(error).rstrip('.')}); {again}"
            if turn.is_news(said):
                log.warning("%s", said)


def measure_again(
    store: Store,
    cells: list[Cell],
    way: Way,
    told: Callable[[Step], None],
    watch: Watch | None = None,
) -> Iterator[tuple[str, Measurement]]:
    """Time every network of the cells once more, in passes over all of them; the name of each in the papers' notation,
    and its timing. `told` hears what is being done.

    A timing is kept as soon as there is one, and again if a later round has made it better.
    """
    found: dict[str, tuple[Cell, Structure]] = {}
    for cell in cells:
        for structure in structures(store, cell) or [_untrained(cell)]:
            found.setdefault(structure.key, (cell, structure))
    left, done, again = [*found], dict[str, Measurement](), False

    def telling(step: Step) -> None:
        told(replace(step, way=f"{way.runtime} {way.precision}", again=again))

    measuring = Measuring(watch or Stopwatch(way.device), Turn(), telling)
    for _ in range(1 + AGAIN):
        if not left:
            break
        for group in _groups(store, [found[key] for key in left], way, measuring):
            measuring.take(group)
            for key, work in group.items():
                done[key] = timings.measurement(found[key][1], way, measuring.pooled(key), work.operators)
                timings.keep(store, found[key][1], way, done[key])
        left, again = [key for key in done if measuring.lacking(key)], True
    for key, timing in done.items():
        last = replace(timing, doubt=measuring.pooled(key).doubt)  # the best speed may have been seen after it
        if last != timing:
            timings.keep(store, found[key][1], way, last)
        yield _label(found[key][1]), last


def _groups(
    store: Store, wanted: Sequence[tuple[Cell, Structure]], way: Way, measuring: Measuring
) -> Iterator[dict[str, Work]]:
    """The networks, as many at a time as are held, by the keys of their structures; emptied when the next is asked for.

    HELD of them spread the slices of each over a minute, and more would help little; fewer where they and their
    buffers, which the warm-up makes, have taken half of the memory that was free.
    """
    group: dict[str, Work] = {}
    free = free_bytes(way.device)
    for cell, structure in wanted:
        try:
            work = timings.prepared(structure, network_of(store, cell, structure), way, measuring.turn)
            work = replace(work, name=_label(structure))
            measuring.warm(work)
        except Untimed:
            raise
        except Exception as error:  # a damaged file, or a network that does not run; the others are timed
            log.warning("%s could not be timed (%s)", _label(structure), reason(error).rstrip("."))
            continue
        group[structure.key] = work
        if len(group) == HELD or (free is not None and (free_bytes(way.device) or 0) < free / 2):
            yield group
            group.clear()
    if group:
        yield group


def _label(structure: Structure) -> str:
    """`WRN-40-2 G(4)`."""
    parts = {"architecture": structure.architecture, "conv": structure.conv}
    return " ".join(catalog.label(kind, catalog.parse(kind, text)) for kind, text in parts.items())


def structures(store: Store, cell: Cell) -> list[Structure]:
    """What a finished cell deploys; nothing of an unfinished one."""
    result, untrained = store.run(cell.key).result(), _untrained(cell)
    students = result.students if result else ()
    return [
        replace(
            untrained,
            key=student.structure or untrained.key,
            architecture=student.architecture or cell.architecture,
            conv=student.conv or cell.conv,
        )
        for student in students
    ]


def network_of(store: Store, cell: Cell, structure: Structure) -> nn.Module:
    """A network of that structure: a fresh one of its texts, or where training has changed it, the trained one."""
    result = store.run(cell.key).result()
    changed = [s.name for s in result.students if s.changed and s.structure == structure.key] if result else []
    if changed:
        return copy.deepcopy(networks.load(store, cell.key, changed[0]).network)
    return unread_network(structure.architecture, structure.conv, structure.classes)


def _untrained(cell: Cell) -> Structure:
    """The structure that a cell starts from."""
    shape = catalog.parse("suite", cell.suite).image
    key = structure_key(cell.architecture, cell.conv, cell.classes, shape)
    return Structure(key, cell.architecture, cell.conv, cell.classes, shape)
