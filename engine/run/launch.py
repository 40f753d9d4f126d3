"""Running cells on one device, one after another, in this process. A failed cell is recorded and the sweep goes on."""

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import methodcaller
from typing import Protocol

import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure.machine import describe
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.plan.resolve import changed_since
from cheapconv.engine.run import record
from cheapconv.engine.run.measuring import measure_missing
from cheapconv.engine.run.progress import title
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.files import DISK_ERRORS
from cheapconv.engine.store.records import Word
from cheapconv.engine.store.runs import CHECKPOINT, Run, Store
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.loop import Stopped, train
from cheapconv.engine.train.precision import use_ieee_float32
from cheapconv.engine.train.training import Diverged, Training
from cheapconv.suites.base import Data, Suite
from cheapconv.suites.place import Place

LEFT_ASIDE = ("running", "waiting")  # ends of cells that another process trains, or whose teacher it may train

log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Something that follows a run, such as a display. One that fails is told nothing more, and the run goes on."""

    def started(self, cell: Cell) -> None:
        """A cell begins or goes on."""

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """A step is done; called thousands of times, so it has to be cheap."""

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """An epoch is evaluated and checkpointed."""

    def ended(self, cell: Cell, state: Word) -> None:
        """The cell is done, failed, stopped, waiting for its teacher, or running in another process."""


@dataclass
class Launcher:
    """Runs cells of one store."""

    store: Store
    place: Place
    settings: Settings = field(default_factory=Settings)
    watchers: Sequence[Watcher] = ()
    should_stop: Callable[[], bool] = lambda: False
    measure: Callable[[Store, Cell, torch.device, Turn], None] = measure_missing
    _data: dict[tuple[str, int], Data] = field(default_factory=dict)  # by suite and number of samples held out

    def run(self, cells: Sequence[Cell]) -> dict[str, Word]:
        """Run every cell that is not done, teachers first as the plan has them; the end state by key.

        Cells that were left aside are attempted again, as long as that changes anything: what kept them may be over.
        """
        use_ieee_float32()
        turn, ends, left = Turn(should_stop=self.should_stop), dict[str, Word](), [*cells]
        while left:
            before = dict(ends)
            if not self._attempt_each(left, ends, turn) or ends == before:
                break
            left = [cell for cell in left if ends[cell.key] in LEFT_ASIDE]
        return ends

    def _attempt_each(self, cells: Sequence[Cell], ends: dict[str, Word], turn: Turn) -> bool:
        """Attempt each cell once and note its end; False where that ends the run."""
        for number, cell in enumerate(cells):
            end = self._attempt(cell)
            if end == "done":
                self.measure(self.store, cell, self.place.device, turn)
            if end != ends.get(cell.key):
                ends[cell.key] = end
                self._tell(methodcaller("ended", cell, end))
            if end == "stopped" or (end == "failed" and self.settings.fail_fast):
                return False
            needed = {later.suite for later in cells[number + 1 :]}
            self._data = {of: data for of, data in self._data.items() if of[0] in needed}  # the others are given back
        return True

    def _tell(self, event: Callable[[Watcher], None]) -> None:
        """Tell every watcher."""
        for watcher in tuple(self.watchers):
            try:
                event(watcher)
            except Exception as error:  # a terminal, a pipe and a library of displays raise what they like
                self.watchers = [other for other in self.watchers if other is not watcher]
                log.warning("the display of the run has failed (%s) and ends; the run goes on", error)

    def _attempt(self, cell: Cell) -> Word:
        """Run one cell if it can and should be run."""
        run = self.store.run(cell.key)
        if standing := self._standing(cell, run):
            return standing
        self.store.require()
        try:
            with self.store.explaining_full_disk():
                run.write_cell(record.described(cell))  # before the lock, which would make a folder that says nothing
                with run.lock() as mine:
                    # Another process may train the cell, or have ended it between the first look and the lock.
                    return (self._standing(cell, run) or self._run(cell, run)) if mine else "running"
        except OSError as error:  # its folder, lock or state cannot be written: no other cell's trouble
            log.warning("cell %s is left alone: %s", cell.key, error)
            return "unreadable"

    def _standing(self, cell: Cell, run: Run) -> Word | None:
        """Why there is nothing to do for the cell, or nothing now; None where it is to be trained."""
        state = run.state().state
        if state in ("done", "unreadable") or (state == "failed" and not self.settings.retry_failed):
            return state
        if cell.teacher and self.store.run(cell.teacher).state().state != "done":
            return "waiting"
        return "stopped" if self.should_stop() else None

    def _run(self, cell: Cell, run: Run) -> Word:
        """Train the cell; whatever goes wrong in it is its own failure, but for the user's mistakes and a full disk."""
        try:
            self._train(cell, run)
        except Stopped:
            return "stopped"
        except UserError:
            raise
        except (Exception, SystemExit) as error:  # the latter of a method that ends what it takes for its own program
            if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                raise
            if run.result() is not None:  # the cell is done: nothing that comes after can undo it
                log.warning("cell %s is done, and then %s: %s", cell.key, type(error).__name__, error)
                return "done"
            self.store.require()
            run.write_cell(record.described(cell))  # its folder may be what was lost
            if isinstance(error, Diverged):  # it would diverge again: start anew
                (run.folder / CHECKPOINT).unlink(missing_ok=True)
            line = f"{type(error).__name__}: {error}".splitlines()[0]
            run.fail(line, traceback.format_exc(), cell.recipe["epochs"])
            return "failed"
        return "done"

    def _train(self, cell: Cell, run: Run) -> None:
        run.tidy()
        if cell.weights and (changed := changed_since(cell)):
            raise ValueError(f"the file of {changed} is not the one that was planned with: start the run again")
        saved = checkpoint.read(run.folder)
        # One and two threads give other bits: a resumed cell goes on with the number it began with.
        place = replace(self.place, threads=saved["position"]["threads"]) if saved else self.place
        recipe, suite, compiled = recipe_of(cell), catalog.parse("suite", cell.suite), self.settings.compiled
        data = self._data_of(cell, suite, place)
        begun = time.monotonic()
        machine = describe(place.device, threads=place.threads, precision=recipe.precision, compiled=compiled)
        run.begin(machine, afresh=saved is None)
        run.write_state("running", saved["position"]["epoch"] if saved else 0, recipe.epochs)
        self._tell(lambda watcher: watcher.started(cell))
        with place.in_use():
            task = suite.task_of(data)
            builder = Builder(cell, cell.classes, place, self.store, data.labels, task)
            training = Training(
                build_method(cell, builder),
                data,
                recipe,
                task,
                seed=cell.seed,
                place=place,
                randomness=builder.randomness,
                compile_method=compiled,
            )
            if saved and not taken_up(training, saved):
                (run.folder / CHECKPOINT).unlink()
                self._train(cell, run)  # anew, because what was half taken up is in the networks
                return
            train(
                training,
                run,
                on_step=lambda *at: self._tell(lambda watcher: watcher.stepped(cell, *at)),
                on_epoch=lambda position: self._epoch_ended(cell, position),
                should_stop=self.should_stop,
            )
            result = record.finish(self.store, cell, training, time.monotonic() - begun)
        if result.doubts:
            log.warning("the score of %s means nothing: %s", title(cell), result.doubts)

    def _data_of(self, cell: Cell, suite: Suite, place: Place) -> Data:
        """The suite's data, opened at the first cell that needs it; what is held out makes it another data set."""
        held_out = cell.recipe.get("validation") or 0
        if (cell.suite, held_out) not in self._data:
            opened = suite.open(place, self.settings.data, self.settings.download, held_out)
            self._data[cell.suite, held_out] = opened
        return self._data[cell.suite, held_out]

    def _epoch_ended(self, cell: Cell, position: Position) -> None:
        self.store.run(cell.key).write_state("running", position.epoch, cell.recipe["epochs"])
        self._tell(lambda watcher: watcher.epoch_ended(cell, position))


def taken_up(training: Training, saved: checkpoint.State) -> bool:
    """Let a training go on from its checkpoint; False where that is not one of this training."""
    try:
        training.load_state_dict(saved)
    except Exception as error:  # whatever another release, or another world, has left in it
        log.warning("a checkpoint cannot be taken up (%s: %s); the cell starts anew", type(error).__name__, error)
        return False
    return True
