"""Run stores that meet: what each has of a cell, a plan or a timing, in one of them.

A finished cell comes before one that is not, the furthest checkpoint before the others, and what is here already before
its equal. A second training of a cell is kept under its machine (engine/store/machines.py). Every cell is merged by
itself, so a merge that was killed is run again, and one that was finished changes nothing.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import about, bits, compute, copying, deployments, lock, machines, probes
from cheapconv.engine.store.archive import DamagedError
from cheapconv.engine.store.documents import Documents
from cheapconv.engine.store.plans import SweepPlan
from cheapconv.engine.store.runs import (
    CELL,
    CHECKPOINT,
    MEASUREMENTS,
    NETWORKS,
    RESULT,
    STATE,
    SWEEPS,
    TRACKER,
    Run,
    Store,
)
from cheapconv.engine.track import sent
from cheapconv.engine.train import checkpoint

Asks = ParamSpec("Asks")
T = TypeVar("T")


class LeftOutError(Exception):
    """Why something of another store is left out, in words."""


@dataclass
class Merged:
    """What came of it."""

    taken: int = 0  # finished cells that were not finished here
    further: int = 0  # unfinished ones that had come further elsewhere
    completed: int = 0  # plans, timings, probes, counts, and cells of which files were missing here
    same: list[str] = field(default_factory=list)  # trained twice, with the same bits
    other: list[str] = field(default_factory=list)  # and with other bits: in a sentence each
    left_out: dict[str, list[str]] = field(default_factory=dict)  # by reason


class Merge:
    """Brings the cells of other stores into one."""

    def __init__(self, into: Store, told: Callable[[str], None] = lambda line: None) -> None:
        self.into, self.merged, self._told = into, Merged(), told

    def take(self, source: Store) -> None:
        """All that a store has: finished cells first, for unfinished ones may learn from them."""
        runs, unfinished = runs_of(source), list[str]()
        for number, run in enumerate(runs, 1):
            self._told(f"{source.root}: {number} of {len(runs)} cells")
            if run.result() is None:
                unfinished.append(run.key)
            else:
                self._try(run.key, self._finished, run)
        for key in unfinished:
            self._try(key, self._unfinished, source, source.run(key))
        for run in machines.kept(source):
            self._try(run.key, self._finished, run)
        for sweep in source.sweeps():
            self._try(f"sweep {sweep}", self._plan, source, sweep)
        self._folder("timing", source, lambda store: store.measurements, lambda timing: (not timing.doubt, timing.date))
        self._folder("probe", source, probes.of, lambda probe: probe.date)
        self._folder("compute", source, compute.of, lambda count: 0)  # which is the same whoever has counted
        self._try(TRACKER, sent.learn, self.into.root, source.root)

    def _try(self, name: str, act: Callable[Asks, None], *of: Asks.args, **named: Asks.kwargs) -> None:
        """One thing; what is wrong with it is told of it, and the rest goes on."""
        try:
            act(*of, **named)
        except OSError as error:  # of a disk, a permission, a memory that another process holds
            self._leave(f"cannot be copied ({error.strerror or error})", name)
        except (DamagedError, LeftOutError, UserError) as error:
            self._leave(str(error).rstrip("."), name)

    def _leave(self, reason: str, name: str) -> None:
        self.merged.left_out.setdefault(reason, []).append(name)

    def _finished(self, run: Run) -> None:
        require_whole(run)
        own = self._own(run.key)
        if own.result() is None:
            with held(own):
                if own.result() is None:
                    copying.copy(run, own, copying.files_of(run), anew=True)
            sent.learn(own.folder, run.folder, theirs_first=True)
            self.merged.taken += 1
        elif machines.same_training(own, run):
            self._complete(own, run)
        else:
            self._second(own, run)

    def _complete(self, own: Run, run: Run) -> None:
        """A copy of the same training: what one of them lost, or has been deployed since, is in the other."""
        lacking = [name for name in copying.files_of(run) if not (own.folder / name).is_file()]
        if own.state().epoch < run.state().epoch:  # killed before it was said
            lacking.append(STATE)
        if lacking:
            with held(own):
                copying.copy(run, own, lacking)
            self.merged.completed += 1
        sent.learn(own.folder, run.folder)

    def _second(self, own: Run, run: Run) -> None:
        """Another training of a cell that is finished here."""
        same, place = bits.same_bits(own, run), machines.place(self.into, run)
        names = [name for name in copying.files_of(run) if not (same and name.startswith(NETWORKS))]
        begun = place.result() is None  # its files may be of another training, whose copying was killed
        lacking = [name for name in names if begun or not (place.folder / name).is_file()]
        if lacking or not machines.is_noted(self.into, place, same=same):
            with held(place):
                machines.note(self.into, place, same=same)
                copying.copy(run, place, lacking)
        if same:
            self._deploy(own, run)
            self.merged.same.append(run.key)
        else:
            self.merged.other.append(told(own, run, place))

    def _deploy(self, own: Run, run: Run) -> None:
        """Deployments of the same networks are its own too."""
        known = {deployment.name for deployment in deployments.read(own)}
        lacking = [deployment for deployment in deployments.read(run) if deployment.name not in known]
        if lacking:
            with held(own):
                for deployment in lacking:
                    deployments.write(own, deployment)

    def _unfinished(self, source: Store, run: Run) -> None:
        require_whole(run)
        own = self._own(run.key)
        if own.result() is not None or not standing(run) > standing(own):
            return
        if (run.folder / CHECKPOINT).is_file():
            self._require_teacher(source, run)
        with held(own):
            if own.result() is None:
                copying.copy(run, own, copying.files_of(run), anew=own.cell() is not None)
        sent.learn(own.folder, run.folder, theirs_first=True)
        if run.environments():
            self.merged.further += 1

    def _require_teacher(self, source: Store, run: Run) -> None:
        """A training that has begun learns from the same bits until its end."""
        cell = run.cell()
        if cell is None or cell.teacher is None:
            return
        theirs, ours = source.run(cell.teacher), self.into.run(cell.teacher)
        if theirs.result() is None or ours.result() is None or not bits.same_bits(ours, theirs):
            raise LeftOutError(
                f"is unfinished, and what it learns from in {source.root} is not in {self.into.root} with the same bits"
            )

    def _own(self, key: str) -> Run:
        """The cell here; LeftOutError where nothing can be written of it."""
        own = self.into.run(key)
        if (state := own.state()).state == "unreadable":
            raise LeftOutError(f"cannot be written ({state.error})")
        return own

    def _plan(self, source: Store, sweep: str) -> None:
        theirs = source.known_plan(sweep)
        ours = self.into.known_plan(sweep) if sweep in self.into.sweeps() else None
        if (joined := united(ours, theirs)) != ours:
            self.into.write_plan(joined)
            self.merged.completed += 1
        if ours and (ours.suite, ours.recipe) != (theirs.suite, theirs.recipe):
            raise LeftOutError(f"has another suite or recipe in {source.root}: of the two plans the newer one is kept")

    def _folder(self, word: str, source: Store, of: Callable[[Store], Documents[T]], worth: Callable[[T], Any]) -> None:
        """Documents of one kind: of two by one name that of the greater worth, of equals ours."""
        for name in of(source).names():
            self._try(f"{word} {name}", self._document, source, of, name, worth)

    def _document(
        self, source: Store, of: Callable[[Store], Documents[T]], name: str, worth: Callable[[T], Any]
    ) -> None:
        theirs, ours = of(source).read(name), of(self.into).read(name)
        if theirs is None:
            raise LeftOutError(f"cannot be read in {source.root}")
        if ours is None or worth(theirs) > worth(ours):
            of(self.into).write(name, theirs)
            self.merged.completed += 1


def runs_of(source: Store) -> list[Run]:
    """Every run folder, one that has lost its cell.json included."""
    found = {path.parent for name in (CELL, RESULT) for path in source.root.glob(f"*/{name}")}
    return [Run(folder) for folder in sorted(found) if folder.name not in (SWEEPS, MEASUREMENTS)]


def require_whole(run: Run) -> None:
    """LeftOutError where a process trains in the folder, or something is wrong with its files."""
    where, state = run.folder.parent, run.state()
    if lock.is_held(run.folder):
        raise LeftOutError(f"is running in {where}")
    faults = [state.error or ""] if state.state in ("unreadable", "damaged") else run.faults()
    if run.cell() is None and not faults:
        faults = [f"{CELL} is missing"]
    if faults:
        raise LeftOutError(f"cannot be used as it is in {where} ({'; '.join(faults)})")


@contextlib.contextmanager
def held(run: Run) -> Iterator[None]:
    """The cell's lock; LeftOutError where another process has it."""
    if lock.is_held(run.folder):  # without the patience for one that has just died
        raise LeftOutError(f"is running in {run.folder.parent}")
    with run.lock() as mine:
        if not mine:
            raise LeftOutError(f"is running in {run.folder.parent}")
        yield


def standing(run: Run) -> tuple[int, int, bool, bool]:
    """How far an unfinished cell is: epoch and step of its checkpoint, whether it has begun, whether it is known."""
    saved = checkpoint.read(run.folder)
    epoch, step = (saved["position"]["epoch"], saved["position"]["step"]) if saved else (-1, -1)
    return epoch, step, bool(run.environments()), run.cell() is not None


def united(ours: SweepPlan | None, theirs: SweepPlan) -> SweepPlan:
    """The plan with the cells of both, such as of a sweep that was divided by hand; of unlike ones the newer."""
    if ours is None:
        return theirs
    if (ours.suite, ours.recipe) != (theirs.suite, theirs.recipe):
        return max(ours, theirs, key=lambda plan: plan.created)  # the first of equals
    keys, networks = {cell.key for cell in ours.cells}, {(each.architecture, each.conv) for each in ours.dearer}
    return replace(
        ours,
        cells=(*ours.cells, *(cell for cell in theirs.cells if cell.key not in keys)),
        skipped=(*ours.skipped, *(cell for cell in theirs.skipped if cell not in ours.skipped)),
        about=about.united(theirs.about, ours.about),
        dearer=(*ours.dearer, *(each for each in theirs.dearer if (each.architecture, each.conv) not in networks)),
    )


def told(own: Run, other: Run, place: Run) -> str:
    """A cell whose two trainings differ: `1f0e... (WRN-10-2 G(4) kd seed 0): top1 0.8120 here, 0.8130 on A CPU ...`."""
    cell, ours, theirs = own.cell(), bits.finished(own), bits.finished(other)
    named = f" ({cell.title})" if cell else ""
    where = machines.machine(other.environments())
    scores = f"{ours.headline} {ours.score:.4f} here, {theirs.score:.4f} on {where}"
    return f"{own.key}{named}: {scores}, kept in {place.folder}"
