"""The command `plan --estimate`: probes of what a sweep trains, kept in the store, and what follows from them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import torch
from rich import markup

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.measure import busy, energy
from cheapconv.engine.measure.machine import device_name, resolve_device
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.read import quantity
from cheapconv.engine.run.computing import settle
from cheapconv.engine.run.estimate import CellCost, Estimate, cost
from cheapconv.engine.run.show import console
from cheapconv.engine.store import probes
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.probes import Probe
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.precision import use_ieee_float32
from cheapconv.engine.train.probe import Noise, probe
from cheapconv.suites.base import Data
from cheapconv.suites.place import Place

log = logging.getLogger(__name__)


@dataclass
class Probing:
    """Gets the probes of a plan's cells on one place, those that the store lacks by taking them."""

    store: Store
    place: Place
    folder: Path | None  # of the data
    refused: dict[str, str] = field(default_factory=dict)  # by name of the probe: why there is none
    _opened: dict[tuple[str, int], tuple[Data, str]] = field(default_factory=dict)  # and why it is made up

    def __post_init__(self) -> None:
        self.device_name = device_name(self.place.device)

    def name(self, cell: Cell, teacher: Cell | None) -> str:
        """Of a cell's probe here."""
        return probes.name_of(cell, teacher, self.device_name, self.place.threads)

    def all(self, cells: Mapping[str, Cell]) -> dict[str, Probe]:
        """By name."""
        wanted = {self.name(cell, cells.get(cell.teacher or "")): cell for cell in cells.values()}
        found = {name: kept for name in wanted if (kept := probes.of(self.store).read(name))}
        lacking = {name: cell for name, cell in wanted.items() if name not in found}
        if lacking:
            busy.warn()
            use_ieee_float32()
        with console.status("", refresh_per_second=1) as status:
            for number, (name, cell) in enumerate(lacking.items(), 1):
                status.update(markup.escape(f"probe {number} of {len(lacking)}: {cell.title}"))
                try:
                    found[name] = self._taken(cell, cells.get(cell.teacher or ""))
                except (Exception, SystemExit) as error:  # of a method, a network, a library
                    self.refused[name] = reason(error).rstrip(".")
                    continue
                probes.of(self.store).write(name, found[name])  # one after the other: an interrupted probing goes on
        return found

    def _taken(self, cell: Cell, teacher: Cell | None) -> Probe:
        data, made_up = self._data(cell)
        meter = energy.meter(self.place.device)
        return replace(probe(cell, teacher, data, self.place, self.device_name, meter), made_up=made_up)

    def _data(self, cell: Cell) -> tuple[Data, str]:
        """The suite's data, or noise and why."""
        if (cell.suite, cell.held_out) not in self._opened:
            suite = catalog.parse("suite", cell.suite)
            try:
                opened = suite.open(self.place, self.folder, False, cell.held_out), ""
            except UserError as error:
                if suite.train_samples is None:
                    raise
                opened = Noise(suite, self.place, suite.train_samples - cell.held_out, {}), str(error)
            self._opened = {(cell.suite, cell.held_out): opened}  # one at a time: the last one is given back
        return self._opened[cell.suite, cell.held_out]


@dataclass(frozen=True)
class Estimated:
    """A sweep's estimate, and what it stands on."""

    sweep: str
    estimate: Estimate
    place: Place
    device_name: str
    done: int  # cells that are
    left_s: float  # of those that are not, each alone
    left_out: tuple[str, ...]  # in words


def estimated(plan: Plan, folder: Path, device: str, threads: int | None, data: Path | None, cohort: str) -> Estimated:
    """What the cells of a plan take here."""
    where, most = resolve_device(device), quantity.several("--cohort", cohort)
    settle(threads)
    place, store = Place(where, torch.get_num_threads()), Store(folder)
    store.prepare()
    cells = {planned.cell.key: planned.cell for planned in plan.cells}
    probing = Probing(store, place, data)
    with store.explaining_full_disk():
        found = probing.all(cells)
    names = {key: probing.name(cell, cells.get(cell.teacher or "")) for key, cell in cells.items()}
    spent = method_seconds(store, cells, names, probing)
    costs = {
        key: cost(cell, found[names[key]], spent.get((names[key], cell.epochs)))
        for key, cell in cells.items()
        if names[key] in found
    }
    done = {key for key in cells if store.run(key).result() is not None}
    unknown = {
        cells[key].method_label
        for key, each in costs.items()
        if each.probe.unseen and (names[key], cells[key].epochs) not in spent
    }
    return Estimated(
        sweep=plan.sweep,
        estimate=Estimate([*cells.values()], costs, most),
        place=place,
        device_name=probing.device_name,
        done=len(done),
        left_s=sum(cost.alone_s for key, cost in costs.items() if key not in done),
        left_out=(*_refused(probing, names, cells), *_made_up(costs), *_silent(unknown)),
    )


def method_seconds(
    store: Store, cells: Mapping[str, Cell], names: Mapping[str, str], probing: Probing
) -> dict[tuple[str, int], float]:
    """What methods did beside their steps in cells that were finished here: the mean, by probe and epochs."""
    found: dict[tuple[str, int], list[float]] = {}
    for key, cell in cells.items():
        run = store.run(key)
        result, machines = run.result(), {(e.device_name, e.threads, e.sharing) for e in run.environments()}
        if result and result.method_s is not None and machines == {(probing.device_name, probing.place.threads, 1)}:
            found.setdefault((names[key], cell.epochs), []).append(result.method_s)
    return {of: fmean(seconds) for of, seconds in found.items()}


def _refused(probing: Probing, names: Mapping[str, str], cells: Mapping[str, Cell]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for key, name in names.items():
        if name in probing.refused:
            by_reason.setdefault(probing.refused[name], []).append(cells[key].title)
    return [f"{len(those)} cells that cannot be probed, such as {those[0]} ({why})" for why, those in by_reason.items()]


def _made_up(costs: Mapping[str, CellCost]) -> list[str]:
    reasons = dict.fromkeys(cost.probe.made_up.rstrip(".") for cost in costs.values() if cost.probe.made_up)
    return [f"making batches and scoring, since the probe had noise instead of images ({why})" for why in reasons]


def _silent(methods: set[str]) -> list[str]:
    what = "work at the end of epochs and in later phases, known once such a cell is finished here"
    return [f"{what}: {', '.join(sorted(methods))}"] if methods else []
