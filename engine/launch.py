"""Running a plan on one device: cell after cell, in this process. A failed cell is recorded and the sweep goes on."""

import errno
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from engine import catalog, checkpoint, record
from engine.cell import Cell
from engine.checkpoint import Position
from engine.environment import describe
from engine.errors import UserError
from engine.measure import time_once
from engine.networks import Builder, build_method
from engine.precision import use_ieee_float32
from engine.store import CHECKPOINT, Store, write_bytes
from engine.train import Diverged, Job, Stopped, train
from suites.batch import Data
from suites.recipe import Augmentation, Normalisation, Recipe, Schedule

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Watcher(Protocol):
    """Something that follows a run: a display, a mirror."""

    def started(self, cell: Cell) -> None:
        """A cell begins or goes on."""

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """A step is done; called thousands of times, so it has to be cheap."""

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """An epoch is evaluated and checkpointed."""

    def ended(self, cell: Cell, state: str) -> None:
        """The cell is `done`, `failed`, `stopped`, `waiting` for its teacher, or running `elsewhere`."""


@dataclass(frozen=True)
class Options:
    """How to run, none of which can change a result."""

    device: torch.device
    threads: int
    data_folder: Path | None = None
    download: bool = False
    compiled: bool = False
    retry_failed: bool = False
    fail_fast: bool = False
    should_stop: Callable[[], bool] = lambda: False


@dataclass
class Launcher:
    """Runs cells of one store, loading each suite's data once."""

    store: Store
    options: Options
    watchers: list[Watcher]
    _data: dict[str, Data] = field(default_factory=dict)

    def run(self, cells: list[Cell]) -> dict[str, str]:
        """Run every cell that is not done, teachers first as the plan has them; the end state by key."""
        use_ieee_float32()
        self._load_data(cells)
        ends: dict[str, str] = {}
        for cell in cells:
            ends[cell.key] = self._attempt(cell)
            for watcher in self.watchers:
                watcher.ended(cell, ends[cell.key])
            if ends[cell.key] == "stopped" or (ends[cell.key] == "failed" and self.options.fail_fast):
                break
        return ends

    def _load_data(self, cells: list[Cell]) -> None:
        """Before anything trains, so that a wrong folder is known at once."""
        for name in {cell.suite for cell in cells if self.store.state(cell.key)["state"] != "done"}:
            suite = catalog.entry("suite", name).cls()
            self._data[name] = suite.load(self.options.data_folder, self.options.download).to(self.options.device)

    def _attempt(self, cell: Cell) -> str:
        """Run one cell if it can and should be run."""
        state = self.store.state(cell.key)["state"]
        if state == "done" or (state == "failed" and not self.options.retry_failed):
            return state
        if cell.teacher and self.store.state(cell.teacher)["state"] != "done":
            return "waiting"
        if self.options.should_stop():
            return "stopped"
        with self.store.lock(cell.key) as mine:
            return self._run_locked(cell) if mine else "elsewhere"

    def _run_locked(self, cell: Cell) -> str:
        try:
            self._train(cell)
        except Stopped:
            return "stopped"
        except UserError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                raise UserError(
                    f"the store {self.store.root} cannot take more ({error.strerror}): make room and run again, "
                    "every finished epoch is kept."
                ) from error
            self._record_failure(cell, error)
            return "failed"
        return "done"

    def _train(self, cell: Cell) -> None:
        folder, data, options = self.store.folder(cell.key), self._data[cell.suite], self.options
        record.tidy(folder)
        epochs = cell.recipe["epochs"]
        self._fix_threads(folder)
        precision = cell.recipe["precision"]
        record.begin(folder, describe(options.device, precision=precision, compiled=options.compiled))
        self.store.set_state(cell.key, "running", 0, epochs)
        for watcher in self.watchers:
            watcher.started(cell)
        method = build_method(cell, Builder(cell, cell.classes, options.device, self.store))
        job = Job(
            recipe=recipe_of(cell),
            data=data,
            seed=cell.seed,
            device=options.device,
            folder=folder,
            compiled=options.compiled,
            on_step=lambda position, steps: self._stepped(cell, position, steps),
            on_epoch=lambda position: self._epoch_ended(cell, position),
            should_stop=options.should_stop,
        )
        position = train(method, job)
        record.finish(self.store, cell, method, position, data)
        time_once(self.store, cell.architecture, cell.conv, cell.classes, data.input_shape, options.device)

    def _fix_threads(self, folder: Path) -> None:
        """One and two threads give other bits: a resumed cell goes on with the number it began with."""
        saved = checkpoint.read(folder)
        torch.set_num_threads(saved["position"]["threads"] if saved else self.options.threads)

    def _stepped(self, cell: Cell, position: Position, steps: int) -> None:
        for watcher in self.watchers:
            watcher.stepped(cell, position, steps)

    def _epoch_ended(self, cell: Cell, position: Position) -> None:
        self.store.set_state(cell.key, "running", position.epoch, cell.recipe["epochs"])
        for watcher in self.watchers:
            watcher.epoch_ended(cell, position)

    def _record_failure(self, cell: Cell, error: Exception) -> None:
        """A traceback in error.txt and one line in the state. Diverged training would diverge again: start it anew."""
        folder = self.store.folder(cell.key)
        write_bytes(folder / "error.txt", traceback.format_exc().encode())
        if isinstance(error, Diverged):
            (folder / CHECKPOINT).unlink(missing_ok=True)
        line = f"{type(error).__name__}: {error}".splitlines()[0]
        self.store.set_state(cell.key, "failed", 0, cell.recipe["epochs"], line)


def recipe_of(cell: Cell) -> Recipe:
    """The Recipe object of a cell's plain numbers."""
    body = dict(cell.recipe)
    schedule = {**body.pop("schedule")}
    normalisation = {k: tuple(v) for k, v in body.pop("normalisation").items()}
    return Recipe(
        schedule=Schedule(**schedule | {"milestones": tuple(schedule["milestones"])}),
        augmentation=Augmentation(**body.pop("augmentation")),
        normalisation=Normalisation(**normalisation),
        **body,
    )
