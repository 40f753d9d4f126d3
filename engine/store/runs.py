"""The run folders: one a cell, the truth that MLflow follows and reports read. Their only reader and writer.

    <key>/         cell.json state.json environment.json curve.jsonl result.json error.txt; by modules of their own
                   networks/ mistakes.npz answers.png deployments/ (beside this one), last.pt (engine/train/checkpoint)
    sweeps/        what each sweep consists of; measurements/, how fast a network is; compute/ and probes/ by their own

A file that is missing or cannot be read is None, and what that means is said once, in `Run.state` and `Run.faults`.
No folder is made by writing into it but by `Run.write_cell`: one that somebody removes stays away.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from cheapconv.catalog.errors import UserError, nearest, short
from cheapconv.engine.store import lock, upgrade
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.documents import Documents, Found, Reader, document, look
from cheapconv.engine.store.files import (
    ABANDONED_S,
    DISK_ERRORS,
    TEMPORARY,
    leftovers,
    make_folder,
    now,
    remove,
    sha256,
    write_bytes,
    write_json,
    write_lines,
)
from cheapconv.engine.store.plans import SweepPlan
from cheapconv.engine.store.records import CurveRow, Environment, Measurement, Result, State, Word, is_name

CELL, STATE, ENVIRONMENT, CURVE = "cell.json", "state.json", "environment.json", "curve.jsonl"
RESULT, ERROR, CHECKPOINT, PICTURE, MISTAKES = "result.json", "error.txt", "last.pt", "answers.png", "mistakes.npz"
SWEEPS, MEASUREMENTS, COMPUTE, PROBES, NETWORKS = "sweeps", "measurements", "compute", "probes", "networks"  # folders
TRACKER = "mlflow.json"  # in the run folder, but the tracker's own


class UnreadableError(Exception):
    """A file that must not be written anew, because it may still be whole; its cell's failure, and no other's."""


class Run:
    """The run folder of a cell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder.name
        self._read = Reader()  # what is whole and untouched is read once

    def state(self) -> State:
        """How far the cell is. Its result is the truth: with one it is done, whatever state.json says."""
        found, result = self._state(), self._result()
        if result.value is None and os.path.lexists(self.folder) and not os.path.isdir(self.folder):
            return State(state="unreadable", error=f"{self.folder} is no folder: move it away")
        for kept in (found, result):
            if not kept.ours:
                return State(state="unreadable", error=kept.fault)
        stored = found.value or State(error=found.fault and f"{found.fault}; run the sweep again")
        done = replace(stored, state="done", error=None)
        if result.value is not None:
            return done
        damaged = stored.state == "done" or result.fault is not None
        stopped = stored.state == "running" and not lock.is_held(self.folder)
        if (damaged or stopped) and self.result() is not None:
            return done  # it has just ended, between the two looks
        if damaged:
            return replace(stored, state="damaged", error=f"{RESULT} is missing or damaged; run the sweep again")
        return replace(stored, state="stopped") if stopped else stored

    def cell(self) -> CellRecord | None:
        """What the cell is."""
        return self._cell().value

    def environments(self) -> tuple[Environment, ...]:
        """On what it was trained, one item a start."""
        return self._environments().value or ()

    def curve(self) -> list[CurveRow]:
        """Its finished epochs; an epoch that was written twice counts as it was written last."""
        by_epoch = {row.epoch: row for row in self._curve().value or ()}
        return [by_epoch[epoch] for epoch in sorted(by_epoch)]

    def result(self) -> Result | None:
        """What came out of it."""
        return self._result().value

    def faults(self) -> list[str]:
        """What is wrong with its files, in words; what is absent is wrong only in a cell that began."""
        cell, environments, curve, ended = self._cell(), self._environments(), self._curve(), self._result()
        state = self._state() if ended.value is None else Found[State]()
        said = [each.fault for each in (cell, environments, curve, ended, state) if each.fault]
        if ended.value is None:
            said += [f"{STATE} is missing"] if environments.value and not state.value else []
        elif not said:
            said += [] if environments.value else [f"{ENVIRONMENT} is missing"]
            said += [] if ended.value.covers(self.curve()) else [f"{CURVE} is missing or incomplete"]
        return said

    def _state(self) -> Found[State]:
        return look(self.folder / STATE, State, belongs=lambda state: state.state != "unreadable")

    def _cell(self) -> Found[CellRecord]:
        own = self.folder / CELL
        return self._read(look, own, CellRecord, belongs=lambda cell: cell.teacher is None or is_name(cell.teacher))

    def _environments(self) -> Found[tuple[Environment, ...]]:
        noted = self._noted(ENVIRONMENT)
        return self._read(look, self.folder / ENVIRONMENT, tuple[Environment, ...], upgrade.environments, noted=noted)

    def _curve(self) -> Found[list[CurveRow]]:
        path, noted = self.folder / CURVE, self._noted(CURVE)
        return self._read(look, path, list[CurveRow], upgrade.curve, lines=True, noted=noted)

    def _result(self) -> Found[Result]:
        return self._read(look, self.folder / RESULT, Result, upgrade.result, lambda result: result.speaks_of(self.key))

    def _noted(self, name: str) -> str | None:
        """What a file of a finished cell held when its result was written."""
        result = self.result()
        return result.files.get(name) if result else None

    def write_state(self, word: Word, epoch: int = 0, epochs: int = 0, error: str | None = None) -> None:
        """Say how far the cell is, with a fresh heartbeat."""
        state = State(state=word, epoch=epoch, epochs=epochs, heartbeat=now(), error=error)
        write_json(self.folder / STATE, document(asdict(state)))

    def write_cell(self, cell: CellRecord) -> None:
        """Say what the cell is; its folder is made here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / CELL, document(cell.to_json()))

    def begin(self, environment: Environment, *, afresh: bool = False) -> None:
        """A start: on what, beside those before it if it is not `afresh`; what an earlier attempt came to is gone."""
        before = self._environments()
        if not before.ours:
            raise UnreadableError(before.fault)
        results = () if self.result() else (RESULT,)  # a damaged one, which would be taken for this one's
        for name in (ERROR, *results, *((CURVE,) if afresh else ())):
            remove(self.folder / name)
        earlier = () if afresh else before.value or ()
        write_json(self.folder / ENVIRONMENT, [asdict(item) for item in (*earlier, environment)])

    def write_curve(self, rows: Sequence[CurveRow]) -> None:
        """All finished epochs."""
        write_lines(self.folder / CURVE, [asdict(row) for row in rows])

    def finish(self, result: Result, end: str | None = None) -> None:
        """Write the result, with which the cell is done, at `end`, and remove what only an unfinished one needs."""
        *before, last = self.environments() or (Environment(),)  # somebody may have removed the file
        write_json(self.folder / ENVIRONMENT, [asdict(item) for item in (*before, replace(last, end=end or now()))])
        names = (ENVIRONMENT, CURVE, PICTURE, MISTAKES, f"{NETWORKS}/*.pt")
        others = [path for name in names for path in self.folder.glob(name)]
        files = {path.relative_to(self.folder).as_posix(): sha256(path) for path in others}
        write_json(self.folder / RESULT, document(asdict(replace(result, files=files))))
        self.write_state("done", result.epochs, result.epochs)
        self.tidy()

    def fail(self, line: str, traceback: str, epochs: int) -> None:
        """A traceback in error.txt and one line in the state."""
        write_bytes(self.folder / ERROR, traceback.encode())
        goes_on_at = self.state().epoch if (self.folder / CHECKPOINT).is_file() else 0
        self.write_state("failed", goes_on_at, epochs, line)

    def tidy(self) -> int:
        """Remove what a killed process left; the number of files."""
        found = self.left()
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def left(self) -> list[Path]:
        """What a killed process left: half-written files, and the checkpoint of a finished cell."""
        paths = [*self.folder.rglob(f"{TEMPORARY}*")]
        others = [path for path in paths if TRACKER in path.name]  # whose writer does not hold this folder's lock
        found = [*leftovers(set(paths) - {*others}), *leftovers(others, ABANDONED_S)]
        if (self.folder / CHECKPOINT).is_file() and self.result() is not None:
            found.append(self.folder / CHECKPOINT)
        return found

    def lock(self) -> contextlib.AbstractContextManager[bool]:
        """Hold the cell for this process; False if another process trains it."""
        return lock.held(self.folder)


class Store:
    """The folder of all run folders."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def run(self, key: str) -> Run:
        """The run folder of a cell, which may not be there yet."""
        return Run(self.root / key)

    def runs(self) -> list[Run]:
        """Every run folder that is there."""
        return [Run(path.parent) for path in sorted(self.root.glob(f"*/{CELL}"))]

    def plan(self, sweep: str) -> SweepPlan | None:
        """A sweep as last planned."""
        return self._plan(sweep).value

    def known_plan(self, sweep: str) -> SweepPlan:
        """A sweep as last planned; a UserError where there is no telling."""
        found = self._plan(sweep)
        if found.value is not None and found.value.sweep == sweep:  # ../sweeps/quick finds a file of another name
            return found.value
        if found.fault is None:
            none = f"holds no plan of a sweep '{short(sweep)}'{nearest(sweep, self.sweeps())}; it has not been run"
            raise UserError(f"{self.root} {none if self.root.is_dir() else 'is no store'}: run it first.")
        again = "; run it again, which plans it anew and keeps every result" if found.ours else ""
        raise UserError(f"the plan of sweep '{sweep}' in {self.root} cannot be used: {found.fault}{again}.")

    def _plan(self, sweep: str) -> Found[SweepPlan]:
        return look(self.root / SWEEPS / f"{sweep}.json", SweepPlan, belongs=SweepPlan.stays_inside)

    def sweeps(self) -> list[str]:
        """Names of the planned sweeps."""
        return sorted(path.stem for path in (self.root / SWEEPS).glob("*.json"))

    def write_plan(self, plan: SweepPlan) -> None:
        """Remember what a sweep consists of."""
        path = self.root / SWEEPS / f"{plan.sweep}.json"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            make_folder(path.parent)
            write_json(path, document(asdict(plan)))
        except PermissionError as error:  # a folder of another user
            raise UserError(f"{path} cannot be written ({error.strerror}): see to {path.parent}.") from error

    @property
    def measurements(self) -> Documents[Measurement]:
        """The timings, each by the key of its structure and the setting under which it was taken."""
        return Documents(self.root / MEASUREMENTS, Measurement, lambda name, timing: name.startswith(timing.structure))

    def prepare(self) -> None:
        """Create the store; a folder that cannot be written is a UserError before anything trains."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            write_bytes(self.root / ".writable", b"")
            (self.root / ".writable").unlink(missing_ok=True)  # another process may be looking too
        except OSError as error:
            line = f"the store {self.root} cannot be written ({error.strerror}): choose another with --store."
            raise UserError(line) from error

    def require(self) -> None:
        """A store that was there when the command began and is gone is a UserError, and not made anew."""
        if not self.root.is_dir():
            raise UserError(f"the store {self.root} is gone: put it back, or run again to begin a new one.")

    def tidy(self) -> int:
        """Remove what killed processes left in every folder in which nothing trains; the number of files removed."""
        removed = 0
        for run in filter(Run.left, self.runs()):  # no other is locked: a lock that is held turns a run away
            with run.lock() as mine:
                removed += run.tidy() if mine else 0
        shared = [self.root, *(self.root / name for name in (SWEEPS, MEASUREMENTS, COMPUTE, PROBES))]  # without a lock
        for path in (found := [p for each in shared for p in leftovers(each.glob(f"{TEMPORARY}*"), ABANDONED_S)]):
            path.unlink(missing_ok=True)
        return removed + len(found)

    @contextlib.contextmanager
    def explaining_full_disk(self) -> Iterator[None]:
        """Around work that writes to the store: a full or read-only disk is a UserError, and no cell's failure."""
        try:
            yield
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            raise UserError(
                f"the store {self.root} cannot take more ({error.strerror}): make room and run again, "
                "every finished epoch is kept."
            ) from error
