"""One cell's attempt at being trained, from its lock to its end. A failed cell is recorded, and the sweep goes on."""

import contextlib
import logging
import time
import traceback
from collections.abc import Mapping

import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.measure.machine import describe
from cheapconv.engine.plan.resolve import changed_since
from cheapconv.engine.run import record
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.run.team import Order, Team
from cheapconv.engine.run.watchers import Watchers
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.files import DISK_ERRORS
from cheapconv.engine.store.records import Word
from cheapconv.engine.store.runs import CHECKPOINT, Store
from cheapconv.engine.train import checkpoint, ranks
from cheapconv.engine.train.assembled import begun
from cheapconv.engine.train.cohort import Member
from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.teachers import Teachers
from cheapconv.engine.train.training import Diverged, Training
from cheapconv.suites.place import Place

LOST = (
    "the GPU answers this process no more since {} failed: run the same command again, and the others go on from their "
    "last checkpoints."
)
LOST_BESIDE_OTHERS = (
    "the GPU answers this process no more, as a step of {} was told ({}), which may be another cell's doing: run again "
    "with --cohort 1, and the one that spoils it fails."
)

log = logging.getLogger(__name__)


class GpuLostError(UserError):
    """After an error that no later call of the process gets rid of: a new process can go on."""


class Attempt:
    """A cell that this process tries to train (`engine.train.cohort.Watched`); `end` says how the attempt ended."""

    def __init__(
        self, cell: Cell, store: Store, settings: Settings, threads: int, events: Watchers, team: Team | None = None
    ) -> None:
        self.cell, self.store, self.run = cell, store, store.run(cell.key)
        self.end: Word | None = None
        self.lacked_memory = False  # beside others: alone it may have enough
        self._settings, self._threads, self._events = settings, threads, events
        self._team = team
        self._held = contextlib.ExitStack()  # its lock, and the processes that train it too
        self._broken: BaseException | None = None  # why the latter are left in the middle
        self._device = torch.device("cpu")  # until it is begun on another
        self._begun = time.monotonic()

    def settled(self, left: Mapping[str, Cell]) -> bool:
        """Whether there is nothing to do for the cell, or nothing yet, because its teacher is among what is `left`."""
        standing = standing_of(self.store, self.cell, self._settings.retry_failed)
        if standing and not (standing == "waiting" and self.cell.teacher in left):
            self.leave(standing)
        return standing is not None

    def begun(self, place: Place, feed: Feed, teachers: Teachers, *, alone: bool) -> Member | None:
        """Its training, held for this process and from where it stands; None where it came to an end at once, or goes
        on with other threads than the place has, for one and two threads give other bits."""
        self.store.require()
        self._device = place.device
        try:
            self.run.write_cell(record.described(self.cell))  # before the lock, which would make a folder of nothing
            if not self._held.enter_context(self.run.lock()):
                self.leave("running")
            # Another process may have ended it between the first look and the lock.
            elif standing := standing_of(self.store, self.cell, self._settings.retry_failed):
                self.leave(standing)
            else:
                return self._member(place, feed, teachers, alone)
        except OSError as error:  # its folder, lock or state cannot be written: no other cell's trouble
            if error.errno in DISK_ERRORS:
                raise
            self._left_alone(error)
        return None

    def close(self) -> None:
        """Give the cell back."""
        error = self._broken
        self._held.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)

    def leave(self, end: Word | None) -> None:
        """Give the cell back, with the end that its attempt has come to."""
        self.close()
        self.end = end
        if end is not None:
            self._events.ended(self.cell, end)

    def _member(self, place: Place, feed: Feed, teachers: Teachers, alone: bool) -> Member | None:
        try:
            saved = checkpoint.read(self.run.folder)
            if (saved["position"]["threads"] if saved else self._threads) != place.threads:
                self.leave(None)
                return None
            return Member(self._training(saved, place, feed, teachers), self.run, self)
        except (Exception, SystemExit) as error:
            self.failed(None, error, alone)
            return None

    def _training(self, saved: checkpoint.State | None, place: Place, feed: Feed, teachers: Teachers) -> Training:
        cell, compiled = self.cell, self._settings.compiled and place.world == 1
        self.run.tidy()
        if cell.weights and (changed := changed_since(cell)):
            raise ValueError(f"the file of {changed} is not the one that was planned with: start the run again")
        if self._team is not None:
            order = Order(cell, self.store.root.absolute(), self._settings, place.threads, catalog.plugins())
            self._held.enter_context(self._team.together(order))
        recipe, _ = recipe_of(cell), feed.data  # which are opened before the cell counts as begun
        self._begun = time.monotonic()
        own = record.code_of_plugins(cell)
        machine = describe(place, precision=recipe.precision, compiled=compiled, plugins=own)
        self.run.begin(machine, afresh=saved is None)
        self.run.write_state("running", saved["position"]["epoch"] if saved else 0, recipe.epochs)
        self._events.tell(lambda watcher: watcher.started(cell))
        saved = ranks.led(place, saved)  # the others have no folder
        training, taken_up = begun(cell, place, self.store, feed, teachers, saved, compiled)
        if saved and not taken_up:
            (self.run.folder / CHECKPOINT).unlink()
        return training

    def stepped(self, training: Training) -> None:
        """Tell the watchers."""
        self._events.tell(lambda watcher: watcher.stepped(self.cell, training.position, training.steps))

    def epoch_ended(self, training: Training) -> None:
        """Say how far it is."""
        self.run.write_state("running", training.position.epoch, training.recipe.epochs)
        self._events.tell(lambda watcher: watcher.epoch_ended(self.cell, training.position))

    def ended(self, training: Training) -> None:
        """Write the result: the cell is done."""
        result = record.finish(self.store, self.cell, training, time.monotonic() - self._begun)
        if result.doubts:
            log.warning("the score of %s means nothing: %s", self.cell.title, result.doubts)
        self.leave("done")

    def stopped(self, training: Training) -> None:
        """Its checkpoint is written."""
        self.leave("stopped")

    def failed(self, training: Training | None, error: Exception | SystemExit, alone: bool) -> None:
        """Record the failure; the user's mistakes and a full disk are raised, because they are no cell's."""
        if self._team is not None:
            error = self._broken = self._team.verdict(error)
        try:
            if isinstance(error, UserError) or (isinstance(error, OSError) and error.errno in DISK_ERRORS):
                raise error
            if not alone and not answers(self._device):  # and who has spoiled it is not known: errors come late
                self.leave(None)
                raise GpuLostError(LOST_BESIDE_OTHERS.format(self.cell.title, reason(error)))
            if not alone and lacks_memory(error):
                log.warning("%s had too little memory beside others, and goes on alone", self.cell.title)
                self.lacked_memory = True
                self.leave(None)
            elif self.run.result() is not None:  # the cell is done: nothing that comes after can undo it
                log.warning("cell %s is done, and then %s: %s", self.cell.key, type(error).__name__, error)
                self.leave("done")
            else:
                self._record(error)
                self.leave("failed")
                if not answers(self._device):
                    raise GpuLostError(LOST.format(self.cell.title))
        except OSError as again:
            if again.errno in DISK_ERRORS:
                raise
            self._left_alone(again)
        finally:
            self.close()

    def _record(self, error: Exception | SystemExit) -> None:
        self.store.require()
        self.run.write_cell(record.described(self.cell))  # its folder may be what was lost
        if isinstance(error, Diverged):  # it would diverge again: start anew
            (self.run.folder / CHECKPOINT).unlink(missing_ok=True)
        line = f"{type(error).__name__}: {error}".splitlines()[0]
        text = "".join(traceback.format_exception(error))
        self.run.fail(line, text, self.cell.epochs)

    def _left_alone(self, error: OSError) -> None:
        log.warning("cell %s is left alone: %s", self.cell.key, error)
        self.leave("unreadable")


def standing_of(store: Store, cell: Cell, retry_failed: bool) -> Word | None:
    """Why there is nothing to do for a cell, or nothing now; None where it is to be trained."""
    state = store.run(cell.key).state().state
    if state in ("done", "unreadable") or (state == "failed" and not retry_failed):
        return state
    if cell.teacher and store.run(cell.teacher).state().state != "done":
        return "waiting"
    return None


def answers(device: torch.device) -> bool:
    """Whether a device still does: after some errors, as of an index out of bounds, a GPU refuses all that a process
    asks of it."""
    if device.type == "cuda":
        try:
            torch.cuda.synchronize(device)
        except RuntimeError:
            return False
    return True


def lacks_memory(error: BaseException) -> bool:
    """Whether memory, of the device or the machine, was not enough."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
