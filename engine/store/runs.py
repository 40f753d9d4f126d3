"""The run folders: one a cell, the truth that MLflow follows and reports read. Their only reader and writer.

    runs/<key>/         cell.json state.json environment.json curve.jsonl result.json error.txt, networks/, last.pt
    runs/sweeps/        what each sweep consists of
    runs/measurements/  latency and throughput of each network

A file that is missing or cannot be read is None, and what that means is said once, in `Run.state`.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import lock, upgrade
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.files import (
    ABANDONED_S,
    DISK_ERRORS,
    TEMPORARY,
    leftovers,
    now,
    read_json,
    write_bytes,
    write_json,
    write_lines,
)
from cheapconv.engine.store.records import SCHEMA, CurveRow, Environment, Measurement, Result, State, SweepPlan, Word

CELL, STATE, ENVIRONMENT, CURVE = "cell.json", "state.json", "environment.json", "curve.jsonl"
RESULT, ERROR, CHECKPOINT, NETWORKS = "result.json", "error.txt", "last.pt", "networks"
SWEEPS, MEASUREMENTS = "sweeps", "measurements"
TRACKER = "mlflow.json"  # in the run folder, but the tracker's own

NOT_OURS = (ValueError, LookupError, TypeError, AttributeError)  # JSON of some other shape

T = TypeVar("T")
_ADAPTERS: dict[object, TypeAdapter] = {}  # of each record, made once


class Run:
    """The run folder of a cell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder.name

    def state(self) -> State:
        """How far the cell is. Its result is the truth: with one it is done, whatever state.json says."""
        stored = _typed(State, _read(self.folder / STATE)) or State()
        done = replace(stored, state="done", error=None)
        if self.result() is not None:
            return done
        damaged = stored.state == "done" or (self.folder / RESULT).is_file()
        stopped = stored.state == "running" and not lock.is_held(self.folder)
        if (damaged or stopped) and self.result() is not None:
            return done  # it has just ended, between the two looks
        if damaged:
            return replace(stored, state="damaged", error=f"{RESULT} is missing or damaged; run the sweep again")
        return replace(stored, state="stopped") if stopped else stored

    def cell(self) -> CellRecord | None:
        """What the cell is."""
        return _typed(CellRecord, _read(self.folder / CELL))

    def environments(self) -> tuple[Environment, ...]:
        """On what it was trained, one item a start."""
        found = upgrade.environments(read_json(self.folder / ENVIRONMENT)) or ()
        return _typed(tuple[Environment, ...], found) or ()

    def curve(self) -> list[CurveRow]:
        """Its finished epochs; an epoch that was written twice counts as it was written last."""
        try:
            lines = (self.folder / CURVE).read_text(encoding="utf-8").splitlines()
            rows = [_typed(CurveRow, upgrade.curve_row(json.loads(line))) for line in lines if line]
        except (OSError, *NOT_OURS):
            return []
        by_epoch = {row.epoch: row for row in rows if row is not None}
        return [by_epoch[epoch] for epoch in sorted(by_epoch)]

    def result(self) -> Result | None:
        """What came out of it."""
        body = _read(self.folder / RESULT)
        try:
            return None if body is None else _typed(Result, upgrade.result(body))
        except NOT_OURS:
            return None

    def write_state(self, word: Word, epoch: int = 0, epochs: int = 0, error: str | None = None) -> None:
        """Say how far the cell is, with a fresh heartbeat."""
        state = State(state=word, epoch=epoch, epochs=epochs, heartbeat=now(), error=error)
        write_json(self.folder / STATE, _body(state))

    def write_cell(self, cell: CellRecord) -> None:
        """Say what the cell is."""
        write_json(self.folder / CELL, {"schema": SCHEMA, **cell.to_json()})

    def begin(self, environment: Environment) -> None:
        """A start: on what, beside those before it; the error of an earlier attempt is gone."""
        write_json(self.folder / ENVIRONMENT, [asdict(item) for item in (*self.environments(), environment)])
        (self.folder / ERROR).unlink(missing_ok=True)

    def write_curve(self, rows: Sequence[CurveRow]) -> None:
        """All finished epochs."""
        write_lines(self.folder / CURVE, [asdict(row) for row in rows])

    def finish(self, result: Result) -> None:
        """Write the result, with which the cell is done, and remove what only an unfinished one needs."""
        *before, last = self.environments() or (Environment(),)  # somebody may have removed the file
        write_json(self.folder / ENVIRONMENT, [asdict(item) for item in (*before, replace(last, end=now()))])
        write_json(self.folder / RESULT, _body(result))
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
        return _typed(SweepPlan, _read(self.root / SWEEPS / f"{sweep}.json"))

    def sweeps(self) -> list[str]:
        """Names of the planned sweeps."""
        return sorted(path.stem for path in (self.root / SWEEPS).glob("*.json"))

    def write_plan(self, plan: SweepPlan) -> None:
        """Remember what a sweep consists of."""
        write_json(self.root / SWEEPS / f"{plan.sweep}.json", _body(plan))

    def measurement(self, name: str) -> Measurement | None:
        """The timing of that name."""
        return _typed(Measurement, _read(self.root / MEASUREMENTS / f"{name}.json"))

    def measurements(self, structure: str = "") -> list[Measurement]:
        """Every timing, or those of one structure."""
        names = [path.stem for path in sorted((self.root / MEASUREMENTS).glob(f"{structure}*.json"))]
        return [found for name in names if (found := self.measurement(name))]

    def write_measurement(self, name: str, measurement: Measurement) -> None:
        """Keep a timing."""
        write_json(self.root / MEASUREMENTS / f"{name}.json", _body(measurement))

    def prepare(self) -> None:
        """Create the store; a folder that cannot be written is a UserError before anything trains."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            write_bytes(self.root / ".writable", b"")
            (self.root / ".writable").unlink(missing_ok=True)  # another process may be looking too
        except OSError as error:
            raise UserError(
                f"the store {self.root} cannot be written ({error.strerror}): choose another with --store."
            ) from error

    def tidy(self) -> int:
        """Remove what killed processes left in every folder in which nothing trains; the number of files removed."""
        removed = 0
        for run in filter(Run.left, self.runs()):  # no other is locked: a lock that is held turns a run away
            with run.lock() as mine:
                removed += run.tidy() if mine else 0
        shared = [self.root, self.root / SWEEPS, self.root / MEASUREMENTS]  # without a lock
        found = [path for folder in shared for path in leftovers(folder.glob(f"{TEMPORARY}*"), ABANDONED_S)]
        for path in found:
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


def _read(path: Path) -> Any:
    """A JSON document, or None; one of a later schema is a UserError, because it must not be taken for damaged."""
    body = read_json(path)
    if isinstance(body, dict) and isinstance(body.get("schema"), int) and body["schema"] > SCHEMA:
        raise UserError(f"{path} was written by a newer release (schema {body['schema']}): update this one.")
    return body


def _typed(kind: type[T], body: object) -> T | None:
    """`body` as one of the records; None where it is none, which is how a damaged file shows itself."""
    if body is None:
        return None
    try:
        if kind not in _ADAPTERS:
            _ADAPTERS[kind] = TypeAdapter(kind)
        return _ADAPTERS[kind].validate_python(body)
    except ValidationError:
        return None


def _body(record: object) -> dict[str, object]:
    return {"schema": SCHEMA, **asdict(record)}  # type: ignore[call-overload]
