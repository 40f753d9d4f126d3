"""Running a plan on one device: cell after cell, in this process. A failed cell is recorded and the sweep goes on."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure.machine import describe
from cheapconv.engine.measure.timings import time_once
from cheapconv.engine.run import record
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import DISK_ERRORS, write_bytes
from cheapconv.engine.store.runs import CHECKPOINT, Store
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.loop import Stopped, train
from cheapconv.engine.train.precision import use_ieee_float32
from cheapconv.engine.train.training import Diverged, Training
from cheapconv.suites.base import Data, Suite
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Augmentation, Normalisation, Recipe, Schedule


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
    _data: dict[tuple[str, int], Data] = field(default_factory=dict)

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
        place, options = Place(self.options.device, self.options.threads), self.options
        wanted = {data_key(cell) for cell in cells if self.store.state(cell.key)["state"] != "done"}
        for name, validation in wanted - self._data.keys():
            opened = suite_of(name).open(place, options.data_folder, options.download, validation)
            self._data[name, validation] = opened

    def _attempt(self, cell: Cell) -> str:
        """Run one cell if it can and should be run."""
        if ended := self._ended(cell):
            return ended
        if cell.teacher and self.store.state(cell.teacher)["state"] != "done":
            return "waiting"
        if self.options.should_stop():
            return "stopped"
        with self.store.lock(cell.key) as mine, self.store.explaining_full_disk():
            if not mine:
                return "elsewhere"
            # Another process may have ended the cell between the first look and the lock.
            return self._ended(cell) or self._run_locked(cell)

    def _ended(self, cell: Cell) -> str | None:
        """`done`, or `failed` where that is not to be tried again; None where there is work to do."""
        state = self.store.state(cell.key)["state"]
        return state if state == "done" or (state == "failed" and not self.options.retry_failed) else None

    def _run_locked(self, cell: Cell) -> str:
        if self.store.result(cell.key) is not None:  # killed between its result and its state
            record.close(self.store, cell.key, cell.recipe["epochs"])
            return "done"
        try:
            self._train(cell)
        except Stopped:
            return "stopped"
        except UserError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                raise
            self._record_failure(cell, error)
            return "failed"
        return "done"

    def _train(self, cell: Cell) -> None:
        """One and two threads give other bits: a resumed cell goes on with the number it began with."""
        record.tidy(self.store.folder(cell.key))
        saved = checkpoint.read(self.store.folder(cell.key))
        place = Place(self.options.device, saved["position"]["threads"] if saved else self.options.threads)
        with place.in_use():
            self._train_on(place, cell, saved)

    def _train_on(self, place: Place, cell: Cell, saved: checkpoint.State | None) -> None:
        folder, data, options = self.store.folder(cell.key), self._data[data_key(cell)], self.options
        precision = cell.recipe["precision"]
        record.begin(folder, describe(options.device, precision=precision, compiled=options.compiled))
        self.store.set_state(cell.key, "running", saved["position"]["epoch"] if saved else 0, cell.recipe["epochs"])
        for watcher in self.watchers:
            watcher.started(cell)
        builder = Builder(cell, cell.classes, place, self.store, data.labels)
        method = build_method(cell, builder)
        training = Training(
            method,
            data,
            recipe_of(cell),
            suite_of(cell.suite).task,
            seed=cell.seed,
            place=place,
            randomness=builder.randomness,
            compile_method=options.compiled,
        )
        if saved:
            training.load_state_dict(saved)
        position = train(
            training,
            folder,
            on_step=lambda position, steps: self._stepped(cell, position, steps),
            on_epoch=lambda position: self._epoch_ended(cell, position),
            should_stop=options.should_stop,
        )
        # Before the result, which ends the cell: a timing that fails or is killed leaves the checkpoint to go on from.
        for trained in method.networks():
            if trained.role == "student":
                texts = trained.architecture or cell.architecture, trained.conv or cell.conv, cell.classes
                changed = None if trained.structure is None else (trained.structure, trained.network)
                time_once(self.store, *texts, data.image, options.device, changed)
        record.finish(self.store, cell, method, position, data)

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


def suite_of(name: str) -> Suite:
    """The suite of that name."""
    return catalog.entry("suite", name).cls()


def data_key(cell: Cell) -> tuple[str, int]:
    """What cells share whose data is the same: the suite, and how many training samples are held out."""
    return cell.suite, cell.recipe.get("validation") or 0


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
